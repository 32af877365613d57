"""The proxy as a gateway: requests of other clusters' clients go to the Services they name, and to nothing
else.

    client -> mutual TLS, transport header -> gateway -> mutual TLS -> pod's proxy -> application
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import default_policy
from proxy.codec.message import Headers
from proxy.codec.transport_header import SessionProtocol, TransportHeader
from proxy.discovery.endpoints import Endpoint, Hint
from proxy.discovery.policy import Protocol, for_service
from proxy.discovery.profile import Profile
from proxy.settings import BoundSettings
from proxy.tap.downstream import client_of
from proxy.tests.attacked import Seen, Victim, drained, victim
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import (
    AUTHORITY,
    CLIENT,
    LOCAL,
    SERVER,
    Pair,
    application,
    certificates,
    echo_bytes,
    echo_http,
    read_message,
    read_until,
)
from proxy.tests.policies import SERVICE_META, Gated, ask, plain, routed, rule, status
from proxy.tests.test_stream_routes import client_hello
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from typing import Any

    from proxy.net.exchange import Call
    from proxy.outbound.logical import Logical

GATEWAY = "gateway.multicluster.serviceaccount.identity.weft.cluster.local"
NAME, _, PORT = AUTHORITY.partition(":")
SUFFIXES = ("svc.cluster.local",)
BY = f"by={GATEWAY};for={CLIENT};host={AUTHORITY};proto=https".encode()
GRPC = {"content-type": "application/grpc", "te": "trailers"}

NOT_SERVED = {
    "another suffix": "voting.demo.example.com",
    "the suffix as a part of a word": "voting.demo.xsvc.cluster.local",
    "an address": "10.0.0.5",
    "with a port": f"{NAME}:9",
    "no name": "a b",
    "nobody knows it": "nobody.demo.svc.cluster.local",
}

DOMAIN_INVALID = "gateway domain invalid"
LOOP = "gateway loop"


def named(name: str = NAME, port: int = int(PORT), *, http2: bool = True) -> TransportHeader:
    session = SessionProtocol.HTTP2 if http2 else SessionProtocol.HTTP1
    return TransportHeader(port, name, session)


def get(*lines: str, path: str = "/votes") -> bytes:
    more = "".join(f"{line}\r\n" for line in lines)
    return f"GET {path} HTTP/1.1\r\nHost: voting-east:8080\r\n{more}\r\n".encode()


def over_http2(gate: Pair, header: TransportHeader, **fields: str) -> PeerStream:
    """One request that came as HTTP/2, and its response."""
    with gate.tunnel(header) as sock:
        client = Peer(sock)
        stream = client.request(
            "GET", "/votes", {k.replace("_", "-"): v for k, v in fields.items()}
        )
        client.wait(lambda: stream.ended)
    return stream


@contextlib.contextmanager
def gateway(**terms: Any) -> Iterator[tuple[Pair, Victim]]:
    """A gateway, and a meshed pod behind it whose application remembers what it was sent."""
    terms = {"gateway": SUFFIXES, "server": certificates(GATEWAY), **terms}
    with victim() as pod, Pair(1, beside=pod, **terms) as gate:
        gate.lookups.named[AUTHORITY] = for_service(AUTHORITY, SERVICE_META, opaque=False)
        gate.lookups.sets[AUTHORITY] = [pod.meshed]
        yield gate, pod


class Held:
    """Holds look-ups back."""

    def __init__(self, gate: Pair) -> None:
        self.requests: list[Callable[[], object]] = []
        watch = gate.lookups.watch_target

        def hold(*asked: Any) -> Callable[[], None]:
            self.requests.append(lambda: watch(*asked))
            return lambda: None

        gate.lookups.watch_target = hold  # type: ignore[assignment,method-assign]

    def let(self) -> None:
        for request in self.requests:
            request()


def shouting(sock: socket.socket) -> None:
    """An application that opens a websocket, or something like it, and shouts what it hears."""
    head, _, rest = read_message(sock)
    if head:
        sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
        )
        sock.sendall((rest or sock.recv(100)).upper())


def shout_over_websocket(sock: socket.socket) -> None:
    sock.sendall(get("Connection: Upgrade", "Upgrade: websocket"))
    assert read_until(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 101")
    sock.sendall(b"ping")
    assert sock.recv(100) == b"PING"


def logicals(gate: Pair) -> list[Logical]:
    return list(gate.outbound._logicals.values())


# --- requests -------------------------------------------------------------------------------


def test_http1_goes_to_the_service_that_the_header_names() -> None:
    with gateway() as (gate, pod), gate.tunnel(named(http2=False)) as sock:
        sock.sendall(get())
        head, body, _ = read_message(sock)
        assert (status(head), body) == (200, b"GET /votes HTTP/1.1\n")
        (request,) = pod.seen.requests
        assert b"forwarded: " + BY in request
        assert b"host: " + AUTHORITY.encode() in request.lower()
        assert b"l5d-client-id: " + GATEWAY.encode() in request
        assert gate.metric("outbound_http_route_request_statuses_total", parent_name="voting") == 1
        assert gate.metric("request_total", direction="outbound", server_id=SERVER) == 1
        assert gate.metric("request_total", direction="inbound", client_id=CLIENT) == 1


def test_http2_goes_to_the_service_that_the_header_names() -> None:
    with gateway() as (gate, pod):
        assert over_http2(gate, named()).status == 200
        (request,) = pod.seen.requests
        assert request.startswith(b"GET /votes HTTP/2")
        assert b"forwarded: " + BY in request


def test_http1_that_is_carried_as_http2_arrives_as_http1() -> None:
    with gateway() as (gate, pod):
        answer = over_http2(gate, named(), l5d_orig_proto="HTTP/1.1")
        assert answer.status == 200
        assert answer.headers["l5d-orig-proto"] == b"HTTP/1.1"
        assert pod.seen.requests[0].startswith(b"GET /votes HTTP/1.1")


def test_grpc_goes_through_with_its_trailers() -> None:
    def answers(stream: PeerStream) -> None:
        if stream.ended and stream.frame is not None:
            stream.respond(200, {"content-type": "application/grpc"})
            stream.send_data(stream.body[::-1], False)
            stream.send_trailers(Headers([("grpc-status", "7"), ("grpc-message", "no")]))

    def serve(sock: socket.socket) -> None:
        Peer(sock, server=True, handler=answers).serve()

    with gateway() as (gate, pod), application(serve) as port:
        pod.inbound_target = replace(pod.app, port=port)
        with gate.tunnel(named()) as sock:
            client = Peer(sock)
            stream = client.request("POST", "/votes.Votes/Vote", GRPC, ends=False)
            client.send(stream, b"\0\0\0\0\x03abc", ends=True)
            client.wait(lambda: stream.ended)
        assert stream.body == b"cba\x03\0\0\0\0"
        assert stream.trailers is not None
        assert stream.trailers["grpc-status"] == b"7"


def test_requests_of_one_connection_share_what_was_looked_up() -> None:
    with gateway() as (gate, pod):
        with gate.tunnel(named()) as sock:
            client = Peer(sock)
            streams = [client.request("GET", f"/{at}") for at in range(20)]
            client.wait(lambda: all(stream.ended for stream in streams))
            assert {stream.status for stream in streams} == {200}
            assert gate.run(lambda: [one.connections for one in logicals(gate)]) == [1]
        gate.becomes(lambda: not any(one.connections for one in logicals(gate)))
        assert len(pod.seen.requests) == 20


def test_bodies_go_both_ways_whole_and_wait_for_the_look_up() -> None:
    body = bytes(range(256)) * 2000
    post = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: %d\r\n\r\n" % len(body)
    with gateway() as (gate, _pod), application(echo_http) as port:
        gate.lookups.sets[AUTHORITY] = plain(port)
        held = Held(gate)
        with gate.tunnel(named(http2=False)) as sock:
            sender = threading.Thread(target=sock.sendall, args=(post + body,))
            sender.start()
            gate.becomes(lambda: bool(held.requests))
            gate.run(held.let)
            sender.join()
            head, seen, _ = read_message(sock)
        assert status(head) == 200
        assert seen.endswith(body)


def test_a_websocket_may_be_opened() -> None:
    with gateway() as (gate, _pod), application(shouting) as port:
        gate.lookups.sets[AUTHORITY] = plain(port)
        with gate.tunnel(named(http2=False)) as sock:
            shout_over_websocket(sock)
        gate.eventually(lambda: (gate.inbound.in_flight, gate.outbound.in_flight), (0, 0))


def test_a_client_that_leaves_takes_its_request_along() -> None:
    app = Gated()
    with gateway() as (gate, _pod), application(app) as port:
        gate.lookups.sets[AUTHORITY] = plain(port)
        with gate.tunnel(named()) as sock:
            Peer(sock).request("GET", "/slow")
            assert app.arrived.acquire(timeout=5)
            assert gate.run(lambda: (gate.inbound.in_flight, gate.outbound.in_flight)) == (1, 1)
        gate.eventually(lambda: (gate.inbound.in_flight, gate.outbound.in_flight), (0, 0))
        gate.becomes(lambda: not any(one.connections for one in logicals(gate)))
        app.let.set()


def test_a_client_that_leaves_during_the_look_up_leaves_nothing() -> None:
    with gateway() as (gate, _pod):
        held = Held(gate)
        with gate.tunnel(named()) as sock:
            Peer(sock).request("GET", "/")
            gate.becomes(lambda: bool(held.requests))
        gate.eventually(lambda: len(gate.inbound.connections), 0)
        gate.run(held.let)
        assert gate.run(lambda: logicals(gate)) == []
        gate.eventually(lambda: (gate.inbound.in_flight, gate.outbound.in_flight), (0, 0))


def test_a_watcher_sees_the_client_and_not_the_way_between() -> None:
    seen: list[SocketAddress] = []

    def watch(call: Call, event: str) -> None:
        if event == "request":
            seen.append(client_of(call.downstream))

    with gateway() as (gate, _pod), gate.tunnel(named(http2=False)) as sock:
        gate.run(lambda: gate.inbound.observers.append(watch))
        gate.run(lambda: gate.outbound.observers.append(watch))
        sock.sendall(get())
        assert status(read_message(sock)[0]) == 200
        assert seen == [SocketAddress(*sock.getsockname())] * 2


def test_an_endpoint_that_is_gone_is_the_far_sides_failure() -> None:
    with gateway() as (gate, _pod):
        gate.lookups.sets[AUTHORITY] = []
        answer = over_http2(gate, named())
        assert answer.status == 504
        assert gate.metric("outbound_http_errors_total", error="failfast") == 1
        assert gate.metric("inbound_http_errors_total") == 0


# --- from this mesh's own proxies --------------------------------------------------------------


@contextlib.contextmanager
def mirrored(gate: Pair) -> Iterator[Pair]:
    """A cluster whose control plane says that the Service is behind the gateway of another."""
    behind = Endpoint(
        SocketAddress(LOCAL, gate.inbound_port),
        identity=GATEWAY,
        hint=Hint.H2,
        authority_override=AUTHORITY,
    )
    with Pair(1, beside=gate, endpoints=[behind]) as west:
        yield west


def test_our_own_proxy_names_the_service_to_a_gateway() -> None:
    with gateway() as (gate, pod), mirrored(gate) as west:
        with west.connect() as sock:
            sock.sendall(get())
            assert status(read_message(sock)[0]) == 200
        with west.connect() as sock:
            client = Peer(sock)
            stream = client.request("GET", "/two")
            client.wait(lambda: stream.ended)
            assert stream.status == 200
        first, second = pod.seen.requests
        assert first.startswith(b"GET /votes HTTP/1.1")
        assert second.startswith(b"GET /two HTTP/2")
        assert BY in first
        found = "inbound_tcp_transport_header_connections_total"
        assert gate.metric(found, target_name=NAME, session_protocol="http2") == 1


def test_our_own_proxy_opens_websockets_through_a_gateway() -> None:
    with gateway() as (gate, _pod), mirrored(gate) as west, application(shouting) as port:
        gate.lookups.sets[AUTHORITY] = plain(port)
        with west.connect() as sock:
            shout_over_websocket(sock)
        found = "inbound_tcp_transport_header_connections_total"
        assert gate.metric(found, target_name=NAME, session_protocol="http1") == 1


def test_our_own_proxy_names_the_service_of_bytes_to_a_gateway() -> None:
    with opaque_gateway() as (gate, _pod), mirrored(gate) as west:
        west.lookups.profile = Profile(name=NAME, opaque=True)
        with west.connect() as sock:
            sock.sendall(b"not HTTP at all")
            assert received_of(sock, 15) == b"not HTTP at all"
        found = "inbound_tcp_transport_header_connections_total"
        assert gate.metric(found, target_name=NAME, session_protocol="") == 1


def test_a_gateways_refusal_reaches_the_client() -> None:
    with gateway() as (gate, pod), mirrored(gate) as west:
        gate.lookups.named.clear()
        with west.connect() as sock:
            assert status(ask(sock, get())) == 404
        assert pod.seen.requests == []


# --- bytes ----------------------------------------------------------------------------------


def bytes_for(name: str = NAME) -> TransportHeader:
    return TransportHeader(int(PORT), name)


@contextlib.contextmanager
def opaque_gateway(**terms: Any) -> Iterator[tuple[Pair, Pair]]:
    """A gateway before a meshed pod whose application sends back what it gets, reached at the port it
    listens on by the proxy's own."""
    terms = {"gateway": SUFFIXES, "server": certificates(GATEWAY), **terms}
    with (
        application(echo_bytes) as port,
        Pair(port) as pod,
        Pair(1, beside=pod, **terms) as gate,
    ):
        pod.inbound_target = SocketAddress(LOCAL, pod.inbound_port)
        opaque = Profile(name=NAME, opaque=True)
        gate.lookups.profiles[AUTHORITY] = opaque
        gate.lookups.named[AUTHORITY] = for_service(AUTHORITY, SERVICE_META, opaque=True)
        transport = {"hint": Hint.OPAQUE, "transport_port": pod.inbound_port}
        gate.lookups.sets[AUTHORITY] = [Endpoint(pod.app, identity=SERVER, **transport)]  # type: ignore[arg-type]
        yield gate, pod


