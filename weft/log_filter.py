"""Log filters in the syntax of Linkerd's proxy, as levels of Python's loggers. Pure.

A filter is a list of directives separated by commas: a level for everything (`warn`) or for one
part (`linkerd=info`, `proxy.inbound=debug`). Names of Linkerd's crates mean the whole proxy.
Directives about spans (`[{headers}]=off`), which injectors add, say what this proxy does anyway:
it logs no headers.
"""

import logging

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


def level_of(levels: dict[str, int], name: str) -> int:
    """What a parsed filter lets through of a logger."""
    while name:
        if name in levels:
            return levels[name]
        name = name.rpartition(".")[0]
    return levels.get("", logging.ERROR)
