"""Container logs in the form the kubelet's runtimes write: `TIME STREAM F|P LINE`.

A file holds at most `CAP` bytes; then it becomes `.1` and a fresh one begins, so a container keeps
between one and two times that much.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

CAP = 10 * 1024 * 1024
_LONGEST = 16 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One entry. `partial` when the line goes on in the next entry of the same stream."""

    time: str
    stream: str
    partial: bool
    content: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "Line | None":
        parts = raw.rstrip(b"\n").split(b" ", 3)
        if len(parts) != 4:
            return None
        return cls(parts[0].decode(), parts[1].decode(), parts[2] == b"P", parts[3])

    def render(self, *, timestamps: bool) -> bytes:
        """As `kubectl logs` shows it."""
        stamp = f"{self.time} ".encode() if timestamps else b""
        return stamp + self.content + (b"" if self.partial else b"\n")


class LogWriter:
    """Takes what a container writes, as it comes, and lets followers know."""

    def __init__(
        self, path: Path, *, cap: int = CAP, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """`clock` tells nanoseconds since the epoch. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size
        self._cap = cap
        self._clock = clock
        self._begun: dict[str, bytes] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        self._listeners: set[Callable[[str, bytes], None]] = set()
        self.closed = False

    def feed(self, stream: str, data: bytes) -> None:
        """`data` is the next piece of `stream` (stdout or stderr), cut anywhere."""
        for listener in self._listeners:
            listener(stream, data)
        *whole, rest = (self._begun.pop(stream, b"") + data).split(b"\n")
        entries = [entry for line in whole for entry in _entries(line)]
        while len(rest) > _LONGEST:
            entries.append((b"P", rest[:_LONGEST]))
            rest = rest[_LONGEST:]
        if rest:
            self._begun[stream] = rest
        self._write(stream, entries)

    def close(self) -> None:
        """Write out what no newline ended; followers end after it."""
        if self.closed:
            return
        for stream, rest in self._begun.items():
            self._write(stream, [(b"F", rest)])
        self._begun.clear()
        self._file.close()
        self.closed = True
        self._wake()

    def listen(self, listener: Callable[[str, bytes], None]) -> Callable[[], None]:
        """Call `listener` with every piece as it comes; returns what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def changed(self) -> None:
        """Wait until something was written, or the writer was closed."""
        if self.closed:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _write(self, stream: str, entries: Iterable[tuple[bytes, bytes]]) -> None:
        stamp = rfc3339_nano(self._clock()).encode()
        head = stamp + b" " + stream.encode() + b" "
        data = b"".join(head + tag + b" " + content + b"\n" for tag, content in entries)
        if not data:
            return
        self._file.write(data)
        self._size += len(data)
        if self._size >= self._cap:
            self._rotate()
        self._wake()

    def _rotate(self) -> None:
        self._file.close()
        self.path.rename(rotated(self.path))
        self._file = self.path.open("ab", buffering=0)
        self._size = 0

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


class LogReader:
    """Reads a log from its beginning, across rotations."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError."""
        self._path = path
        older = rotated(path)
        self._file = (older if older.exists() else path).open("rb")

    def lines(self) -> Iterator[Line]:
        """Every entry there is now and was not yet read."""
        while True:
            while raw := self._file.readline():
                if not raw.endswith(b"\n"):
                    self._file.seek(-len(raw), os.SEEK_CUR)
                    return
                if entry := Line.parse(raw):
                    yield entry
            if not self._moved():
                return
            self._file.close()
            self._file = self._path.open("rb")

    def close(self) -> None:
        self._file.close()

    def _moved(self) -> bool:
        """Whether the file that was read is no longer the one being written."""
        try:
            return self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False


async def follow(reader: LogReader, writer: LogWriter) -> AsyncGenerator[Line, None]:
    """What `reader` has and everything that comes, until the writer is closed."""
    while True:
        ended = writer.closed
        for line in reader.lines():
            yield line
        if ended:
            return
        if not writer.closed:
            await writer.changed()


def select(lines: Iterable[Line], *, since: str = "", tail: int | None = None) -> list[Line]:
    """Entries not older than `since` (RFC 3339 with nanoseconds, UTC), of those the last `tail` lines."""
    kept: Iterable[Line] = (line for line in lines if line.time >= since)
    if tail is None:
        return list(kept)
    groups: deque[list[Line]] = deque(maxlen=tail)
    begun: dict[str, list[Line]] = {}
    for line in kept:
        group = begun.get(line.stream)
        if group is None:
            group = []
            groups.append(group)
        group.append(line)
        if line.partial:
            begun[line.stream] = group
        else:
            begun.pop(line.stream, None)
    return [line for group in groups for line in group]


def rotated(path: Path) -> Path:
    return path.with_suffix(".log.1")


def rfc3339_nano(at: int) -> str:
    """Nanoseconds since the epoch, always with nine digits of a second, so that texts sort by time."""
    seconds, nanos = divmod(at, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


def _entries(line: bytes) -> Iterator[tuple[bytes, bytes]]:
    while len(line) > _LONGEST:
        yield b"P", line[:_LONGEST]
        line = line[_LONGEST:]
    yield b"F", line
