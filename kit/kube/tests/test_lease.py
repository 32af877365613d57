"""Leader election: who may take the Lease, two that try at once, and giving it back."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from kit.kube.lease import Leadership, Record, may_take, taken
from kit.kube.objects import LEASES
from testkit.kube import FakeKube
from testkit.waiting import wait_until


async def _end(job: asyncio.Future[None]) -> None:
    job.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await job


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("record", "may"),
    [
        (Record(), True),
        (Record(holder="me"), True),
        (Record(holder="other", unchanged=29.0), False),
        (Record(holder="other", unchanged=31.0), True),
        (Record(holder="other", duration=60.0, unchanged=31.0), False),
    ],
)
def test_who_may_take_it(record: Record, may: bool) -> None:
    assert may_take(record, "me") is may


def test_what_the_holder_writes() -> None:
    renewed = taken(Record(holder="me", transitions=3), "me", NOW)
    assert renewed["renewTime"] == "2026-01-01T00:00:00.000000Z"
    assert (renewed["leaseTransitions"], "acquireTime" in renewed) == (3, False)
    won = taken(Record(holder="other", transitions=3), "me", NOW)
    assert (won["leaseTransitions"], won["acquireTime"]) == (4, won["renewTime"])


@pytest.mark.slow
def test_one_of_two_leads_and_the_other_follows_when_it_ends() -> None:
    async def story() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            both = [Leadership(client, "ns", "lease", name, renew=0.02) for name in ("a", "b")]
            jobs = [asyncio.ensure_future(one.run()) for one in both]
            await wait_until(lambda: any(one.held for one in both))
            (leader,) = [index for index, one in enumerate(both) if one.held]
            other = both[1 - leader]
            await asyncio.sleep(0.1)
            assert not other.held
            await _end(jobs[leader])
            await asyncio.wait_for(other.wait_held(), 5)
            assert not both[leader].held
            (lease,) = kube.objects(LEASES)
            assert lease["spec"]["holderIdentity"] == other.me
            assert lease["spec"]["leaseTransitions"] == 1
            await _end(jobs[1 - leader])

    asyncio.run(asyncio.wait_for(story(), 20))


@pytest.mark.slow
def test_a_renewal_that_fails_is_outlived() -> None:
    async def story() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            one = Leadership(client, "ns", "lease", "me", renew=0.02)
            kube.fail_with["GET", "/apis/coordination"] = (500, "no")
            job = asyncio.ensure_future(one.run())
            await wait_until(lambda: len(kube.requests) > 2)
            assert not one.held
            kube.fail_with.clear()
            await asyncio.wait_for(one.wait_held(), 5)
            await _end(job)

    asyncio.run(asyncio.wait_for(story(), 20))
