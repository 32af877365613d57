"""A policy that changes while requests are on their way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.discovery.policy import Backend, ConsecutiveFailures, Forward, Retry
from proxy.outbound.logical import LINGER
from proxy.stack.backoff import Backoff
from proxy.tests.pair import Pair, application, read_message
from proxy.tests.policies import SERVICE_META, Script, ask, backend, plain, routed, rule, status

if TYPE_CHECKING:
    import socket

    from proxy.discovery.endpoints import Endpoint
    from proxy.discovery.policy import OutboundPolicy

SLOW = Retry(2, 65_536, statuses=((500, 599),), backoff=Backoff(2.0, 2.0, 0.0))
ACCRUAL = ConsecutiveFailures(7, Backoff(1.0, 60.0, 0.0))
IDLE = 5.0
OPEN = {"direction": "outbound", "peer": "dst"}
RETRIES = "outbound_http_route_retry_requests_total"


def fixed(endpoint: Endpoint) -> Backend:
    return Backend(SERVICE_META, Forward(endpoint))


def change(pair: Pair, policy: OutboundPolicy) -> None:
    def update() -> None:
        (logical,) = pair.outbound._logicals.values()
        logical.target.update(logical.target.profile, policy)

    pair.run(update)


def send(sock: socket.socket) -> None:
    sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")


def answered(sock: socket.socket) -> int:
    head, _, _ = read_message(sock)
    return status(head)


def idle(pair: Pair) -> None:
    """Let the destination be forgotten."""
    pair.becomes(lambda: all(one.connections == 0 for one in pair.outbound._logicals.values()))
    pair.advance(IDLE + 0.1)
    pair.advance(IDLE + 0.1)
    assert not pair.outbound._logicals


def test_a_request_that_waits_for_an_endpoint_goes_on_waiting() -> None:
    app = Script(200)
    with application(app) as port:
        policy = routed(rule(backend(failfast=5.0)))
        with Pair(port, outbound_policy=policy, endpoints=()) as pair, pair.connect() as sock:
            send(sock)
            pair.eventually(lambda: pair.outbound.in_flight, 1)
            change(pair, routed(rule(backend(failfast=5.0, accrual=ACCRUAL))))
            endpoints = pair.lookups.set
            assert endpoints is not None
            pair.run(lambda: endpoints.add(plain(port)))
            assert answered(sock) == 200


def test_a_retry_after_the_change_leaves_no_connection_behind() -> None:
    app = Script(503, 200)
    with application(app) as port:
        policy = routed(rule(backend(), retry=SLOW))
        with Pair(port, outbound_policy=policy) as pair:
            with pair.connect() as sock:
                send(sock)
                pair.eventually(lambda: pair.metric(RETRIES), 1.0)
                change(pair, routed(rule(backend(accrual=ACCRUAL), retry=SLOW)))
                pair.advance(2.1)
                assert answered(sock) == 200
            idle(pair)
            pair.eventually(lambda: pair.metric("tcp_open_connections", **OPEN), 0.0)


def test_a_fixed_endpoint_that_is_described_anew_is_left_with_nothing_open() -> None:
    app = Script(503, 200)
    with application(app) as port:
        pair = Pair(port)
        pair.lookups.policy = routed(rule(fixed(pair.meshed), retry=SLOW))
        with pair:
            with pair.connect() as sock:
                send(sock)
                pair.eventually(lambda: pair.metric(RETRIES), 1.0)
                anew = replace(pair.meshed, labels=())
                change(pair, routed(rule(fixed(anew), retry=SLOW)))
                pair.advance(2.1)
                assert answered(sock) == 200
            idle(pair)
            pair.eventually(lambda: pair.metric("tcp_open_connections", **OPEN), 0.0)


def test_a_backend_that_was_dropped_is_open_no_longer_than_it_is_of_use() -> None:
    app = Script(503, 200)
    with application(app) as port:
        policy = routed(rule(backend(), retry=SLOW))
        with Pair(port, outbound_policy=policy) as pair, pair.connect() as sock:
            send(sock)
            pair.eventually(lambda: pair.metric(RETRIES), 1.0)
            change(pair, routed(rule(backend(accrual=ACCRUAL))))
            pair.advance(2.1)
            assert answered(sock) == 200
            assert status(ask(sock)) == 200
            (logical,) = pair.outbound._logicals.values()
            assert set(logical._backends) == {backend(), backend(accrual=ACCRUAL)}
            pair.advance(LINGER + 0.1)
            assert set(logical._backends) == {backend(accrual=ACCRUAL)}
            assert status(ask(sock)) == 200
