"""Kubernetes quantities: `100m` CPU, `128Mi` memory. Pure and exact."""

import re
from decimal import Decimal

_FORM = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([eE][+-]?[0-9]+|[a-zA-Z]{0,2})")
_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{letter + "i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


class QuantityError(ValueError):
    """Text that is no quantity; the message names it and what is allowed."""


def parse_quantity(text: str | float) -> Decimal:
    """Its value in units (cores, bytes). Raises QuantityError."""
    match = _FORM.fullmatch(str(text).strip())
    if match is None:
        raise _bad(text)
    number, suffix = match.groups()
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix[1:].lstrip("+-").isdigit():
        return Decimal(number + suffix)
    if suffix not in _SUFFIXES:
        raise _bad(text)
    return Decimal(number) * _SUFFIXES[suffix]


def whole(value: Decimal) -> int:
    """Rounded up, as Quantity.Value() does."""
    floor = int(value)
    return floor + 1 if value > floor else floor


def _bad(text: object) -> QuantityError:
    return QuantityError(
        f"{str(text)!r} is not a quantity: allowed are a number and one of "
        "n u m k M G T P E Ki Mi Gi Ti Pi Ei, such as 100m or 128Mi"
    )