def received_of(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := sock.recv(65_536)):
        data += more
    return data


def over(gate: Pair, pod: Pair | None = None) -> None:
    """Nothing is held of connections that have ended."""
    gate.eventually(lambda: len(gate.inbound.connections), 0)
    gate.eventually(lambda: len(gate.outbound.connections), 0)
    gate.becomes(lambda: not any(one.connections for one in logicals(gate)))
    assert gate.reactor.failures == 0


def test_bytes_go_to_the_service_that_the_header_names() -> None:
    payload = bytes(range(256)) * 100
    with opaque_gateway() as (gate, pod):
        with gate.tunnel(bytes_for()) as sock:
            for _ in range(40):
                sock.sendall(payload)
                assert received_of(sock, len(payload)) == payload
            assert gate.run(lambda: len(gate.inbound.connections)) == 1
        over(gate)
        found = "inbound_tcp_transport_header_connections_total"
        assert gate.metric(found, target_name=NAME, client_id=CLIENT) == 1
        assert pod.metric(found, target_name="", client_id=GATEWAY) == 1
        assert gate.metric("outbound_tcp_route_open_total", parent_name="voting") == 1
        assert gate.metric("outbound_tcp_route_close_total", parent_name="voting") == 1


def test_a_server_that_speaks_first_is_heard_through_the_gateway() -> None:
    def greet(sock: socket.socket) -> None:
        sock.sendall(b"220 ready\r\n")
        sock.recv(1)

    with opaque_gateway() as (gate, _pod), application(greet) as port:
        gate.lookups.sets[AUTHORITY] = plain(port)
        with gate.tunnel(bytes_for()) as sock:
            assert read_until(sock, b"\r\n") == b"220 ready\r\n"


