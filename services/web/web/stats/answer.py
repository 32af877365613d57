"""A question answered: checked, measured, made into rows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from web.stats import aggregate, denials
from web.stats.backend import Backend, Group, Measured, Provenance
from web.stats.inventory import Inventory
from web.stats.query import Query, Question, check
from web.stats.selection import select

HISTORY_STEP = 10.0
"""Seconds that a point of a row's past counts."""
HISTORY_POINTS = 60
"""At most; a backend may remember fewer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, and over which time they were measured (seconds)."""

    rows: list[aggregate.Row]
    window: float
    observed: float
    source: Provenance
    history_ages: Sequence[float] = ()
    """When the points of the rows' past were: seconds before now, falling."""

    @property
    def backend(self) -> str:
        return self.source.backend


async def answer(question: Question, inventory: Inventory, backend: Backend) -> Answer:
    """Raises QueryError, BackendError."""
    queries = check(question, backend.max_window)
    measured = [await _measure(query, backend) for query in queries]
    tables = [
        aggregate.rows(query, inventory, one, denied)
        for query, (one, denied) in zip(queries, measured, strict=True)
    ]
    window = queries[0].window
    observed = min((one.observed for one, _ in measured), default=window)
    ages: Sequence[float] = ()
    if question.history:
        for index, query in enumerate(queries):
            found, tables[index] = await _with_past(query, tables[index], backend)
            ages = found or ages
    return Answer(aggregate.in_order(tables), window, observed, backend.provenance, ages)


async def _measure(
    query: Query, backend: Backend
) -> tuple[Measured, Mapping[Group, denials.Denials]]:
    if not query.traffic:
        return Measured({}, query.window), {}
    await asyncio.sleep(0)  # measuring a large cluster takes long: others go in between
    measured = await backend.measure(select(query), query.window)
    return measured, await denials.measure(query, backend)


async def _with_past(
    query: Query, rows: list[aggregate.Row], backend: Backend
) -> tuple[Sequence[float], list[aggregate.Row]]:
    """When the points were, and the rows with theirs where something is known of them."""
    await asyncio.sleep(0)
    past = await backend.history(select(query), HISTORY_STEP, HISTORY_STEP)
    ages = past.moments[-HISTORY_POINTS:]
    return ages, [
        replace(row, history=tuple(points[-HISTORY_POINTS:]))
        if (points := past.samples.get(Group(row.resource.namespace, row.resource.name)))
        else row
        for row in rows
    ]
