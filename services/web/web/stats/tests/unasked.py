"""A backend of which nothing is expected; tests override what they ask."""

from web.stats.backend import History, Measured, MeasuredLinks, Provenance, Tallied
from web.stats.links import LinkSelection
from web.stats.selection import Selection
from web.stats.tallies import TallySelection


class Unasked:
    """Answers nothing."""

    max_window = 600.0
    age: float | None = 1.0
    provenance = Provenance("embedded", 1_700_000_000.0)

    async def measure(self, selection: Selection, window: float) -> Measured:
        raise NotImplementedError

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        raise NotImplementedError

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        raise NotImplementedError

    async def history(self, selection: Selection, window: float, step: float) -> History:
        raise NotImplementedError