def test_bytes_wait_for_the_look_up() -> None:
    with opaque_gateway() as (gate, _pod):
        held = Held(gate)
        with gate.tunnel(bytes_for()) as sock:
            sock.sendall(b"early")
            gate.becomes(lambda: bool(held.requests))
            gate.run(held.let)
            assert read_until(sock, b"early") == b"early"
        over(gate)


def test_bytes_that_are_given_up_during_the_look_up_leave_nothing() -> None:
    with opaque_gateway() as (gate, _pod):
        held = Held(gate)
        with gate.tunnel(bytes_for()):
            gate.becomes(lambda: bool(held.requests))
        gate.run(held.let)
        over(gate)


@pytest.mark.parametrize("name", NOT_SERVED.values(), ids=NOT_SERVED)
def test_bytes_for_other_names_are_refused(name: str) -> None:
    with opaque_gateway() as (gate, _pod):
        with gate.tunnel(bytes_for(name)) as sock:
            assert sock.recv(1) == b""
        assert gate.metric("inbound_tcp_errors_total", error=DOMAIN_INVALID, number="1006") == 1
        over(gate)


def test_bytes_of_the_gateway_itself_are_a_loop() -> None:
    with opaque_gateway() as (gate, _pod):
        with gate.tunnel(bytes_for(), certificates(GATEWAY)) as sock:
            assert sock.recv(1) == b""
        assert gate.metric("inbound_tcp_errors_total", error=LOOP, number="1007") == 1
        over(gate)


