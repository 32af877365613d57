"""What pages are made of, with nothing behind it: a cluster that stands still."""

import asyncio
from collections.abc import Mapping

from web.pages.components import Components
from web.pages.snapshots import World
from web.stats.backend import (
    BackendError,
    Flow,
    Group,
    History,
    Measured,
    MeasuredLinks,
    Sample,
    Traffic,
)
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.links import End, Link, LinkSelection, Security
from web.stats.selection import Selection
from web.stats.tests.cluster import emojivoto
from web.stats.tests.unasked import Unasked
from weft.names import TrustDomain

WEB = End(Kind.DEPLOYMENT, "emojivoto", "web")
EMOJI = End(Kind.DEPLOYMENT, "emojivoto", "emoji")


class Standing(Unasked):
    """A backend that always measures the same, and counts how often."""

    def __init__(self) -> None:
        self.measured = 0
        self.error: Exception | None = None

    async def measure(self, selection: Selection, window: float) -> Measured:
        self.measured += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        name = "web" if selection.name_label != "namespace" else "emojivoto"
        home = "" if selection.namespace_label is None else "emojivoto"
        return Measured({Group(home, name): Traffic(54, 6)}, window)

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        secured = Flow(Traffic(6), frozenset((Security("true", "emoji.emojivoto", ""),)))
        return MeasuredLinks({Link(WEB, EMOJI): secured}, window)

    async def history(self, selection: Selection, window: float, step: float) -> History:
        return History((30.0, 15.0), {Group("", "emojivoto"): (Sample(30, 30), Sample(0, 0))})


def world(
    backend: Standing | None = None,
    inventory: Inventory | None = None,
    failing: Mapping[str, str] | None = None,
) -> World:
    known = inventory or emojivoto()
    return World(
        known,
        backend or Standing(),
        TrustDomain(),
        Components(known, lambda: 1000.0),
        lambda: failing or {},
    )


def away(why: str = "prometheus: refused") -> Standing:
    found = Standing()
    found.error = BackendError(why)
    return found
