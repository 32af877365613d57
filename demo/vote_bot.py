"""A visitor who never tires: lists the emoji and votes for one, again and again.

WEB_HOST is whom to visit, REQUEST_RATE how many visits a second, TTL after how many seconds to stop
(0: never). With a probability of 0.15 the vote goes to the doughnut. Each visit is one trace.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time

import httpx

from demo import settings
from demo.catalogue import FAILING
from demo.ending import asked_to_stop

FAILING_SHARE = 0.15


def choose(shortcodes: list[str], chance: random.Random) -> str:
    """Whom to vote for."""
    if chance.random() < FAILING_SHARE:
        return FAILING
    return chance.choice(shortcodes)


def new_trace(chance: random.Random) -> str:
    """The header that makes a visit one trace, to be sampled by whoever makes spans of it."""
    return f"00-{chance.getrandbits(128) or 1:032x}-{chance.getrandbits(64) or 1:016x}-01"


async def visit(client: httpx.AsyncClient, chance: random.Random) -> None:
    """One visit. What goes wrong is said on stderr and forgotten."""
    try:
        trace = {"traceparent": new_trace(chance)}
        listing = (await client.get("/api/list", headers=trace)).raise_for_status()
        choice = choose([one["shortcode"] for one in listing.json()], chance)
        answer = await client.get("/api/vote", params={"choice": choice}, headers=trace)
        if answer.is_error:
            print(f"voting for {choice}: {answer.status_code} {answer.text}", file=sys.stderr)
    except (httpx.HTTPError, ValueError, KeyError) as error:
        print(f"visit failed: {error!r}", file=sys.stderr)


async def main() -> None:
    visiting = asyncio.ensure_future(visit_again_and_again())
    stopping = asyncio.ensure_future(asked_to_stop())
    await asyncio.wait({visiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (visiting, stopping):
        task.cancel()
    await asyncio.gather(visiting, stopping, return_exceptions=True)
    if visiting.done() and not visiting.cancelled():
        visiting.result()


async def visit_again_and_again() -> None:
    """Until the time to live is over. Raises ValueError for unusable settings."""
    host, ttl = settings.text("WEB_HOST"), settings.number("TTL", 0.0)
    rate = max(1.0, settings.number("REQUEST_RATE", 1.0))
    chance = random.Random()  # noqa: S311 (ballots here are not secret)
    ends = time.monotonic() + ttl if ttl else float("inf")
    async with httpx.AsyncClient(base_url=f"http://{host}", timeout=10.0) as client:
        while time.monotonic() < ends:
            await asyncio.sleep(1 / rate)
            await visit(client, chance)
