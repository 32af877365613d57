"""Endpoints become ready before they get requests, and connecting is not taken for answering."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.net.dial import ConnectSettings, Dialer
from proxy.net.transport import Transport
from proxy.outbound.concrete import AT_ONCE
from proxy.settings import PoolSettings
from proxy.tests.pair import Pair, application, read_message
from proxy.tests.policies import (
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

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from proxy.net.transport import Receiver
    from proxy.outbound.concrete import EndpointMember
    from weft.addresses import SocketAddress

REQUEST = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"


class SlowDialer(Dialer):
    """Connections to some ports take their time, of the reactor's clock."""

    def __init__(self, mesh: Pair) -> None:
        super().__init__(mesh.reactor, ConnectSettings())
        self.slow: dict[int, float] = {}
        self.dialed: list[int] = []
        self.begun: list[Transport] = []

    def plain(self, address: SocketAddress, receiver: Receiver) -> Transport:
        self.dialed.append(address.port)
        delay = self.slow.get(address.port)
        if delay is None:
            return super().plain(address, receiver)
        transport = Transport(self.reactor, self._socket(address), receiver)
        self.begun.append(transport)
        self.reactor.call_later(delay, lambda: transport.connect((address.ip, address.port), 1.0))
        return transport


@contextlib.contextmanager
def pair(ports: Sequence[int]) -> Iterator[tuple[Pair, SlowDialer]]:
    """Unmeshed endpoints, and a way to slow their connections down."""
    policy = routed(rule(backend(failfast=30.0)))
    mesh = Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports))
    dialer = mesh.outbound.dialer = SlowDialer(mesh)
    with mesh:
        yield mesh, dialer
    for transport in dialer.begun:
        transport.abort()


def member(mesh: Pair, port: int) -> EndpointMember:
    (found,) = (one for one in balanced(mesh)._p2c.members() if one.address.port == port)
    return found


def add(mesh: Pair, port: int) -> None:
    endpoints = mesh.lookups.set
    assert endpoints is not None
    mesh.run(lambda: endpoints.add(plain(port)))


def test_the_first_answer_is_timed_from_when_there_was_a_connection() -> None:
    with applications(Script(200)) as ports, pair(ports) as (mesh, dialer):
        mesh.hold()
        dialer.slow[ports[0]] = 4.0
        with mesh.connect() as sock:
            sock.sendall(REQUEST)
            mesh.becomes(lambda: bool(dialer.dialed) and balanced(mesh).counts[2] == 1)
            mesh.advance(4.1)
            head, _, _ = read_message(sock)
            assert status(head) == 200
            assert member(mesh, ports[0]).estimate < 2.0


def test_an_endpoint_is_ready_also_where_no_connection_is_kept() -> None:
    app = Script(200)
    with applications(app) as ports, pair(ports) as (mesh, dialer):
        mesh.outbound.settings = replace(mesh.outbound.settings, pool=PoolSettings(0, 3.0))
        with mesh.connect() as sock:
            assert [status(ask(sock)) for _ in range(3)] == [200] * 3
        assert len(app.requests) == 3
        # The first is made to see whether one can be made; each request has its own.
        assert len(dialer.dialed) == 4


def test_nobody_waits_for_one_endpoint_while_another_is_ready() -> None:
    with applications(Script(200), Script(200)) as ports, pair(ports[:1]) as (mesh, dialer):
        dialer.slow[ports[1]] = 60.0
        with mesh.connect() as sock:
            assert status(ask(sock)) == 200
            add(mesh, ports[1])
            assert [status(ask(sock)) for _ in range(20)] == [200] * 20
            assert dialer.dialed.count(ports[1]) == 1
            assert not member(mesh, ports[1]).ready


def test_endpoints_are_connected_as_requests_come_a_few_at_a_time() -> None:
    with applications(*(Script(200) for _ in range(12))) as ports, pair(ports) as (mesh, dialer):
        mesh.hold()
        dialer.slow = dict.fromkeys(ports, 1.0)
        with mesh.connect() as sock, mesh.connect() as other, mesh.connect() as third:
            sock.sendall(REQUEST)
            mesh.becomes(lambda: bool(dialer.dialed) and len(balanced(mesh)._warming) == 2)
            for more in (other, third):
                more.sendall(REQUEST)
            mesh.becomes(lambda: balanced(mesh).counts[2] == 3)
            assert len(balanced(mesh)._warming) == AT_ONCE
            dialer.slow.clear()
            mesh.advance(1.1)
            for waiting in (sock, other, third):
                assert status(read_message(waiting)[0]) == 200
            for _ in range(12):
                assert status(ask(sock)) == 200
            mesh.becomes(lambda: balanced(mesh).counts == (12, 0, 0))


def test_an_endpoint_that_cannot_be_connected_to_makes_room_for_the_next() -> None:
    nobody = [1, 2, 3, 4, 5]
    with (
        applications(Script(200)) as ports,
        pair([*nobody, *ports]) as (mesh, _),
        mesh.connect() as sock,
    ):
        assert [status(ask(sock)) for _ in range(5)] == [200] * 5


