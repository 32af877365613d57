"""JSON that nests deeper than a decoder goes: read without what is deep in it.

The API server takes 10,000 levels wherever a definition lets fields be that it does not know, so any
tenant can store such an object. Decoders give up at some 200 (pydantic's) or 1,000 (Python's, which
counts the caller's stack too). Here nothing recurses: brackets are counted.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic_core import from_json

DEEPEST = 190
"""Levels that are read: fewer than pydantic's JSON decoder takes, more than anything that means something."""
_CUT = "nested too deeply"
# A string without an end is one token too: else each quote in it would be tried as a beginning.
_TOKEN = re.compile(rb'[{}\[\]]|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_OPENING, _CLOSING = b"{[", b"}]"


def decode(body: bytes, level: int) -> Any:
    """The JSON, whatever its depth; a too deep object at `level` (the outermost is 1) becomes its outline.

    `is_outline` tells. Raises ValueError when it is no JSON.
    """
    try:
        return from_json(body)
    except ValueError:
        pass  # too deep, or no JSON
    try:
        return json.loads(shallow(body, level))
    except RecursionError:
        raise ValueError("nested too deeply, and cut off") from None


def is_outline(value: Any) -> bool:
    """Whether this stands for an object that is too deep: its first two levels, null for what is deeper."""
    return isinstance(value, dict) and _CUT in value


def shallow(body: bytes, level: int) -> bytes:
    """The JSON with outlines for what is at `level` and reaches below DEEPEST. No JSON stays none."""
    return _replaced(body, level, DEEPEST, _outline)


def _outline(value: bytes) -> bytes:
    if not value.startswith(b"{"):
        return b"null"
    return b'{"%b":true,' % _CUT.encode() + _replaced(value, 3, 2, lambda _: b"null")[1:]


def _replaced(body: bytes, level: int, deepest: int, by: Callable[[bytes], bytes]) -> bytes:
    parts, copied = [], 0
    for start, end, bottom in _values(body, level):
        if bottom > deepest:
            parts += [body[copied:start], by(body[start:end])]
            copied = end
    return b"".join([*parts, body[copied:]])


def _values(body: bytes, level: int) -> Iterator[tuple[int, int, int]]:
    """Each object and array at `level`: where it begins and ends, and the level of its deepest."""
    depth = bottom = start = 0
    for token in _TOKEN.finditer(body):
        at = token.start()
        if body[at] in _OPENING:
            depth += 1
            if depth == level:
                start, bottom = at, depth
            elif depth > bottom:
                bottom = depth
        elif body[at] in _CLOSING:
            if depth == level:
                yield start, at + 1, bottom
            depth -= 1