def test_the_policy_of_the_gateways_port_holds_for_bytes_and_while_they_flow() -> None:
    with opaque_gateway(client_ip="10.0.0.9") as (gate, _pod):
        with gate.tunnel(bytes_for()) as sock:
            sock.sendall(b"in")
            assert sock.recv(2) == b"in"
            cell = gate.policies.cells[gate.inbound_port]
            gate.run(lambda: cell.update(default_policy("deny")))
            assert drained(sock) == b""
        assert gate.metric("inbound_tcp_authz_terminate_total", client_id=CLIENT) == 1
        with gate.tunnel(bytes_for()) as sock:
            assert sock.recv(1) == b""
        assert gate.metric("inbound_tcp_authz_deny_total", client_id=CLIENT) == 1
        assert gate.metric("inbound_tcp_authz_allow_total", client_id=CLIENT) == 1
        over(gate)


def test_bytes_do_not_slip_past_http_routes() -> None:
    with opaque_gateway() as (gate, _pod):
        gate.lookups.profiles.clear()
        gate.lookups.named[AUTHORITY] = routed(rule())
        with gate.tunnel(bytes_for()) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert sock.recv(1) == b""
        assert gate.metric("inbound_tcp_errors_total", error="not-http", number="5005") == 1
        over(gate)


