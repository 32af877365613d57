"""Labels of metrics and the values they must have: `cluster=east,region=eu`."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def parse_matchers(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of label and value, in order; none for empty text. Raises ValueError."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not value or not _NAME.fullmatch(name) or name in found:
            raise ValueError(f"{part!r} is not LABEL=VALUE of a metric, each label once")
        found[name] = value
    return tuple(found.items())
