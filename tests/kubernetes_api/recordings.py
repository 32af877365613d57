"""The recorded conversations: one file per test module, one entry per test."""

from __future__ import annotations

import difflib
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


def difference(path: Path, name: str, said: list[Json]) -> str:
    """Empty when the recording says the same; else what a reader needs to see of both."""
    recorded = _all(path).get(name)
    if recorded is None:
        return f"{path.name} has no {name}: record it from a real Kubernetes"
    if recorded == said:
        return ""
    lines = difflib.unified_diff(
        _text(recorded).splitlines(),
        _text(said).splitlines(),
        "recorded",
        "answered",
        n=6,
        lineterm="",
    )
    return "\n".join(lines)


def keep(path: Path, name: str, said: list[Json]) -> None:
    """Put this in the place of what was recorded under the name."""
    entries = {**_all(path), name: said}
    path.parent.mkdir(exist_ok=True)
    path.write_text(_text(dict(sorted(entries.items()))))
    _all.cache_clear()


@cache
def _all(path: Path) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = (
        yaml.load(path.read_text(), yaml.CSafeLoader) if path.exists() else {}
    )
    return found


class _Plain(yaml.CSafeDumper):
    """Repeats what occurs twice instead of pointing at it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Plain, sort_keys=True, width=120, allow_unicode=True))
