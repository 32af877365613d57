"""`python -m deploy.prometheus.tests.record`: what real proxies say of a little traffic.

An outbound and an inbound proxy between a client and an application, in this process (proxy/tests/pair.py).
Queries are tried on what is recorded here, so one that asks for a series or a label that proxies
do not have is noticed.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.authz.policy import default_policy
from proxy.codec.grpc_status import Code, Status
from proxy.telemetry import process
from proxy.telemetry.control import ControlMetrics
from proxy.telemetry.identity import IdentityMetrics
from proxy.tests.pair import SERVER, Pair, application
from proxy.tests.policies import Script, ask, plain
from proxy.tests.test_profiles import VOTES, get, profile
from proxy.tests.test_retries import retrying
from testkit.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = Path(__file__).parent / "recorded"


def record() -> Iterator[tuple[str, str]]:
    """Names of what happened, and the proxies' metrics after it."""
    with (
        application(Script(200, 503, 503, 503, 503, 200)) as port,
        retrying(port) as pair,
        pair.connect() as sock,
    ):
        for _ in range(4):
            ask(sock)
        yield "retried", _page(pair)
    with (
        application(Script(500, 200)) as port,
        Pair(port, profile=profile(VOTES)) as pair,
        pair.connect() as sock,
    ):
        for path in ("/votes/7", "/votes/8", "/elsewhere"):
            ask(sock, get(path))
        yield "profile", _page(pair)
    with (
        application(Script(200)) as port,
        Pair(port, inbound_policy=default_policy("deny"), client_ip="10.0.0.9") as pair,
        pair.connect() as sock,
    ):
        for _ in range(2):
            ask(sock)
        yield "denied", _page(pair)
    (nobody,) = free_ports(1)
    with Pair(nobody, endpoints=plain(nobody)) as pair, pair.connect() as sock:
        ask(sock)
        yield "refused", _page(pair)


def _page(pair: Pair) -> str:
    """With what a process adds, a certificate that lasts an hour, and a call to the control plane."""
    process.install(pair.registry)
    identity = IdentityMetrics(pair.registry)
    identity.refreshed(time.time(), time.time() + 3600)
    calls = ControlMetrics(pair.registry, "weft-destination.weft.svc.cluster.local:8086", SERVER)
    calls.began()
    calls.ended(Status(Code.OK, ""), 0.004)
    return pair.metrics()


if __name__ == "__main__":
    RECORDED.mkdir(exist_ok=True)
    for name, page in record():
        (RECORDED / f"{name}.prom").write_text(page)
