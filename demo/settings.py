"""What the programs read from their environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def text(name: str, *, env: Mapping[str, str] = os.environ) -> str:
    """A variable that must be set. Raises ValueError."""
    value = env.get(name, "")
    if not value:
        raise ValueError(f"{name} must be set")
    return value


def port(name: str, default: int | None = None, *, env: Mapping[str, str] = os.environ) -> int:
    """A port; 0 lets the system choose. Raises ValueError."""
    value = env.get(name) or ("" if default is None else str(default))
    if not value.isdigit() or int(value) > 65_535:
        raise ValueError(f"{name} is {value!r}: allowed is a port from 0 to 65535")
    return int(value)


def number(name: str, default: float, *, env: Mapping[str, str] = os.environ) -> float:
    """A number that is not negative. Raises ValueError."""
    value = env.get(name) or str(default)
    try:
        parsed = float(value)
    except ValueError:
        parsed = -1.0
    if not 0 <= parsed < float("inf"):
        raise ValueError(f"{name} is {value!r}: allowed is a number from 0 up")
    return parsed
