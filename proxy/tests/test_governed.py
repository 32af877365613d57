"""Both proxies under a control plane over gRPC: what it says over the wire is what requests meet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from proxy.control.connect import discovery_and_policies
from proxy.control.tasks import Tasks
from proxy.control.tests.messages import parse
from proxy.settings import Settings
from proxy.tests.pair import (
    AUTHORITY,
    CLIENT,
    LOCAL,
    SERVICE,
    Pair,
    application,
    certificates,
    read_message,
)
from proxy.tests.policies import Gated, Script, ask, balanced, status
from testkit.control_plane import ControlPlane, add, endpoint, service_profile
from weftapi.proxy import destination_pb2, inbound_pb2, outbound_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

POD = "10.1.2.3"
NAME = AUTHORITY.partition(":")[0]
SERVICE_META = 'metadata { resource { group: "core" kind: "Service" name: "voting" } }'
ROUTE_META = (
    'metadata { resource { group: "policy.linkerd.io" kind: "HTTPRoute" namespace: "demo" '
    'name: "votes" } }'
)
BACKOFF = "backoff { min_backoff { seconds: 1 } max_backoff { seconds: 60 } }"
AT_ONCE = "backoff { min_backoff { nanos: 1000000 } max_backoff { nanos: 1000000 } }"


def _backend(failfast: str) -> str:
    return f"""backend {{ {SERVICE_META}
        queue {{ capacity: 100 failfast_timeout {{ {failfast} }} }}
        balancer {{ discovery {{ dst {{ path: "{AUTHORITY}" }} }}
            peak_ewma {{ default_rtt {{ nanos: 30000000 }} decay {{ seconds: 10 }} }} }} }}"""


BACKEND = _backend("seconds: 30")
HASTY = _backend("nanos: 100000000")
"""Gives an endpoint a tenth of a second to be there, for tests of what happens then."""


def policy(
    terms: str = "", accrual: str = "", backend: str = BACKEND
) -> outbound_pb2.OutboundPolicy:
    """A Service with one HTTPRoute whose rule has these terms."""
    rule = f"rules {{ backends {{ first_available {{ backends {{ {backend} }} }} }} {terms} }}"
    http = f"{accrual} routes {{ {ROUTE_META} {rule} }}"
    return parse(
        outbound_pb2.OutboundPolicy,
        f"""{SERVICE_META} protocol {{ detect {{ timeout {{ seconds: 10 }} opaque {{}}
            http1 {{ {http} }} http2 {{ {http} }} }} }}""",
    )


class Governed(Pair):
    """A pair whose discovery and policies come from a control plane."""

    def __init__(self, app_port: int, plane: ControlPlane) -> None:
        super().__init__(app_port, client_ip=POD)
        self._settings = Settings.from_environment(plane.environment(CLIENT))

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            self.outbound.discovery, self.inbound.policies = discovery_and_policies(
                self._settings,
                certificates(CLIENT),
                self.registry,
                Tasks(nursery),
                self.reactor,
            )
            await super()._main()
            nursery.cancel_scope.cancel()


@contextmanager
def governed(
    app_port: int, shown: outbound_pb2.OutboundPolicy
) -> Iterator[tuple[Governed, ControlPlane]]:
    with ControlPlane() as plane, Governed(app_port, plane) as pair:
        plane.profile(str(SERVICE)).show(service_profile(NAME))
        plane.outbound(str(SERVICE)).show(shown)
        meshed = endpoint(
            f"{LOCAL}:{pair.inbound_port}", identity=str(pair.meshed.identity), h2=True
        )
        plane.endpoints(AUTHORITY).show(add(meshed))
        yield pair, plane


def once(pair: Pair, path: str = "/") -> int:
    with pair.connect() as sock:
        return status(ask(sock, f"GET {path} HTTP/1.1\r\nHost: v\r\n\r\n".encode()))


def test_retries_and_filters() -> None:
    terms = f"""
        retry {{ max_retries: 2 max_request_bytes: 65536 {AT_ONCE}
            conditions {{ status_ranges {{ start: 500 end: 599 }} }} }}
        filters {{ request_header_modifier {{ set {{ headers {{ name: "x-by" value: "route" }} }} }} }}"""
    app = Script(500, 503, 200)
    with application(app) as port, governed(port, policy(terms)) as (pair, _):
        assert once(pair) == 200
        assert len(app.requests) == 3
        assert all(b"x-by: route" in head for head in app.requests)
        retries = "outbound_http_route_retry_requests_total"
        assert pair.metric(retries, route_kind="HTTPRoute", route_name="votes") == 2


def test_a_time_out_and_its_change() -> None:
    app = Gated()
    limited = policy("timeouts { request { seconds: 2 } }")
    with application(app) as port, governed(port, limited) as (pair, plane), pair.connect() as sock:
        pair.hold()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        assert app.arrived.acquire(timeout=5)
        pair.advance(2.1)
        assert sock.recv(12) == b"HTTP/1.1 504"
        app.let.set()
        failing = "filters { failure_injector { status: 418 message: 'no' ratio { numerator: 1 denominator: 1 } } }"
        plane.outbound(str(SERVICE)).push(policy(failing))
        while once(pair) != 418:
            pass


def test_circuit_breaking() -> None:
    accrual = f"failure_accrual {{ consecutive_failures {{ max_failures: 3 {BACKOFF} }} }}"
    app = Script(500, 500, 500, 200)
    shown = policy(accrual=accrual, backend=HASTY)
    with application(app) as port, governed(port, shown) as (pair, _):
        pair.hold()
        assert [once(pair) for _ in range(3)] == [500, 500, 500]
        with pair.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            pair.becomes(lambda: balanced(pair).counts == (0, 1, 1))
            pair.advance(0.2)
            assert status(read_message(sock)[0]) == 504
        pair.advance(1.0)
        assert once(pair) == 200
        (fault,) = pair.outbound.faults.latest()
        assert (fault.number, fault.route) == (3001, "votes")


def test_a_profile_with_routes() -> None:
    described = service_profile(NAME)
    route = parse(
        destination_pb2.Route,
        """condition { path { regex: "/votes/.*" } } is_retryable: true
           metrics_labels { key: "route" value: "votes" }""",
    )
    described.routes.append(route)
    described.retry_budget.min_retries_per_second = 10
    described.retry_budget.ttl.FromSeconds(10)
    app = Script(500, 200)
    with application(app) as port, governed(port, policy()) as (pair, plane):
        plane.profile(str(SERVICE)).show(described)
        assert once(pair, "/votes/1") == 200
        assert len(app.requests) == 2
        assert pair.metric("route_actual_request_total", rt_route="votes") == 2


def limited_server(per_second: int) -> inbound_pb2.Server:
    """What a port is told that takes so many requests a second of everybody."""
    return parse(
        inbound_pb2.Server,
        f"""labels {{ key: "name" value: "web" }} labels {{ key: "kind" value: "server" }}
            labels {{ key: "group" value: "policy.linkerd.io" }}
            authorizations {{ metadata {{ default: "all" }} authentication {{ unauthenticated {{}} }}
                networks {{ net {{ ip {{ ipv4: 0 }} prefix_len: 0 }} }} }}
            protocol {{ detect {{ timeout {{ seconds: 10 }}
                http_routes {{ metadata {{ default: "r" }}
                    rules {{ matches {{ path {{ prefix: "/" }} }} }} }}
                http_local_rate_limit {{ metadata {{ default: "limit" }}
                    total {{ requestsPerSecond: {per_second} }} }} }} }}""",
    )


@pytest.mark.parametrize("limited", [True, False])
def test_a_ports_rate_limit(*, limited: bool) -> None:
    server = limited_server(2)
    if not limited:
        server.protocol.detect.ClearField("http_local_rate_limit")
    app = Script(200)
    with application(app) as port, governed(port, policy()) as (pair, plane):
        pair.hold()
        plane.server(port).show(server)
        assert once(pair) == 200  # after the first at the latest, the port's policy is asked for
        pair.eventually(lambda: pair.inbound.policies.port(port).known, True)
        pair.advance(1.0)  # whether or not the first counted
        codes = [once(pair) for _ in range(5)]
        assert codes.count(429) == (3 if limited else 0)
