"""What is logged: the filter in force, over Python's loggers, and those of readers who follow."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import deque
from typing import TYPE_CHECKING

from weft.log_filter import LEVELS, level_of, parse_filter

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = {level: name for name, level in LEVELS.items() if name != "trace"}


class LogTail(logging.Handler):
    """What one reader follows, kept until it is taken; beyond a size, lines are left out and counted."""

    MAX_BYTES = 256 * 1024

    def __init__(self, levels: dict[str, int], ended: Callable[[LogTail], None]) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.levels = levels
        self._ended = ended
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < level_of(self.levels, record.name):
            return
        line = self.format(record).encode() + b"\n"
        if self._size + len(line) > self.MAX_BYTES:
            self._lost += 1
            return
        self._lines.append(line)
        self._size += len(line)

    def leave(self) -> None:
        """Nothing is kept any more."""
        self._ended(self)

    def take(self) -> bytes:
        """The lines since the last time, and how many were left out."""
        found = b"".join(self._lines)
        if self._lost:
            said = f"{self._lost} lines were left out: the reader is slower than they come"
            found += json.dumps({"level": "WARN", "fields": {"message": said}}).encode() + b"\n"
        self._lines.clear()
        self._size = self._lost = 0
        return found


class LogFilter:
    """The filter in force, and those of readers who follow what is logged."""

    MAX_TAILS = 4

    def __init__(self, text: str, handler: logging.Handler | None = None) -> None:
        """The filter is of `handler`, which is the root logger's. Raises FilterError."""
        self.text = ""
        self._levels: dict[str, int] = {}
        self._set: set[str] = set()
        """Loggers that were given a level."""
        self._handler = handler
        self._tails: list[LogTail] = []
        self.change(text)

    def change(self, text: str) -> None:
        """Put another filter in force. Raises FilterError, and changes nothing then."""
        self._levels = parse_filter(text)
        self.text = text
        self._apply()

    def follow(self, text: str) -> LogTail | None:
        """What another filter lets through from now on, the one in force if it is empty, until the
        reader leaves. None when as many follow as may. Raises FilterError."""
        levels = parse_filter(text or self.text)
        if len(self._tails) >= self.MAX_TAILS:
            return None
        tail = LogTail(levels, self._unfollow)
        self._tails.append(tail)
        if self._handler is not None and len(self._tails) == 1:
            self._handler.addFilter(self._admits)
        self._apply()
        logging.getLogger().addHandler(tail)
        return tail

    def _unfollow(self, tail: LogTail) -> None:
        logging.getLogger().removeHandler(tail)
        self._tails.remove(tail)
        self._apply()
        if self._handler is not None and not self._tails:
            self._handler.removeFilter(self._admits)

    def _admits(self, record: logging.LogRecord) -> bool:
        """Loggers say what anybody asked for; the handler's own filter asked for this much."""
        return record.levelno >= level_of(self._levels, record.name)

    def _apply(self) -> None:
        """Loggers have the level of whoever wants to hear the most of them."""
        every = [self._levels, *(tail.levels for tail in self._tails)]
        names = {"", *(name for one in every for name in one)}
        for name in self._set - names:
            logging.getLogger(name).setLevel(logging.NOTSET)
        for name in names:
            logging.getLogger(name or None).setLevel(min(level_of(one, name) for one in every))
        self._set = names


class PlainFormatter(logging.Formatter):
    """`[     0.012s]  INFO proxy.identity: certified ...`: seconds since the start."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.time()

    def format(self, record: logging.LogRecord) -> str:
        level = _NAMES.get(record.levelno, "error").upper()
        text = f"[{record.created - self._start:10.3f}s] {level:>5} {record.name}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class JsonFormatter(logging.Formatter):
    """One object a line, with the keys of Linkerd's proxy."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {"message": record.getMessage()}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return json.dumps(
            {
                "timestamp": f"{moment}.{int(record.msecs):03d}Z",
                "level": _NAMES.get(record.levelno, "error").upper(),
                "fields": fields,
                "target": record.name,
            }
        )


def install(text: str, log_format: str) -> LogFilter:
    """Send everything the filter lets through to standard error. Raises FilterError."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else PlainFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    return LogFilter(text, handler)
