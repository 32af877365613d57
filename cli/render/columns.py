"""Tables of text: columns three spaces apart, as wide as their widest cell, never cut or wrapped."""

from collections.abc import Sequence
from dataclasses import dataclass

GAP = "   "


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head. Names stand left; numbers stand right, so that digits line up."""

    title: str
    left: bool = False
    min_width: int = 0


def columns(heads: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """One line for the heads, one for each row; every row has a cell for each head."""
    table = [[head.title for head in heads], *rows]
    widths = [
        max(head.min_width, *(len(row[index]) for row in table)) for index, head in enumerate(heads)
    ]
    return "".join(_line(heads, widths, row) for row in table)


def _line(heads: Sequence[Column], widths: Sequence[int], row: Sequence[str]) -> str:
    cells = (
        cell.ljust(width) if head.left else cell.rjust(width)
        for head, width, cell in zip(heads, widths, row, strict=True)
    )
    return GAP.join(cells).rstrip() + "\n"
