"""Requests at a steady rate to the demo, every failure counted. Runs inside a pod.

LOAD_RATES is what to ask how often, in requests per second: `web=100,voting=50,emoji=50`.
Twice a second one line of JSON says what was counted since the start; a failure is said at once.

The load is open: a request begins when it is due, whether or not earlier ones have come back, so a
stall is seen as requests in flight and not as a pause. Only what this program itself slept through, on
a machine without a moment for it, is not sent later all at once. Nothing is asked twice: clients' own
retries are off.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import httpx

from emojivoto.v1 import emoji_pb2, voting_pb2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WEB = "http://web-svc.emojivoto/api/vote?choice=:joy:"
VOTING = "voting-svc.emojivoto:8080"
EMOJI = "emoji-svc.emojivoto:8080"
DEADLINE_SECONDS = 10.0
SLEPT_SECONDS = 0.5
"""Who wakes up so much later than asked to begins anew from there."""
EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Tally:
    """What became of the requests to one target."""

    sent: int = 0
    answered: int = 0
    failed: int = 0
    slowest_ms: float = 0.0


class Target:
    """`call` returns when the answer is right, and raises otherwise."""

    def __init__(self, name: str, rate: float, call: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self.tally = Tally()
        self._rate = rate
        self._call = call
        self._running: dict[asyncio.Task[None], float] = {}

    async def drive(self) -> None:
        due = time.monotonic()
        while True:
            await asyncio.sleep(due - time.monotonic())
            if time.monotonic() > due + SLEPT_SECONDS:
                due = time.monotonic()
            due += 1 / self._rate
            self.tally.sent += 1
            task = asyncio.create_task(self._ask())
            self._running[task] = time.time()
            task.add_done_callback(self._running.pop)

    def settled(self, now: float) -> float:
        """Everything sent before this moment has been answered or has failed."""
        return next(iter(self._running.values()), now)

    async def _ask(self) -> None:
        started = time.monotonic()
        try:
            await self._call()
            self.tally.answered += 1
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")
        took = (time.monotonic() - started) * 1000
        self.tally.slowest_ms = max(self.tally.slowest_ms, took)

    def _fail(self, why: str) -> None:
        self.tally.failed += 1
        say({"failure": self.name, "at": time.time(), "why": " ".join(why.split())[:400]})


def say(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)


async def report(targets: list[Target]) -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        now = time.time()
        say(
            {
                "at": now,
                "settled": min(one.settled(now) for one in targets),
                "targets": {
                    one.name: {
                        "sent": one.tally.sent,
                        "answered": one.tally.answered,
                        "failed": one.tally.failed,
                        "slowest_ms": round(one.tally.slowest_ms, 1),
                    }
                    for one in targets
                },
            }
        )


async def main() -> None:
    rates = {
        name: float(rate)
        for name, _, rate in (part.partition("=") for part in os.environ["LOAD_RATES"].split(","))
    }
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    options = (("grpc.enable_retries", 0),)
    async with (
        httpx.AsyncClient(timeout=DEADLINE_SECONDS, limits=limits) as web,
        grpc.aio.insecure_channel(VOTING, options) as voting,
        grpc.aio.insecure_channel(EMOJI, options) as emoji,
    ):
        vote = voting.unary_unary(
            "/emojivoto.v1.VotingService/VoteJoy",
            request_serializer=voting_pb2.VoteRequest.SerializeToString,
            response_deserializer=voting_pb2.VoteResponse.FromString,
        )
        find = emoji.unary_unary(
            "/emojivoto.v1.EmojiService/FindByShortcode",
            request_serializer=emoji_pb2.FindByShortcodeRequest.SerializeToString,
            response_deserializer=emoji_pb2.FindByShortcodeResponse.FromString,
        )

        async def ask_web() -> None:
            answer = await web.get(WEB)
            if answer.status_code != httpx.codes.OK:
                why = answer.headers.get("l5d-proxy-error", "")
                raise ValueError(f"{answer.status_code} {why} {answer.text[:200]}")

        async def ask_voting() -> None:
            await vote(voting_pb2.VoteRequest(), timeout=DEADLINE_SECONDS)

        async def ask_emoji() -> None:
            request = emoji_pb2.FindByShortcodeRequest(Shortcode=":joy:")
            answer = await find(request, timeout=DEADLINE_SECONDS)
            if answer.Emoji.shortcode != ":joy:":
                raise ValueError(f"asked for :joy:, got {answer}")

        asks = {"web": ask_web, "voting": ask_voting, "emoji": ask_emoji}
        targets = [Target(name, rate, asks[name]) for name, rate in rates.items()]
        await asyncio.gather(report(targets), *(one.drive() for one in targets))


if __name__ == "__main__":
    asyncio.run(main())