def test_the_connection_that_ended_is_made_anew_for_the_next_request() -> None:
    """The shared connection of a meshed endpoint: lost while nobody used it."""
    with application(Script(200)) as port, Pair(port) as mesh, mesh.connect() as sock:
        assert status(ask(sock)) == 200
        client = mesh.run(lambda: next(iter(balanced(mesh)._p2c.members())).service)
        shared = client.http2.current
        assert shared is not None
        mesh.run(lambda: shared.transport.lose(ConnectionResetError(104, "gone")))
        assert client.cold
        assert mesh.metric("outbound_http_balancer_endpoints", endpoint_state="ready") == 0
        assert status(ask(sock)) == 200
        assert client.ready


def test_the_queue_before_the_endpoints_is_counted() -> None:
    """Most requests wait for nothing, one for a connection, one in vain."""
    with applications(Script(200), Script(200)) as ports, pair(ports[:1]) as (mesh, dialer):

        def shown(name: str, **labels: str) -> float:
            return mesh.metric(f"outbound_http_balancer_{name}", backend_name="voting", **labels)

        mesh.hold()
        dialer.slow = {ports[0]: 0.02}
        with mesh.connect() as sock:
            sock.sendall(REQUEST)
            mesh.becomes(lambda: bool(dialer.dialed) and balanced(mesh).counts == (0, 1, 1))
            assert shown("queue_length") == 1
            assert shown("p2c_endpoints") == 0
            mesh.advance(0.03)
            assert status(read_message(sock)[0]) == 200
            assert [status(ask(sock)) for _ in range(9)] == [200] * 9
            assert shown("queue_length") == 0
            assert shown("p2c_endpoints") == 1
            assert shown("queue_requests_total") == 10
            assert shown("queue_latency_seconds_count") == 10
            assert shown("queue_latency_seconds_bucket", le="0.0005") == 9
            assert 0.02 < shown("queue_latency_seconds_sum") < 0.2
            assert shown("p2c_updates_total", op="Add") == 1
            add(mesh, ports[1])
            assert shown("p2c_updates_total", op="Add") == 2


def test_a_connection_made_before_the_first_bytes_is_no_request() -> None:
    with applications(Script(200)) as ports, pair(ports) as (mesh, dialer):
        requests = "outbound_http_balancer_queue_requests_total"
        with mesh.connect() as sock:
            mesh.becomes(lambda: dialer.dialed == ports)
            assert mesh.metric(requests) == 0
            assert status(ask(sock)) == 200
            assert mesh.metric(requests) == 1


def test_a_backend_that_is_given_up_shuts_the_gate_until_it_is_found_again() -> None:
    app = Script(200)
    with applications(app) as ports, pair([1]) as (mesh, dialer):
        gates = [f"outbound_http_balancer_queue_gate_{way}_total" for way in ("shut", "open")]
        since = [
            f"outbound_http_balancer_queue_gate_{way}_time_seconds" for way in ("shut", "open")
        ]
        began = time.time()
        with mesh.connect() as sock:
            sock.sendall(REQUEST)
            mesh.becomes(lambda: bool(dialer.dialed) and balanced(mesh).counts == (0, 1, 1))
            mesh.advance(31.0)
            assert status(read_message(sock)[0]) == 504
        assert [mesh.metric(gate) for gate in gates] == [1, 0]
        shut, opened = (mesh.metric(time_of) for time_of in since)
        assert began <= shut <= time.time()
        assert opened == 0
        assert mesh.metric("outbound_http_balancer_queue_gate_timeout_seconds") == 30
        add(mesh, ports[0])
        mesh.becomes(lambda: balanced(mesh).counts[0] == 1)
        with mesh.connect() as sock:
            assert status(ask(sock)) == 200
        assert [mesh.metric(gate) for gate in gates] == [1, 1]
        assert mesh.metric(since[0]) == 0
        assert shut <= mesh.metric(since[1]) <= time.time()


def test_bytes_nobody_looks_at_need_no_connection_beforehand() -> None:
    """And make none that carries nothing: some servers hold that against their clients."""
    greeted = threading.Semaphore(0)

    def serve(sock: socket.socket) -> None:
        sock.sendall(b"hello\r\n")
        assert sock.recv(10) == b"bye"
        greeted.release()

    with applications(serve, serve) as ports:
        mesh = Pair(ports[0], endpoints=plain(*ports), opaque=True)
        dialer = mesh.outbound.dialer = SlowDialer(mesh)
        with mesh:
            for _ in range(6):
                with mesh.connect() as sock:
                    assert sock.recv(10) == b"hello\r\n"
                    sock.sendall(b"bye")
                    assert greeted.acquire(timeout=5)
        assert len(dialer.dialed) == 6
        assert set(dialer.dialed) == set(ports)
