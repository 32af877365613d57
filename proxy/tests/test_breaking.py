"""Circuit breaking: an endpoint that keeps failing is not used, is probed, and comes back."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from proxy.balance.breaker import State
from proxy.balance.p2c import P2c
from proxy.codec.message import Headers
from proxy.discovery.endpoints import Endpoint
from proxy.discovery.policy import (
    Balancer,
    ConsecutiveFailures,
    FailureAccrual,
    Penalty,
    Retry,
    UnifiedFailures,
)
from proxy.net.reactor import Reactor
from proxy.outbound.gate import Gate
from proxy.stack.backoff import Backoff
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import AUTHORITY, Pair, read_message
from proxy.tests.policies import (
    Gated,
    Script,
    applications,
    ask,
    backend,
    balanced,
    plain,
    routed,
    rule,
    status,
)
from proxy.tests.test_pair_http2 import GRPC, h2_app
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKOFF = Backoff(1.0, 60.0, 0.0)
THREE = ConsecutiveFailures(3, BACKOFF)
HOME = SocketAddress("10.0.0.1", 80)
PENALIZING = replace(backend(), dispatcher=Balancer(AUTHORITY, penalty=Penalty()))


def pair(
    ports: list[int] | tuple[int, ...], accrual: FailureAccrual, failfast: float = 0.3
) -> Pair:
    policy = routed(rule(backend(accrual=accrual, failfast=failfast)))
    return Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports))


def test_a_failing_endpoint_among_two_is_left_alone() -> None:
    bad, good = Script(500), Script(200)
    with applications(bad, good) as ports, pair([ports[0]], THREE) as mesh:
        with mesh.connect() as sock:
            assert [status(ask(sock)) for _ in range(3)] == [500] * 3
            endpoints = mesh.lookups.set
            assert endpoints is not None
            mesh.run(lambda: endpoints.add(plain(ports[1])))
            assert [status(ask(sock)) for _ in range(20)] == [200] * 20
        assert len(bad.requests) == 3
        assert mesh.metric("outbound_http_balancer_endpoints", endpoint_state="ready") == 1
        assert mesh.metric("outbound_http_balancer_endpoints", endpoint_state="pending") == 1


def test_the_only_endpoint_is_shut_then_probed_then_open() -> None:
    app = Script(500, 500, 500, 503, 200)
    with applications(app) as ports, pair(list(ports), THREE, 0.05) as mesh:
        mesh.hold()

        def get() -> int:
            with mesh.connect() as sock:
                return status(ask(sock))

        def get_in_vain() -> int:
            with mesh.connect() as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
                mesh.becomes(lambda: balanced(mesh).counts == (0, 1, 1))
                mesh.advance(0.07)
                return status(read_message(sock)[0])

        assert [get() for _ in range(3)] == [500, 500, 500]
        assert get_in_vain() == 504
        assert len(app.requests) == 3
        mesh.advance(1.0)
        assert get() == 503  # the probe
        assert get_in_vain() == 504
        mesh.advance(1.0)
        assert get() == 504  # the back-off has doubled
        mesh.advance(1.0)
        assert [get() for _ in range(5)] == [200] * 5
        assert len(app.requests) == 9


def test_successes_between_failures_keep_it_open() -> None:
    app = Script(500, 500, 200, 500, 500, 404, 500, 500, 200)
    with applications(app) as ports, pair(list(ports), THREE) as mesh, mesh.connect() as sock:
        assert [status(ask(sock)) for _ in range(10)][-1] == 200
    assert len(app.requests) == 10


def test_while_the_probe_is_out_others_wait_for_its_verdict() -> None:
    app = Gated()
    one = ConsecutiveFailures(1, BACKOFF)
    with applications(app) as ports, pair(list(ports), one, 5.0) as mesh:
        app.let.set()
        with mesh.connect() as sock:
            assert status(ask(sock)) == 200
        member = mesh.run(lambda: next(iter(balanced(mesh)._p2c.members())))
        gate = member.gate
        assert isinstance(gate, Gate)
        mesh.run(lambda: gate.failure(mesh.clock()))
        app.let.clear()
        while app.arrived.acquire(blocking=False):
            pass
        mesh.advance(1.0)
        with mesh.connect() as first, mesh.connect() as second:
            for sock in (first, second):
                sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert app.arrived.acquire(timeout=5)
            assert not app.arrived.acquire(timeout=0.05)
            app.let.set()
            assert first.recv(12) == second.recv(12) == b"HTTP/1.1 200"


def test_a_probe_whose_client_leaves_is_followed_by_another() -> None:
    app = Gated()
    one = ConsecutiveFailures(1, BACKOFF)
    with applications(app) as ports, pair(list(ports), one, 5.0) as mesh:
        app.let.set()
        with mesh.connect() as sock:
            ask(sock)
        gate = mesh.run(lambda: next(iter(balanced(mesh)._p2c.members())).gate)
        assert isinstance(gate, Gate)
        mesh.run(lambda: gate.failure(mesh.clock()))
        app.let.clear()
        assert app.arrived.acquire(timeout=5)
        mesh.advance(1.0)
        with mesh.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert app.arrived.acquire(timeout=5)
        app.let.set()
        with mesh.connect() as sock:
            assert status(ask(sock)) == 200


def test_an_endpoint_that_was_removed_does_not_come_back_with_its_breaker() -> None:
    app = Gated(500)
    policy = routed(rule(backend(accrual=ConsecutiveFailures(1, BACKOFF))))
    with applications(app) as (port,), Pair(port, outbound_policy=policy) as mesh:
        with mesh.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert app.arrived.acquire(timeout=5)
            endpoints = mesh.lookups.set
            assert endpoints is not None
            mesh.run(lambda: endpoints.replace([]))
            app.let.set()
            assert sock.recv(12) == b"HTTP/1.1 500"
        mesh.advance(1.1)
        with mesh.connect() as sock:
            assert status(ask(sock)) == 504
        assert mesh.run(lambda: (len(balanced(mesh)._cold), len(balanced(mesh)._warming))) == (0, 0)


def test_the_breaker_of_a_removed_endpoint_does_not_hide_what_took_its_address() -> None:
    app = Gated(500)
    one = ConsecutiveFailures(1, BACKOFF)
    with applications(app) as ports, pair(list(ports), one) as mesh:
        with mesh.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert app.arrived.acquire(timeout=5)
            endpoints = mesh.lookups.set
            assert endpoints is not None
            again = [replace(each, labels=(("dst_pod", "new"),)) for each in plain(*ports)]
            mesh.run(lambda: endpoints.replace(again))
            app.let.set()
            assert sock.recv(12) == b"HTTP/1.1 500"
        with mesh.connect() as sock:
            assert status(ask(sock)) == 500  # and not 504: it was connected to


@pytest.mark.parametrize("code", [500, 429])
def test_failures_and_refusals_are_believed_to_be_slow_where_they_are_penalized(code: int) -> None:
    app = Script(code)
    with applications(app) as ports:
        policy = routed(rule(PENALIZING))
        with Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports)) as mesh:
            with mesh.connect() as sock:
                assert status(ask(sock)) == code
            (member,) = mesh.run(lambda: balanced(mesh)._p2c.members())
            mesh.eventually(lambda: member.estimate >= Penalty().latency, True)


@pytest.mark.parametrize(
    ("code", "fields", "least", "most"),
    [
        (429, "retry-after: 60", 60, 60),
        (503, "retry-after: 60", 60, 60),
        (503, "retry-after: {date}", 30, 61),
        (429, "retry-after: 86400", 300, 300),
        (429, "retry-after: 1", 5, 5),
        (429, "retry-after: soon", 5, 5),
        (429, "retry-after: Wed, 01 Jan 2020 00:00:00 GMT", 5, 5),
        (500, "retry-after: 60", 5, 5),
        (200, "retry-after: 60", 0, 1),
    ],
)
@pytest.mark.parametrize("retry", [None, Retry(1, 65_536, ((500, 599),), backoff=BACKOFF)])
def test_an_endpoint_that_says_for_how_long_is_left_alone_as_long(
    code: int, fields: str, least: float, most: float, retry: Retry | None
) -> None:
    in_a_minute = formatdate(time.time() + 61.0, usegmt=True)
    app = Script(code, fields=fields.format(date=in_a_minute))
    with applications(app) as ports:
        policy = routed(rule(PENALIZING, retry=retry))
        with Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports)) as mesh:
            with mesh.connect() as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
                mesh.becomes(lambda: bool(app.requests))
                (member,) = mesh.run(lambda: balanced(mesh)._p2c.members())
                mesh.becomes(lambda: member.pending == 0)
            assert least * 0.98 <= mesh.run(lambda: member.estimate) <= most


def test_without_penalties_nobody_is_left_alone() -> None:
    app = Script(503, fields="retry-after: 60")
    with applications(app) as ports:
        policy = routed(rule(backend()))
        with Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports)) as mesh:
            with mesh.connect() as sock:
                assert status(ask(sock)) == 503
            (member,) = mesh.run(lambda: balanced(mesh)._p2c.members())
            assert mesh.run(lambda: member.estimate) < 5.0


@pytest.mark.parametrize("trailers_only", [True, False])
@pytest.mark.parametrize(
    "retry", [None, Retry(1, 65_536, grpc_codes=frozenset({14}), backoff=BACKOFF)]
)
@pytest.mark.parametrize(("code", "least", "most"), [("14", 60, 60), ("8", 60, 60), ("13", 5, 5)])
def test_grpc_says_so_by_pushback(
    code: str, least: float, most: float, retry: Retry | None, *, trailers_only: bool
) -> None:
    words = {"grpc-status": code, "grpc-retry-pushback-ms": "60000"}
    seen: list[str] = []

    def serve(stream: PeerStream) -> None:
        if not stream.ended or stream.reset_code is not None:
            return
        seen.append(code)
        head = {"content-type": "application/grpc"}
        if trailers_only:
            stream.respond(200, head | words, ends=True)
        else:
            stream.respond(200, head)
            stream.send_trailers(Headers(list(words.items())))

    policy = routed(rule(PENALIZING, retry=retry), grpc=True)
    with (
        applications(h2_app(serve)) as ports,
        Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports)) as mesh,
        mesh.connect() as sock,
    ):
        client = Peer(sock)
        client.request("POST", "/a.B/C", GRPC)
        mesh.becomes(lambda: bool(seen))
        (member,) = mesh.run(lambda: balanced(mesh)._p2c.members())
        mesh.becomes(lambda: member.pending == 0)
        assert least * 0.98 <= mesh.run(lambda: member.estimate) <= most


# --- the gate by itself ---------------------------------------------------------------------


class Bench:
    """A gate under a clock that stands still until told."""

    def __init__(self, accrual: FailureAccrual) -> None:
        self.now = 100.0
        self.reactor = Reactor(lambda: self.now)
        self.changes = 0
        members: P2c[Endpoint, object] = P2c(lambda endpoint: object())
        (member,) = members.add(HOME, Endpoint(HOME), 0.0).added
        self.gate = Gate(accrual, member, self.reactor, self._changed)  # type: ignore[arg-type]

    def _changed(self, member: object) -> None:
        self.changes += 1

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.reactor._turn(0)

    def answer(self, code: int, grpc: int | None = None, *, success: bool) -> None:
        self.gate.answered(self.now, code, grpc, success=success)


@pytest.fixture
def consecutive() -> Iterator[Bench]:
    bench = Bench(THREE)
    yield bench
    bench.reactor.close()


@pytest.fixture
def unified() -> Iterator[Bench]:
    bench = Bench(UnifiedFailures(0.8, 10.0, 5, 0, BACKOFF))
    yield bench
    bench.reactor.close()


def test_the_gate_opens_for_one_probe_when_its_time_has_come(consecutive: Bench) -> None:
    for _ in range(3):
        assert consecutive.gate.admits
        consecutive.gate.start()
        consecutive.answer(500, success=False)
    assert not consecutive.gate.admits
    consecutive.pass_time(0.98)
    assert not consecutive.gate.admits
    consecutive.pass_time(0.03)
    assert consecutive.gate.admits
    consecutive.gate.start()
    assert not consecutive.gate.admits
    consecutive.gate.abandon()
    assert consecutive.gate.admits
    consecutive.gate.start()
    consecutive.answer(200, success=True)
    assert consecutive.gate.admits
    assert consecutive.gate._breaker.state is State.OPEN
    assert consecutive.changes == 6


def test_too_many_requests_is_no_failure_for_the_plain_breaker(consecutive: Bench) -> None:
    for _ in range(10):
        consecutive.answer(429, success=True)
    assert consecutive.gate.admits


def test_a_removed_endpoint_leaves_no_timer(consecutive: Bench) -> None:
    for _ in range(3):
        consecutive.gate.failure(consecutive.now)
    assert len(consecutive.reactor._wheel) == 1
    consecutive.gate.close()
    assert len(consecutive.reactor._wheel) == 0


def test_a_small_share_of_successes_shuts_the_unified_breaker(unified: Bench) -> None:
    for _ in range(3):
        unified.answer(200, success=True)
    unified.answer(429, success=True)
    assert unified.gate.admits  # four answers are too few to judge
    unified.answer(200, 8, success=True)
    assert not unified.gate.admits


def test_old_answers_are_forgotten(unified: Bench) -> None:
    for _ in range(4):
        unified.answer(500, success=False)
    unified.pass_time(11.0)
    unified.answer(500, success=False)
    assert unified.gate.admits


def test_after_a_probe_the_window_begins_anew(unified: Bench) -> None:
    for _ in range(5):
        unified.answer(500, success=False)
    unified.pass_time(1.1)
    unified.gate.start()
    unified.answer(200, success=True)
    assert unified.gate.admits
    for _ in range(4):
        unified.answer(200, success=True)
    unified.answer(500, success=False)
    assert unified.gate.admits
