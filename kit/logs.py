"""Log lines: one line per event, for people (plain) or for machines (json).

Fields go in `extra`: `log.info("issued", extra={"identity": name})`. Whatever came from outside
is escaped in plain lines, so that nobody can write a line of our log with a newline in a name.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from kit.settings import LogFormat, LogLevel

_LEVELS: dict[LogLevel, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_NAMES = {logging.WARNING: "WARN", logging.CRITICAL: "ERROR"}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_QUIET = ("aiohttp", "asyncio", "grpc", "kubernetes", "opentelemetry", "urllib3")


def configure(level: LogLevel, style: LogFormat, stream: TextIO | None = None) -> None:
    """Sets the root logger; libraries are heard from `warn` up. Replaces earlier handlers."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter() if style == "json" else PlainFormatter())
    logging.basicConfig(level=_LEVELS[level], handlers=[handler], force=True)
    for library in _QUIET:
        logging.getLogger(library).setLevel(max(_LEVELS[level], logging.WARNING))


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What the caller gave in `extra`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class PlainFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO kit.lifecycle: stopping signal=SIGTERM`"""

    def format(self, record: logging.LogRecord) -> str:
        level = _NAMES.get(record.levelno, record.levelname)
        line = f"{_time(record)} {level} {record.name}: {_printable(record.getMessage())}"
        for key, value in fields(record).items():
            line += f" {key}={_plain(value)}"
        return line + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: timestamp, level, target, message, and the caller's fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": _time(record),
            "level": _NAMES.get(record.levelno, record.levelname),
            "target": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else json.dumps(text)


def _printable(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]
