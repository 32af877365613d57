"""Connections nobody looks into: TLS by its server name, and what policy forbids."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.discovery.policy import (
    Backend,
    Distribution,
    DistributionKind,
    Failing,
    Meta,
    OutboundPolicy,
    Protocol,
    Route,
    RouteBackend,
    Rule,
)
from proxy.stack.filters import Forbidden, Invalid
from proxy.stack.match import ExactHost, SuffixHost
from proxy.tests.pair import Pair
from proxy.tests.policies import SERVICE_META, applications, backend, plain, rule

if TYPE_CHECKING:
    import socket

    from proxy.tests.pair import Serve


def client_hello(server_name: str | None) -> bytes:
    """What a TLS client says first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def naming(name: bytes) -> Serve:
    """An application that says its name and how many bytes of a hello it saw."""

    def serve(sock: socket.socket) -> None:
        sock.sendall(b"%b %d" % (name, len(sock.recv(65_536))))

    return serve


def tls_policy(*routes: tuple[str, tuple[ExactHost | SuffixHost, ...], str]) -> OutboundPolicy:
    """Routes of (name, server names, authority)."""
    return OutboundPolicy(
        Protocol.TLS,
        SERVICE_META,
        0.2,
        tls=tuple(
            Route(
                Meta("gateway.networking.k8s.io", "TLSRoute", "demo", name),
                (rule(backend(to)),),
                hosts,
            )
            for name, hosts, to in routes
        ),
    )


POLICY = tls_policy(
    ("all", (SuffixHost(".example.com"),), "all:443"),
    ("one", (ExactHost("one.example.com"),), "one:443"),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("one.example.com", b"one"),
        ("ONE.example.com", b"one"),
        ("two.example.com", b"all"),
        ("a.two.example.com", b"all"),
    ],
)
def test_tls_goes_by_server_name_untouched(name: str, expected: bytes) -> None:
    hello = client_hello(name)
    with (
        applications(naming(b"all"), naming(b"one")) as (all_, one),
        Pair(all_, outbound_policy=POLICY) as pair,
    ):
        pair.lookups.sets = {"all:443": plain(all_), "one:443": plain(one)}
        with pair.connect() as sock:
            sock.sendall(hello[:7])
            sock.sendall(hello[7:])
            assert sock.recv(100) == b"%b %d" % (expected, len(hello))
        named = {"parent_name": "voting", "route_kind": "TLSRoute", "route_name": expected.decode()}
        assert pair.metric("outbound_tls_route_open_total", **named, target_port="8080") == 1
        closed = "outbound_tls_route_close_total"
        pair.eventually(lambda: pair.metric(closed, **named, error=""), 1.0)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (client_hello("example.org"), "route-not-found"),
        (client_hello(None), "route-not-found"),
        (b"GET / HTTP/1.1\r\n\r\n", "not-tls"),
        (b"\x16\x03\x01", "not-tls"),
    ],
)
def test_what_no_route_means_is_refused_by_name(data: bytes, error: str) -> None:
    with applications(naming(b"all")) as (port,), Pair(port, outbound_policy=POLICY) as pair:
        with pair.connect() as sock:
            sock.sendall(data)
            assert sock.recv(100) == b""
        assert pair.metric("outbound_tcp_errors_total", error=error) == 1


def test_a_route_without_names_takes_the_rest() -> None:
    policy = tls_policy(("rest", (), "rest:443"), ("one", (ExactHost("a.b"),), "one:443"))
    with applications(naming(b"rest")) as (port,), Pair(port, outbound_policy=policy) as pair:
        pair.lookups.sets = {"rest:443": plain(port), "one:443": []}
        for name in (None, "c.d"):
            hello = client_hello(name)
            with pair.connect() as sock:
                sock.sendall(hello)
                assert sock.recv(100) == b"rest %d" % len(hello)


def opaque(one: Rule) -> OutboundPolicy:
    return OutboundPolicy(Protocol.OPAQUE, SERVICE_META, opaque=(Route(SERVICE_META, (one,)),))


NOWHERE = Backend(Meta.default("invalid"), Failing("nowhere"))


@pytest.mark.parametrize(
    ("one", "error"),
    [
        (replace(rule(), filters=(Forbidden(),)), "forbidden-route"),
        (replace(rule(), filters=(Invalid("why"),)), "invalid-policy"),
        (rule(RouteBackend(NOWHERE, filters=(Invalid("why"),))), "invalid-policy"),
        (Rule(Distribution(DistributionKind.EMPTY)), "no-backend"),
    ],
)
def test_bytes_that_policy_refuses(one: Rule, error: str) -> None:
    with applications(naming(b"x")) as (port,), Pair(port, outbound_policy=opaque(one)) as pair:
        with pair.connect() as sock:
            sock.sendall(b"hello")
            assert sock.recv(100) == b""
        assert pair.metric("outbound_tcp_errors_total", error=error) == 1
        counted = {"forbidden-route": "forbidden", "invalid-policy": "invalid"}.get(error, error)
        assert pair.metric("outbound_tcp_route_open_total", route_name="voting") == 1
        assert pair.metric("outbound_tcp_route_close_total", error=counted) == 1


def test_a_share_of_connections_has_nowhere_to_go() -> None:
    """By weight: the share of a backend that is not there fails, the other's does not."""
    one = rule(RouteBackend(backend(), 1), RouteBackend(NOWHERE, 0, (Invalid("why"),)))
    with applications(naming(b"x")) as (port,), Pair(port, outbound_policy=opaque(one)) as pair:
        pair.lookups.endpoints = plain(port)
        for _ in range(5):
            with pair.connect() as sock:
                sock.sendall(b"hello")
                assert sock.recv(100) == b"x 5"
