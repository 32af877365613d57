"""Five endpoints, of which one answers 500, one hangs, one refuses connections and one is ten times slower:
what a client gets without the mesh, with it, and with it when a route says what it should do.

`pytest -s` prints the table of docs/explain/when-an-endpoint-fails.md.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from proxy.discovery.policy import ConsecutiveFailures, Retry
from proxy.stack.backoff import Backoff
from proxy.tests.pair import LOCAL, Pair, answering, application, read_message
from proxy.tests.policies import backend, plain, routed, rule, status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUESTS = 400
CLIENTS = 8
PATIENCE = 1.0
"""Seconds a client waits for an answer."""
QUICK = 0.010
"""Seconds a good endpoint takes."""
GET = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the clients got."""

    answers: list[bool]
    seconds: list[float]

    @property
    def success(self) -> float:
        return sum(self.answers) / len(self.answers)

    def line(self, name: str) -> str:
        p50, p99 = (sorted(self.seconds)[int(len(self.seconds) * q)] * 1000 for q in (0.5, 0.99))
        return f"| {name} | {self.success:.1%} | {p50:.0f} ms | {p99:.0f} ms |"


def server(answer: bytes, seconds: float) -> Callable[[socket.socket], None]:
    return answering(b"HTTP/1.1 " + answer + b"\r\ncontent-length: 2\r\n\r\nok", seconds)


@contextlib.contextmanager
def five() -> Iterator[list[int]]:
    """Their ports."""
    over = threading.Event()

    def hang(sock: socket.socket) -> None:
        over.wait(60)

    with socket.create_server((LOCAL, 0)) as nobody:
        refusing: int = nobody.getsockname()[1]
    with contextlib.ExitStack() as stack:
        serves = (
            server(b"200 OK", QUICK),
            server(b"200 OK", QUICK * 10),
            server(b"500 Sorry", 0.0),
            hang,
        )
        ports = [stack.enter_context(application(serve)) for serve in serves]
        stack.callback(over.set)
        yield [*ports, refusing]


def load(choose: Callable[[], int]) -> Outcome:
    """So many requests by so many clients, each on a connection of its own."""

    def one(_: int) -> tuple[bool, float]:
        began = time.monotonic()
        good = False
        with (
            contextlib.suppress(OSError),
            socket.create_connection((LOCAL, choose()), timeout=PATIENCE) as sock,
        ):
            sock.sendall(GET)
            head, _body, _rest = read_message(sock)
            good = bool(head) and status(head) == 200
        return good, time.monotonic() - began

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers, seconds = zip(*pool.map(one, range(REQUESTS)), strict=True)
    return Outcome(list(answers), list(seconds))


def meshed(ports: list[int], *, told: bool) -> Outcome:
    """Through the outbound proxy. `told`: the Service has a breaker, and its route retries."""
    accrual = ConsecutiveFailures(7, Backoff(1.0, 60.0, 0.5)) if told else None
    terms = {}
    if told:
        terms["retry"] = Retry(
            2, 65_536, ((500, 599),), timeout=0.25, backoff=Backoff(0.025, 0.25, 0.5)
        )
    policy = routed(rule(backend(accrual=accrual, failfast=PATIENCE), **terms))
    with Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports)) as pair:
        return load(lambda: pair.outbound_port)


@pytest.mark.slow
def test_what_clients_get_of_five_endpoints_with_one_healthy_and_quick() -> None:
    with five() as ports:
        bare = load(lambda: random.choice(ports))
        untold = meshed(ports, told=False)
        told = meshed(ports, told=True)
    print("\n| | success | p50 | p99 |\n|---|---|---|---|")
    print(bare.line("no mesh: an endpoint at random"))
    print(untold.line("mesh, nothing configured"))
    print(told.line("mesh, breaker and retries"))
    assert bare.success < 0.55
    assert told.success > 0.95
    assert told.success > untold.success
