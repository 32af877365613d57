"""docs/reference/checks.md: every check of `mesh check`, under the anchor its hint names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.checks.registry import ALL
from deploy.docs.markdown import page

if TYPE_CHECKING:
    from cli.checks.model import Check

_INTRODUCTION = """\
`mesh check` prints these in order. √ is fine, ‼ is a warning, × is a failure; after a fatal failure the rest is not
tried, because it could only fail as well."""


def write() -> str:
    sections = []
    seen: set[str] = set()
    for category in ALL:
        sections.append(f"## {category.name}")
        for check in category.checks:
            anchor = "" if check.anchor in seen else f'<a id="{check.anchor}"></a>\n\n'
            seen.add(check.anchor)
            sections.append(f"{anchor}### {check.description}\n\n{_kind(check)}{_advice(check)}")
    return page("Checks", _INTRODUCTION, *sections)


def _kind(check: Check) -> str:
    words = []
    if check.fatal:
        words.append("Fatal.")
    if check.warning:
        words.append("A warning.")
    if check.retry:
        words.append("Asked again until the deadline of `--wait`.")
    return "".join(f"{word} " for word in words)


def _advice(check: Check) -> str:
    return f"What to do: {check.advice}"
