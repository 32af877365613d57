"""Reading a stream for a bounded time."""

import threading
from collections.abc import Iterator

import pytest

from cli.live.within import within

LONG = 3600.0


def test_a_stream_that_ends() -> None:
    assert list(within(iter([1, 2, 3]), LONG)) == [1, 2, 3]


def test_a_stream_on_which_nothing_comes() -> None:
    never = threading.Event()

    def stream() -> Iterator[int]:
        never.wait()
        yield 1

    assert list(within(stream(), 0.01)) == []
    never.set()


def test_a_stream_that_never_ends() -> None:
    def stream() -> Iterator[int]:
        while True:
            yield 1

    assert set(within(stream(), 0.05)) <= {1}


def test_what_a_stream_raises_comes_after_what_it_said() -> None:
    def stream() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    found = within(stream(), LONG)
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)
