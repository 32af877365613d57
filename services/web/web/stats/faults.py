"""What proxies answered or closed for a fault of late: each is asked when somebody wants to know.

A proxy says it at `/errors` on its admin port: the last hundred, newest first (proxy/net/faults.py).
"""

import asyncio
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from kit.kube.objects import mapping, sequence
from web.stats.inventory import Inventory, Pod
from web.stats.kinds import ALL, STAT_ONLY, Kind
from web.stats.query import QueryError, Question, Ref, check_ref
from weft.addresses import SocketAddress
from weft.texts import encodable

MAX_ERRORS = 1000
DEFAULT_ERRORS = 100
MAX_BYTES = 1 << 20
"""A hundred errors of a proxy have a tenth of it."""
LARGEST = 2**32 - 1
"""Of numbers and counts, as the API tells them."""
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
"""Epoch seconds of the years 1 to 9999, which a Timestamp holds."""
_LONGEST_REASON = 300
CONCURRENCY = 64
TIMEOUT = 2.0  # seconds for each proxy


@dataclass(frozen=True, slots=True)
class Fault:
    """An error that a proxy met `count` times, from `first` to `at`: both in epoch seconds."""

    pod: Ref
    at: float
    side: str
    peer: str
    route: str
    endpoint: str
    number: int
    cause: str
    first: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A proxy that said nothing, or nothing that can be passed on, and why."""

    pod: Ref
    reason: str


@dataclass(frozen=True, slots=True)
class FaultsAnswer:
    """Faults, newest first; how many proxies were asked, and which of them did not answer."""

    faults: list[Fault]
    proxies: int
    unanswered: list[Unanswered]


class _NoAnswer(Exception):
    pass


async def answer_faults(question: Question, limit: int, inventory: Inventory) -> FaultsAnswer:
    """Asks the proxies of the question's pods. Raises QueryError."""
    if question.kind in (ALL, Kind.SERVICE.value):
        raise QueryError(
            "resource.kind", "proxies are in pods: allowed are kinds that own pods, one at a time"
        )
    if not 0 <= limit <= MAX_ERRORS:
        raise QueryError(
            "limit", f"{limit} is not allowed: from 0 (which is {DEFAULT_ERRORS}) to {MAX_ERRORS}"
        )
    ref = check_ref("resource", question.kind, question.namespace, question.name, refused=STAT_ONLY)
    asked = [pod for pod in inventory.pods_of(ref) if pod.is_scraped]
    gate = asyncio.Semaphore(CONCURRENCY)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        told = await asyncio.gather(*(_ask(session, gate, pod) for pod in asked))
    faults = [fault for one in told if isinstance(one, list) for fault in one]
    faults.sort(key=lambda fault: (-fault.at, fault.pod.namespace, fault.pod.name))
    silent = [one for one in told if isinstance(one, Unanswered)]
    silent.sort(key=lambda one: (one.pod.namespace, one.pod.name))
    return FaultsAnswer(faults[: limit or DEFAULT_ERRORS], len(asked), silent)


async def _ask(
    session: aiohttp.ClientSession, gate: asyncio.Semaphore, pod: Pod
) -> list[Fault] | Unanswered:
    ref = Ref(Kind.POD, pod.key.namespace, pod.key.name)
    try:
        async with gate:
            return read_faults(ref, await _fetch(session, pod))
    except _NoAnswer as error:
        reason = str(error)
    except TimeoutError:
        reason = f"no answer within {TIMEOUT:g}s"
    except aiohttp.ClientConnectorError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
    except (aiohttp.ClientError, OSError) as error:
        reason = str(error) or type(error).__name__
    except ValueError as error:
        reason = f"its answer cannot be read: {error}"
    return Unanswered(ref, encodable(reason)[:_LONGEST_REASON])


async def _fetch(session: aiohttp.ClientSession, pod: Pod) -> bytes:
    url = f"http://{SocketAddress(pod.address, pod.admin_port)}/errors"
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise _NoAnswer(f"its proxy answered {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_BYTES:
                raise _NoAnswer(f"its proxy answered more than {MAX_BYTES} bytes")
        return bytes(body)


def read_faults(pod: Ref, body: bytes) -> list[Fault]:
    """What a proxy says at `/errors`: what an answer of the API can hold. Raises ValueError.

    Pods say what they like, and all are told in one answer, which one of them must not spoil.
    """
    try:
        return [_fault(pod, mapping(one)) for one in sequence(json.loads(body))]
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _fault(pod: Ref, said: Mapping[str, Any]) -> Fault:
    def text(name: str) -> str:
        found = str(said.get(name) or "")
        if encodable(found) != found:
            raise ValueError(f"an error's {name} is no text: {found!r}")
        return found

    def whole(name: str, least: int, default: int | None = None) -> int:
        found = said.get(name, default)
        if type(found) is not int or not least <= found <= LARGEST:  # True is an int, too
            raise ValueError(f"an error has the {name} {found!r}")
        return found

    number, count = whole("number", 0), whole("count", 1, default=1)
    return Fault(
        pod,
        _seconds(text("time")),
        text("side"),
        text("peer"),
        text("route"),
        text("endpoint"),
        number,
        text("cause"),
        _seconds(text("first") or text("time")),
        count,
    )


def _seconds(moment: str) -> float:
    """Epoch seconds of an ISO 8601 time. Raises ValueError."""
    try:
        seconds = datetime.fromisoformat(moment).timestamp()
    except OverflowError:
        seconds = math.inf
    if not EARLIEST <= seconds <= LATEST:
        raise ValueError(
            f"an error has the time {moment!r}: allowed are the years 1 to 9999 in UTC"
        )
    return seconds
