"""Tables of text: columns three spaces apart, as wide as their widest cell, never cut or wrapped.

Names are other people's: that of a route is any text. None can move the cursor, or begin a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cli.live.event import printable

GAP = "   "


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head. Names stand left; numbers stand right, so that digits line up."""

    title: str
    left: bool = False
    min_width: int = 0


def columns(heads: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """One line for the heads, one for each row; every row has a cell for each head."""
    table = [[head.title for head in heads], *([printable(cell) for cell in row] for row in rows)]
    widths = [
        max(head.min_width, *(len(row[index]) for row in table)) for index, head in enumerate(heads)
    ]
    return "".join(_line(heads, widths, row) for row in table)


def titled(name: str, table: str) -> str:
    """A table among several, under the name of what it is about."""
    return f"==> {printable(name)} <==\n{table}"


def _line(heads: Sequence[Column], widths: Sequence[int], row: Sequence[str]) -> str:
    cells = (
        cell.ljust(width) if head.left else cell.rjust(width)
        for head, width, cell in zip(heads, widths, row, strict=True)
    )
    return GAP.join(cells).rstrip() + "\n"