def test_bytes_count_against_the_bound_on_connections() -> None:
    with opaque_gateway(bounds=BoundSettings(max_connections=1)) as (gate, _pod):
        with gate.tunnel(bytes_for()) as sock:
            sock.sendall(b"in")
            assert sock.recv(2) == b"in"
            with gate.connect(inbound=True) as another:
                assert another.recv(1) == b""
        over(gate)
        with gate.tunnel(bytes_for()) as sock:
            sock.sendall(b"in")
            assert sock.recv(2) == b"in"


def test_tls_to_a_service_with_tls_routes_goes_by_its_server_name() -> None:
    tls = replace(
        for_service(AUTHORITY, SERVICE_META, opaque=True), protocol=Protocol.TLS, detect_timeout=5.0
    )
    with opaque_gateway() as (gate, _pod), application(echo_bytes) as port:
        gate.lookups.profiles.clear()
        gate.lookups.named[AUTHORITY] = replace(tls, tls=tls.opaque)
        gate.lookups.sets[AUTHORITY] = plain(port)
        greeting = client_hello("db.example")
        with gate.tunnel(bytes_for()) as sock:
            sock.sendall(greeting)
            assert read_until(sock, greeting) == greeting
        with gate.tunnel(bytes_for()) as sock:
            sock.sendall(b"no TLS at all")
            assert sock.recv(1) == b""
        assert gate.metric("inbound_tcp_errors_total", error="not-tls") == 1
        over(gate)


