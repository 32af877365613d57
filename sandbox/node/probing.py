"""Probing one life of a container: when to ask, what the answers change.

Between its regular times, a probe that has never been answered well looks again early and often.
Only a good answer counts then, so a container has all the time its manifest grants, but one that
is up within milliseconds need not wait out a period of ten seconds.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from sandbox.node.probe_spec import ProbeSpec, Thresholds
from sandbox.node.probes import Answer

Ask = Callable[[ProbeSpec], Awaitable[Answer]]

_EARLY = 0.2
_EARLY_FOR = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What probing reports, by plain calls."""

    started: Callable[[], None]
    ready: Callable[[bool], None]
    unhealthy: Callable[[ProbeSpec, str], None]
    """One bad answer, for the event."""
    failed: Callable[[ProbeSpec], None]
    """Liveness or startup has failed for good: the container must go."""


async def probe(container: dict[str, object], ask: Ask, outcome: Outcome) -> None:
    """Probe until cancelled, or until the container must go."""
    startup = ProbeSpec.of(container, "startup")
    if startup and not await _until_started(startup, ask, outcome):
        return
    outcome.started()
    readiness, liveness = ProbeSpec.of(container, "readiness"), ProbeSpec.of(container, "liveness")
    if readiness is None:
        outcome.ready(True)
    async with asyncio.TaskGroup() as group:
        if readiness:
            group.create_task(_readiness(readiness, ask, outcome))
        if liveness:
            group.create_task(_liveness(liveness, ask, outcome))


async def _until_started(spec: ProbeSpec, ask: Ask, outcome: Outcome) -> bool:
    thresholds = Thresholds(spec.successes, spec.failures)
    async for answer in _answers(spec, ask, early=True):
        if not answer.good:
            outcome.unhealthy(spec, answer.message)
        match thresholds.count(answer.good):
            case True:
                return True
            case False:
                outcome.failed(spec)
                return False
    return False


async def _readiness(spec: ProbeSpec, ask: Ask, outcome: Outcome) -> None:
    thresholds = Thresholds(spec.successes, spec.failures, verdict=False)
    async for answer in _answers(spec, ask, early=True):
        if not answer.good:
            outcome.unhealthy(spec, answer.message)
        outcome.ready(bool(thresholds.count(answer.good)))


async def _liveness(spec: ProbeSpec, ask: Ask, outcome: Outcome) -> None:
    thresholds = Thresholds(spec.successes, spec.failures, verdict=True)
    async for answer in _answers(spec, ask, early=False):
        if not answer.good:
            outcome.unhealthy(spec, answer.message)
        if thresholds.count(answer.good) is False:
            outcome.failed(spec)
            return


async def _answers(spec: ProbeSpec, ask: Ask, *, early: bool) -> AsyncIterator[Answer]:
    """The regular answers, and good early ones."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(spec.initial_delay)
    begun = loop.time()
    early = early and "exec" not in spec.handler
    while True:
        asked_at = loop.time()
        answer = await ask(spec)
        early = early and not answer.good and loop.time() - begun < _EARLY_FOR
        yield answer
        next_at = asked_at + spec.period
        while early and loop.time() + _EARLY < next_at:
            await asyncio.sleep(_EARLY)
            answer = await ask(spec)
            if answer.good:
                early = False
                yield answer
        await asyncio.sleep(max(0.0, next_at - loop.time()))
