"""Prometheus' text format 0.0.4, read in pieces: only the families asked for, nothing else looked at.

A scrape of a busy proxy has thousands of lines and the next one has the same lines with other
numbers. So a line is only cut in two, the series as it is spelled and its value; the spelling is
what a reader remembers the series by, and its labels are parsed once, when it is new.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\.)*)"\s*(,|$)')
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"\\": "\\", '"': '"', "n": "\n"}
_LONGEST_LINE = 65_536
LARGEST = 2**53
"""No number of a proxy is larger: Linkerd's counters begin anew there, above which floats skip numbers."""


class ExpositionError(ValueError):
    """Text that is not in the format; the message shows the line."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series by name and labels."""

    name: str
    labels: tuple[tuple[str, str], ...]


@dataclass
class Reader:
    """Bytes in, `(spelling, value)` out, for lines whose series' names begin with one of `wanted`.

    A line counts when its newline has come; `finish` takes a last line without one. Raises
    ExpositionError.
    """

    wanted: tuple[bytes, ...]
    _held: bytes = field(default=b"", init=False)

    def feed(self, chunk: bytes) -> Iterator[tuple[str, float]]:
        """The samples completed by these bytes; consume it before feeding more."""
        whole, newline, rest = chunk.rpartition(b"\n")
        if not newline:
            self._hold(self._held + chunk)
            return
        text, held = self._held + whole, rest
        self._hold(held)
        for line in text.split(b"\n"):
            if line.startswith(self.wanted):
                yield parse_line(line)

    def finish(self) -> Iterator[tuple[str, float]]:
        yield from self.feed(b"\n")

    def _hold(self, rest: bytes) -> None:
        if len(rest) > _LONGEST_LINE:
            raise ExpositionError(f"a line is longer than {_LONGEST_LINE} bytes: {rest[:60]!r}...")
        self._held = rest


def parse_line(line: bytes) -> tuple[str, float]:
    """`name{labels} value [timestamp]` -> the series as spelled, and the value. Raises ExpositionError.

    The value is from 0 to LARGEST, as all that is read of proxies counts something or is a time, or it
    is not finite. One pod's other numbers would make the sums of all pods more than an answer holds.
    """
    end = line.rfind(b"}") + 1
    if end:
        spelling, rest = line[:end], line[end:].split()
    else:
        spelling, *rest = line.split() or [b""]
    try:
        if not 1 <= len(rest) <= 2 or b"_" in rest[0]:
            raise ValueError
        name, value = spelling.decode(), float(rest[0])
    except ValueError:
        raise ExpositionError(f"{line[:200]!r} is not a sample: NAME{{LABELS}} VALUE") from None
    if not 0.0 <= value <= LARGEST and math.isfinite(value):
        raise ExpositionError(f"{line[:200]!r} has a value that is not from 0 to 2^53")
    return name, value


def parse_series(spelling: str) -> Series:
    """`name{a="x",b="y"}` -> its name and labels. Raises ExpositionError."""
    name, brace, inside = spelling.partition("{")
    if not _NAME.fullmatch(name.rstrip()) or (brace and not inside.endswith("}")):
        raise ExpositionError(f"{spelling[:200]!r} is not a series: NAME{{LABELS}}")
    return Series(name.rstrip(), tuple(_labels(spelling, inside[:-1])) if brace else ())


def _labels(spelling: str, inside: str) -> Iterator[tuple[str, str]]:
    inside, position, seen = inside.strip(), 0, set()
    while position < len(inside):
        match = _LABEL.match(inside, position)
        if match is None or match[1] in seen:
            problem = "a label given twice" if match else 'labels that are not name="value"'
            raise ExpositionError(f"{spelling[:200]!r} has {problem}")
        seen.add(match[1])
        yield match[1], _ESCAPE.sub(_unescape, match[2])
        position = match.end()


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[0])