@pytest.mark.parametrize("flowing", [False, True], ids=["looked up", "flowing"])
def test_the_end_of_the_proxy_is_the_end_of_bytes(flowing: bool) -> None:
    with opaque_gateway() as (gate, _pod):
        held = None if flowing else Held(gate)
        with gate.tunnel(bytes_for()) as sock:
            if flowing:
                sock.sendall(b"in")
                assert sock.recv(2) == b"in"
            else:
                gate.becomes(lambda: held is not None and bool(held.requests))
            gate.run(gate.inbound.stop)
            gate.run(gate.outbound.stop)
            assert drained(sock) == b""
        over(gate)


# --- which names ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NOT_SERVED.values(), ids=NOT_SERVED)
def test_other_names_are_answered_with_not_found(name: str) -> None:
    with gateway() as (gate, pod):
        answer = over_http2(gate, named(name))
        assert answer.status == 404
        assert b"[1006]" in answer.headers["l5d-proxy-error"]
        with gate.tunnel(named(name, http2=False)) as sock:
            assert [status(ask(sock, get())) for _ in range(2)] == [404, 404]
        answer = over_http2(gate, named(name), content_type="application/grpc")
        assert (answer.status, answer.headers["grpc-status"]) == (200, b"5")
        found = "inbound_http_errors_total"
        assert gate.metric(found, error=DOMAIN_INVALID, number="1006") == 4
        assert pod.seen.requests == []


@pytest.mark.parametrize("name", [NAME.upper(), f"{NAME}."])
def test_names_are_the_same_however_they_are_spelt(name: str) -> None:
    with gateway() as (gate, _pod):
        assert over_http2(gate, named(name)).status == 200


def test_every_name_may_be_served() -> None:
    with gateway(gateway=("",)) as (gate, _pod):
        gate.lookups.named["api.example.com:80"] = for_service(
            AUTHORITY, SERVICE_META, opaque=False
        )
        assert over_http2(gate, named("api.example.com", 80)).status == 200
        assert over_http2(gate, named("10.0.0.5", 80)).status == 404


def test_a_name_that_turns_up_later_is_found_by_the_next_request() -> None:
    with gateway() as (gate, _pod):
        policy = gate.lookups.named.pop(AUTHORITY)
        with gate.tunnel(named(http2=False)) as sock:
            assert status(ask(sock, get())) == 404
            gate.run(lambda: gate.lookups.named.update({AUTHORITY: policy}))
            sock.sendall(get())
            assert status(read_message(sock)[0]) == 200


def test_a_control_plane_that_is_away_is_not_the_names_fault() -> None:
    with gateway() as (gate, _pod):
        gate.lookups.refuse = True
        answer = over_http2(gate, named())
        assert answer.status == 502
        assert b"[1001]" in answer.headers["l5d-proxy-error"]


# --- loops ----------------------------------------------------------------------------------

LOOPS = [
    f"by={GATEWAY};for=x;host=y;proto=https",
    f"for=x;By={GATEWAY.upper()};proto=https",
    f'by=other;for=x, for=z;by="{GATEWAY}"',
]


