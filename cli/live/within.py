"""A stream, read for a bounded time: reading it blocks, so it is read in a thread of its own."""

import queue
import threading
import time
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


class _End:
    """The stream has ended, or raised this."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


def within(stream: Iterator[T], seconds: float) -> Iterator[T]:
    """What comes within so many seconds from the first time that something is asked for.

    Raises what the stream raises until then. The thread is left behind, waiting for what comes next: it
    ends with the program.
    """
    arrived: queue.Queue[T | _End] = queue.Queue(maxsize=1000)

    def read() -> None:
        try:
            for one in stream:
                arrived.put(one)
        except Exception as error:
            arrived.put(_End(error))
        else:
            arrived.put(_End())

    deadline = time.monotonic() + seconds
    threading.Thread(target=read, daemon=True).start()
    while (left := deadline - time.monotonic()) > 0:
        try:
            one = arrived.get(timeout=left)
        except queue.Empty:
            return
        if isinstance(one, _End):
            if one.error is not None:
                raise one.error
            return
        yield one
