"""Kubernetes quantities: `100m` of CPU, `128Mi` of memory. Exact.

The grammar is apimachinery's (`api/resource/quantity.go`). An exponent has three digits at most, and the
whole text LONGEST characters: more would only be good for filling memory.
"""

import re
from decimal import Decimal

DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
"""Powers of ten, smallest first."""
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
"""Powers of two, smallest first."""
LONGEST = 64
"""Characters of a quantity's text."""
_FORM = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?"
)


class QuantityError(ValueError):
    """Text that is no quantity; the message names it and what is allowed."""

    def __init__(self, text: object) -> None:
        given = str(text)
        shown = repr(given) if len(given) <= LONGEST else f"{given[:LONGEST]!r}..."
        super().__init__(
            f"{shown} is not a quantity: allowed are a number and one of "
            "n u m k M G T P E Ki Mi Gi Ti Pi Ei, such as 100m or 128Mi, "
            f"{LONGEST} characters at most"
        )


def parse_quantity(text: str | float) -> Decimal:
    """Its value in units (cores, bytes). Raises QuantityError."""
    given = str(text)
    match = _FORM.fullmatch(given) if len(given) <= LONGEST else None
    if match is None:
        raise QuantityError(text)
    number, suffix = Decimal(match[1]), match[2] or ""
    if suffix in BINARY:
        return number * Decimal(2) ** BINARY[suffix]
    return number.scaleb(DECIMAL[suffix] if suffix in DECIMAL else int(suffix[1:]))


def check_amount(text: str) -> str:
    """The text, if it is a quantity a container may ask for: none below 0. Raises QuantityError."""
    if parse_quantity(text) < 0:
        raise QuantityError(text)
    return text


def whole(value: Decimal) -> int:
    """Rounded up, as Quantity.Value() does."""
    floor = int(value)
    return floor + 1 if value > floor else floor