@pytest.mark.parametrize("line", LOOPS)
def test_a_request_that_was_here_before_is_a_loop(line: str) -> None:
    with gateway() as (gate, pod):
        answer = over_http2(gate, named(), forwarded=line)
        assert answer.status == 508
        assert b"[1007]" in answer.headers["l5d-proxy-error"]
        answer = over_http2(gate, named(), forwarded=line, content_type="application/grpc")
        assert (answer.status, answer.headers["grpc-status"]) == (200, b"10")
        with gate.tunnel(named(http2=False)) as sock:
            head = ask(sock, get(f"Forwarded: {line}"))
            assert status(head) == 508
            assert b"connection: close" in head.lower()
        assert gate.metric("inbound_http_errors_total", error=LOOP, number="1007") == 3
        assert pod.seen.requests == []


def test_what_another_gateway_forwarded_is_none_and_keeps_its_line() -> None:
    other = "by=gateway.west;for=web.west;host=voting-east:8080;proto=https"
    with gateway() as (gate, pod):
        assert over_http2(gate, named(), forwarded=other).status == 200
        (request,) = pod.seen.requests
        assert request.index(other.encode()) < request.index(BY)


def test_the_gateway_is_no_client_of_itself() -> None:
    with gateway() as (gate, pod), gate.tunnel(named(http2=False), certificates(GATEWAY)) as sock:
        assert status(ask(sock, get())) == 508
        assert gate.metric("inbound_http_errors_total", error=LOOP) == 1
        assert pod.seen.requests == []


# --- who may --------------------------------------------------------------------------------


def test_the_policy_of_the_gateways_port_holds() -> None:
    policy = default_policy("deny")
    with gateway(inbound_policy=policy, client_ip="10.0.0.9") as (gate, pod):
        assert over_http2(gate, named()).status == 403
        assert over_http2(gate, named("nobody.demo.svc.cluster.local")).status == 403
        denied = gate.metric("inbound_http_authz_deny_total", target_port=str(gate.inbound_port))
        assert denied == 2
        assert gate.run(lambda: logicals(gate)) == []
        cells = gate.policies.cells
        assert list(cells) == [gate.inbound_port]
        gate.run(lambda: cells[gate.inbound_port].update(default_policy("all-unauthenticated")))
        assert over_http2(gate, named()).status == 200
        assert len(pod.seen.requests) == 1


def test_requests_beyond_the_bound_are_shed() -> None:
    with gateway() as (gate, _pod):
        gate.run(lambda: setattr(gate.outbound, "max_in_flight", 0))
        assert over_http2(gate, named()).status == 503
        gate.run(lambda: setattr(gate.outbound, "max_in_flight", 1000))
        assert over_http2(gate, named()).status == 200


# --- where it is no gateway that is meant ---------------------------------------------------


def test_without_a_name_the_pod_itself_is_meant_whatever_the_authority() -> None:
    seen = Seen()
    with gateway() as (gate, pod), application(seen.serve) as port:
        local = TransportHeader(port, session=SessionProtocol.HTTP1)
        with gate.tunnel(local) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % AUTHORITY.encode())
            assert status(read_message(sock)[0]) == 200
        assert b"forwarded" not in seen.requests[0]
        assert pod.seen.requests == []


def test_without_a_transport_header_nothing_is_forwarded() -> None:
    with gateway() as (gate, pod):
        context = certificates(CLIENT).client_context
        with context.wrap_socket(gate.connect(inbound=True), server_hostname=GATEWAY) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % AUTHORITY.encode())
            assert drained(sock) == b""
        assert pod.seen.requests == []


def test_what_comes_for_the_application_is_not_touched() -> None:
    """Where the own port is not what was meant, a gateway is a proxy like any other."""
    seen = Seen()
    with gateway() as (gate, pod), application(seen.serve) as port:
        gate.inbound_target = replace(gate.app, port=port)
        with gate.connect(inbound=True) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % AUTHORITY.encode())
            assert status(read_message(sock)[0]) == 200
        assert b"forwarded" not in seen.requests[0]
        assert pod.seen.requests == []
