"""Text -> documents that know where they come from, so that every error can say so."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cli.failure import CommandError
from cli.render.yaml_text import YamlError, load_documents
from cli.sources import Source

_SURROGATE = re.compile(r"\\u[dD][89A-Fa-f]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is."""

    source: str
    index: int
    """From 1."""
    line: int
    """The line it begins on, from 1."""

    def __str__(self) -> str:
        return f"{self.source}, document {self.index} (line {self.line})"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document: an object, with its place."""

    place: Place
    value: dict[str, Any]


class ManifestError(CommandError):
    """A document that cannot be what it claims to be; names file, document and line."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(f"{place}: {problem}")


def read_documents(source: Source) -> Iterator[Manifest]:
    """The objects of one text; empty documents are left out. Raises CommandError."""
    text = source.text
    if text.lstrip()[:1] in ("{", "["):  # JSON may be indented by tabs, YAML may not
        yield from _read_json(source)
        return
    index = 0
    try:
        for document in load_documents(text):
            index += 1
            if document.value is None:
                continue
            yield _object(Place(source.name, index, document.line), document.value)
    except YamlError as error:
        where = f", line {error.line}" if error.line is not None else ""
        problem = str(error).removeprefix(f"line {error.line}: ")
        raise CommandError(
            f"{source.name}, document {index + 1}{where}: not YAML: {problem}"
        ) from None


def _read_json(source: Source) -> Iterator[Manifest]:
    decoder = json.JSONDecoder(object_pairs_hook=_no_twins)
    text, position, index = source.text, 0, 0
    escaped = _SURROGATE.search(text) is not None
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return
        index += 1
        line = text.count("\n", 0, position) + 1
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise CommandError(
                f"{source.name}, document {index}, line {error.lineno}: not JSON: {error.msg}"
            ) from None
        except (ValueError, RecursionError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise CommandError(
                f"{source.name}, document {index}, line {line}: not JSON: {why}"
            ) from None
        place = Place(source.name, index, line)
        if escaped and not _is_text(value):
            raise ManifestError(place, "not JSON: half of a surrogate pair (\\ud800 to \\udfff)")
        yield _object(place, value)


def _is_text(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twin!r} is given twice")
    return found


def _object(place: Place, value: Any) -> Manifest:
    if not isinstance(value, dict):
        shape = {list: "a list", str: "plain text", bool: "a boolean"}.get(type(value), "a number")
        raise ManifestError(place, f"a manifest is an object with apiVersion and kind, not {shape}")
    return Manifest(place, value)
