"""`8080`, `503`: whole numbers as others write them."""

from __future__ import annotations

_LONGEST = 18
"""Digits that every integer of the wire has room for."""


def whole_number(text: str) -> int | None:
    """The number that is written in 1 to 18 ASCII digits and nothing else; None for any other text.

    `str.isdigit` does not tell that: "²" is a digit to it, and int() raises ValueError for that, as it does
    for thousands of digits.
    """
    if len(text) <= _LONGEST and text.isascii() and text.isdigit():
        return int(text)
    return None
