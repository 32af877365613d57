"""A question answered: checked, measured, made into rows."""

import asyncio
from dataclasses import dataclass

from web.stats import aggregate
from web.stats.backend import Backend, Measured
from web.stats.inventory import Inventory
from web.stats.query import Query, Question, check
from web.stats.selection import select


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, and over which time they were measured (seconds)."""

    rows: list[aggregate.Row]
    window: float
    observed: float
    backend: str


async def answer(question: Question, inventory: Inventory, backend: Backend) -> Answer:
    """Raises QueryError, BackendError."""
    queries = check(question, backend.max_window)
    measured = [await _measure(query, backend) for query in queries]
    tables = [
        aggregate.rows(query, inventory, one) for query, one in zip(queries, measured, strict=True)
    ]
    window = queries[0].window
    observed = min((one.observed for one in measured), default=window)
    return Answer(aggregate.in_order(tables), window, observed, backend.name)


async def _measure(query: Query, backend: Backend) -> Measured:
    if not query.traffic:
        return Measured({}, query.window)
    await asyncio.sleep(0)  # measuring a large cluster takes long: others go in between
    return await backend.measure(select(query), query.window)
