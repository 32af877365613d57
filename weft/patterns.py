"""Regular expressions as users write them in routes, for whoever checks them and whoever matches by them.

They are RE2's, which are Go's and, but for rare corners, Rust's: without look-around and back-references,
and in return a match takes time in proportion to its text, whatever the two are. A path that a stranger
makes up for a route such as `(/[a-z]+)*/edit` cannot hold a proxy up.
"""

from __future__ import annotations

from typing import Protocol

_MEMORY = 1 << 20
"""Bytes that a pattern and what is remembered of matching it may take; what needs more is refused."""


class PatternError(ValueError):
    """Text that is no regular expression; the message says why, and does not repeat the text."""


class Pattern:
    """A regular expression that whole texts match or do not. Two of the same text are equal."""

    __slots__ = ("_set", "text")

    def __init__(self, text: str) -> None:
        """Raises PatternError."""
        self.text = text
        self._set = _compiled(text)

    def matches(self, text: str) -> bool:
        return self._set.Match(text) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


class _Matcher(Protocol):
    def Match(self, text: str) -> list[int] | None: ...  # noqa: N802 - the library's name


def _compiled(text: str) -> _Matcher:
    import re2  # five megabytes, for those who have such a route

    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        re2.compile(text, options)  # says why not, as a set does not
        # A set of one, for it matches by a finite automaton alone and tells no positions: a
        # fraction of a microsecond where a single expression takes three.
        only = re2.Set.FullMatchSet(options)
        only.Add(text)
        only.Compile()
    except UnicodeEncodeError:
        raise PatternError("it is not Unicode text") from None
    except re2.error as error:
        raise PatternError(_why(error)) from None
    matcher: _Matcher = only
    return matcher


def _why(error: Exception) -> str:
    (why,) = error.args
    return why.decode(errors="replace") if isinstance(why, bytes) else f"it is too large: {why}"
