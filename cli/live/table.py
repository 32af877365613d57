"""The tally as a table that fits the screen.

The end of a path says more than its beginning, so paths are cut on the left. Where the screen is too
narrow for a path worth reading, columns are left out, the least telling first.
"""

from collections.abc import Callable

from cli.live.event import printable
from cli.live.tally import Key, Row, Tally

HINT = "(press q to quit)"
GAP = "  "
WORTH_READING = 20
"""Characters of a path below which other columns make room."""

Cell = Callable[[Key, Row], str]

_CELLS: dict[str, Cell] = {
    "Source": lambda key, row: key.source,
    "Destination": lambda key, row: key.destination,
    "Method": lambda key, row: key.method,
    "Path": lambda key, row: key.path,
    "Route": lambda key, row: key.path,
    "Count": lambda key, row: str(row.count),
    "Best": lambda key, row: duration(row.best),
    "Worst": lambda key, row: duration(row.worst),
    "Last": lambda key, row: duration(row.last),
    "Success Rate": lambda key, row: f"{row.success * 100:.2f}%",
}
_LEFT = ("Source", "Destination", "Method", "Path", "Route")
_DISPENSABLE = ("Best", "Last", "Worst", "Method")


def table(tally: Tally, width: int, height: int, said: str = "") -> str:
    """At most `height` lines of at most `width` characters: the least frequent rows are left out.

    `said` is what the stream says of itself: pods that are not shown, and the like.
    """
    found = tally.rows[: max(0, height - 2)]
    names = _names(tally)
    cells = {name: [printable(_CELLS[name](key, row)) for key, row in found] for name in names}
    room = _room(names, cells, width)
    for name in _DISPENSABLE:
        if room < WORTH_READING and name in names:
            names.remove(name)
            room = _room(names, cells, width)
    flexible = "Route" if tally.routes else "Path"
    cells[flexible] = [shorten(text, max(room, len(flexible))) for text in cells[flexible]]
    lines = [f"{HINT}{GAP}{said}", _line(names, names, cells)]
    lines += [
        _line(names, [cells[name][index] for name in names], cells) for index in range(len(found))
    ]
    return "\n".join(line[:width].rstrip() for line in lines)


def shorten(text: str, width: int) -> str:
    """The end of a text that is too long, behind an ellipsis."""
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]


def duration(microseconds: int) -> str:
    """`870µs`, `4ms`, `1.2s`."""
    if microseconds < 1_000:
        return f"{microseconds}µs"
    if microseconds < 1_000_000:
        return f"{microseconds // 1_000}ms"
    return f"{microseconds / 1_000_000:.1f}s"


def _names(tally: Tally) -> list[str]:
    ends = ["Destination"] if tally.hide_sources else ["Source", "Destination"]
    what = ["Route"] if tally.routes else ["Method", "Path"]
    return [*ends, *what, "Count", "Best", "Worst", "Last", "Success Rate"]


def _wide(name: str, cells: dict[str, list[str]]) -> int:
    return max(map(len, (name, *cells[name])))


def _room(names: list[str], cells: dict[str, list[str]], width: int) -> int:
    """What the other columns leave for the path."""
    others = sum(_wide(name, cells) for name in names if name not in ("Path", "Route"))
    return width - others - len(GAP) * (len(names) - 1)


def _line(names: list[str], texts: list[str], cells: dict[str, list[str]]) -> str:
    return GAP.join(
        text.ljust(_wide(name, cells)) if name in _LEFT else text.rjust(_wide(name, cells))
        for name, text in zip(names, texts, strict=True)
    )
