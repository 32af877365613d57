"""What proxies answered or closed for a fault of late: each is asked when somebody wants to know.

A proxy says it at `/errors` on its admin port: the last hundred, newest first (proxy/net/faults.py).
"""

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from kit.kube.objects import mapping, sequence
from web.stats.inventory import Inventory, Pod
from web.stats.kinds import ALL, STAT_ONLY, Kind
from web.stats.query import QueryError, Question, Ref, check_ref
from weft.addresses import SocketAddress

MAX_ERRORS = 1000
DEFAULT_ERRORS = 100
MAX_BYTES = 1 << 20
"""A hundred errors of a proxy have a tenth of it."""
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
    """A proxy that said nothing, and why."""

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
        return Unanswered(ref, str(error))
    except TimeoutError:
        return Unanswered(ref, f"no answer within {TIMEOUT:g}s")
    except aiohttp.ClientConnectorError as error:
        return Unanswered(ref, os.strerror(error.errno) if error.errno else str(error))
    except (aiohttp.ClientError, OSError) as error:
        return Unanswered(ref, str(error) or type(error).__name__)
    except ValueError as error:
        return Unanswered(ref, f"its answer cannot be read: {error}")


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
    """What a proxy says at `/errors`. Raises ValueError."""
    return [_fault(pod, mapping(one)) for one in sequence(json.loads(body))]


def _fault(pod: Ref, said: Any) -> Fault:
    def text(name: str) -> str:
        return str(said.get(name) or "")

    number = said.get("number")
    if not isinstance(number, int):
        raise ValueError(f"an error has the number {number!r}")
    count = said.get("count", 1)
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"an error has the count {count!r}")
    return Fault(
        pod,
        datetime.fromisoformat(text("time")).timestamp(),
        text("side"),
        text("peer"),
        text("route"),
        text("endpoint"),
        number,
        text("cause"),
        datetime.fromisoformat(text("first") or text("time")).timestamp(),
        count,
    )
