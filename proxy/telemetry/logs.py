"""What is logged: filters in the syntax of Linkerd's proxy, over Python's loggers.

A filter is a list of directives separated by commas: a level for everything (`warn`) or for one
part (`linkerd=info`, `proxy.inbound=debug`). Names of Linkerd's crates mean the whole proxy.
Directives about spans (`[{headers}]=off`), which injectors add, say what this proxy does anyway:
it logs no headers.
"""

from __future__ import annotations

import json
import logging
import sys
import time

LEVELS = {
    "off": logging.CRITICAL + 10,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}

_OURS = ("proxy", "linkerd")
"""What a directive without a level may begin with; any other lone word is a misspelt level."""

_NAMES = {level: name for name, level in LEVELS.items() if name != "trace"}


class FilterError(ValueError):
    """Text that is not a filter; the message names the directive and what is allowed."""


def parse_filter(text: str) -> dict[str, int]:
    """Logger names with levels; the empty name is everything. Raises FilterError."""
    levels: dict[str, int] = {}
    for directive in (part.strip() for part in text.split(",")):
        if not directive:
            continue
        target, equals, level = directive.rpartition("=")
        if level.lower() not in LEVELS:
            if equals or not (_is_target(level) and level.startswith(_OURS)):
                raise FilterError(
                    f"{directive!r} is not a log directive: allowed are LEVEL and TARGET=LEVEL, "
                    f"with a level of {', '.join(LEVELS)}"
                )
            target, level = level, "trace"
        if "[" in target:
            continue
        if target and not _is_target(target):
            raise FilterError(f"{target!r} is not the name of a part of the proxy")
        levels[_logger(target)] = LEVELS[level.lower()]
    if not levels:
        raise FilterError("an empty filter would say nothing: allowed is, for example, warn")
    return levels


def check(text: str) -> str:
    """The text, if it is a filter. Raises FilterError."""
    parse_filter(text)
    return text


def _is_target(text: str) -> bool:
    return bool(text) and all(part.isidentifier() for part in text.replace("::", ".").split("."))


def _logger(target: str) -> str:
    if target.startswith("linkerd"):
        return "proxy"
    return target.replace("::", ".")


class LogFilter:
    """The filter in force."""

    def __init__(self, text: str) -> None:
        """Raises FilterError."""
        self.text = ""
        self._levels: dict[str, int] = {}
        self.change(text)

    def change(self, text: str) -> None:
        """Put another filter in force. Raises FilterError, and changes nothing then."""
        levels = parse_filter(text)
        for name in self._levels:
            logging.getLogger(name or None).setLevel(logging.NOTSET)
        logging.getLogger().setLevel(levels.get("", logging.ERROR))
        for name, level in levels.items():
            if name:
                logging.getLogger(name).setLevel(level)
        self._levels = levels
        self.text = text


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
    return LogFilter(text)
