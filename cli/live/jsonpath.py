r"""Templates of `-o jsonpath=...`, in kubectl's language as far as events need it.

`{.requestInitEvent.method} {.destination.metadata['pod']}{"\n"}`: text stands for itself, braces hold a
quoted text or a path. A path is made of `.name` (a dot in a name is written `\.`), `['name']`, `[0]`,
`[-1]` and `[*]` or `.*`; `$` and `@` at its start mean the event. What an event does not have is empty,
because events of different kinds have different fields. Ranges, filters, slices and `..` are refused
with a message rather than read as something else.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cli.live.event import printable

ALLOWED = "allowed in braces are \"text\" and paths of .name, ['name'], [0] and [*]"
_PIECE = re.compile(r'[^{}]+|\{\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<path>[^"{}]*?))\s*\}')
_STEP = re.compile(
    r"""\.(?P<star>\*) | \.(?P<name>(?:[^.\[\]\\'*\s]|\\.)+)
    | \[\s*(?: '(?P<quoted>[^']*)' | (?P<all>\*) | (?P<index>-?[0-9]{1,9}) )\s*\]""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")


class TemplateError(ValueError):
    """Not a template that is understood; says which part, and what is allowed."""


@dataclass(frozen=True, slots=True)
class _Every:
    """All members of a list or values of an object."""


_Step = str | int | _Every
_Path = tuple[_Step, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and paths, in order."""

    parts: tuple[str | _Path, ...]

    def fill(self, document: Any) -> str:
        """The text for one event; empty when the event has nothing that a path names."""
        found = [one if isinstance(one, str) else _show(document, one) for one in self.parts]
        told = any(
            text for text, part in zip(found, self.parts, strict=True) if not isinstance(part, str)
        )
        return "".join(found) if told else ""


def parse(text: str) -> Template:
    """Raises TemplateError."""
    parts: list[str | _Path] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise TemplateError(f"jsonpath {text[at:]!r} is not understood: {ALLOWED}")
        if found["text"] is not None:
            parts.append(_text(found["text"]))
        elif found["path"] is not None:
            parts.append(_path(found["path"]))
        else:
            parts.append(found[0])
        at = found.end()
    if all(isinstance(part, str) for part in parts):
        raise TemplateError(f"jsonpath {text!r} names nothing of an event: {ALLOWED}")
    return Template(tuple(parts))


def _text(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        raise TemplateError(f"jsonpath: {quoted} is not a text as JSON writes it") from None


def _path(text: str) -> _Path:
    rest = text.removeprefix("$").removeprefix("@")
    steps: list[_Step] = []
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        if found is None:
            if rest == ".":
                break
            raise TemplateError(f"jsonpath {{{text}}} is not understood: {ALLOWED}")
        if found["name"] is not None:
            steps.append(_ESCAPED.sub(r"\1", found["name"]))
        elif found["quoted"] is not None:
            steps.append(_ESCAPED.sub(r"\1", found["quoted"]))
        elif found["index"] is not None:
            steps.append(int(found["index"]))
        else:
            steps.append(_Every())
        at = found.end()
    if not text:
        raise TemplateError(f"jsonpath {{}} is empty: {ALLOWED}")
    return tuple(steps)


def _show(document: Any, path: _Path) -> str:
    found = [document]
    for step in path:
        found = [deeper for one in found for deeper in _follow(one, step)]
    return " ".join(_said(one) for one in found)


def _follow(value: Any, step: _Step) -> Iterator[Any]:
    match step, value:
        case _Every(), dict():
            yield from value.values()
        case _Every(), list():
            yield from value
        case str(), dict() if step in value:
            yield value[step]
        case int(), list() if -len(value) <= step < len(value):
            yield value[step]


def _said(value: Any) -> str:
    """What came over the wire cannot begin lines of its own or move a cursor; texts of the template may."""
    return printable(value) if isinstance(value, str) else json.dumps(value)
