"""Ingress mode on ports that are opaque by policy: HTTP is found and routed, all else passes as bytes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.discovery.policy import OutboundPolicy, for_service
from proxy.stack.filters import Forbidden
from proxy.stack.meta import Meta
from proxy.tests.h2peer import Peer
from proxy.tests.pair import AUTHORITY, Pair, application, echo_bytes, read_until
from proxy.tests.policies import SERVICE_META, Script, ask, plain, routed, rule, status
from proxy.tests.test_first_word import GREETING, Mail
from proxy.tests.test_ingress import BLUE, get
from proxy.tests.test_pair_opaque import direct, transported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.tests.pair import Serve

BLUE_META = Meta("core", "Service", "demo", "blue", port="80")


def opaque(policy: OutboundPolicy) -> OutboundPolicy:
    """As the controller says it: the port has no HTTP routes. Nothing may wait for time to run out."""
    return replace(policy, http1=(), http2=(), detect_timeout=30.0)


def by_policy(authority: str, meta: Meta) -> OutboundPolicy:
    return opaque(for_service(authority, meta, opaque=True))


@contextlib.contextmanager
def pair(serve: Serve, policy: OutboundPolicy, *, ingress: bool = True) -> Iterator[Pair]:
    """Connections are for `serve` by their address; requests may name blue, which answers 201."""
    with application(serve) as one, application(Script(201)) as two:
        mesh = Pair(one, outbound_policy=policy, endpoints=plain(one), ingress=ingress)
        mesh.lookups.named[f"{BLUE}:80"] = for_service(f"{BLUE}:80", BLUE_META, opaque=False)
        mesh.lookups.sets[f"{BLUE}:80"] = plain(two)
        with mesh:
            yield mesh


HERE = by_policy(AUTHORITY, SERVICE_META)


# --- HTTP -------------------------------------------------------------------------------------


def test_a_request_goes_to_the_service_it_names() -> None:
    app = Script(200)
    with pair(app, HERE) as mesh, mesh.connect() as sock:
        ways = [status(ask(sock, get(override))) for override in (BLUE, None, BLUE)]
    assert ways == [201, 200, 201]
    assert len(app.requests) == 1


def test_where_the_profile_says_that_the_port_is_opaque() -> None:
    app = Script(200)
    with pair(app, replace(routed(rule()), detect_timeout=30.0)) as mesh:
        mesh.lookups.profile = replace(mesh.lookups.profile, opaque=True)
        with mesh.connect() as sock:
            assert status(ask(sock, get(BLUE))) == 201
    assert not app.requests


def test_http2_is_found_too() -> None:
    with pair(Script(200), HERE) as mesh, mesh.connect() as sock:
        client = Peer(sock)
        stream = client.request("GET", "/", {"l5d-dst-override": "a b"})
        client.wait(lambda: stream.ended)
        assert stream.status == 400


def test_a_service_that_is_named_may_be_opaque_itself() -> None:
    with pair(Script(200), HERE) as mesh:
        mesh.lookups.named[f"{BLUE}:80"] = by_policy(f"{BLUE}:80", BLUE_META)
        with mesh.connect() as sock:
            assert status(ask(sock, get(BLUE))) == 201


def test_a_request_that_names_nothing_goes_to_the_opaque_port_of_a_meshed_pod() -> None:
    app = Script(200)
    with (
        application(app) as port,
        Pair(port, outbound_policy=HERE, opaque=True, ingress=True) as mesh,
    ):
        direct(mesh)
        mesh.lookups.endpoints = [transported(mesh)]
        with mesh.connect() as sock:
            assert [status(ask(sock, get(None))) for _ in range(2)] == [200, 200]
        assert mesh.metric("inbound_tcp_authz_allow_total") >= 1
    assert len(app.requests) == 2


def test_what_is_forbidden_to_bytes_is_forbidden_to_requests() -> None:
    app = Script(200)
    forbidden = opaque(replace(routed(rule(filters=(Forbidden(),))), protocol=HERE.protocol))
    with pair(app, forbidden) as mesh, mesh.connect() as sock:
        assert status(ask(sock, get(None))) == 403
        assert not app.requests


def test_elsewhere_nobody_looks_into_an_opaque_port() -> None:
    app = Script(200)
    with pair(app, HERE, ingress=False) as mesh, mesh.connect() as sock:
        assert status(ask(sock, get(BLUE))) == 200
    assert b"l5d-dst-override" in app.requests[0]


# --- all else -----------------------------------------------------------------------------------


def echoes(mesh: Pair) -> None:
    with mesh.connect() as sock:
        sock.sendall(b"\x00\x01 no request\r\n")
        assert read_until(sock, b"\r\n") == b"\x00\x01 no request\r\n"


def test_bytes_pass_as_they_are() -> None:
    with pair(echo_bytes, HERE) as mesh:
        echoes(mesh)


def test_bytes_pass_where_routes_were_written_for_a_port_that_is_opaque() -> None:
    with pair(echo_bytes, replace(routed(rule()), detect_timeout=30.0)) as mesh:
        mesh.lookups.profile = replace(mesh.lookups.profile, opaque=True)
        echoes(mesh)


@pytest.mark.parametrize("before", [None, BLUE])
def test_a_server_that_greets_is_heard_at_once(before: str | None) -> None:
    """Also after requests came for its address that went elsewhere."""
    with pair(Mail(), HERE) as mesh:
        if before is not None:
            with mesh.connect() as sock:
                assert status(ask(sock, get(before))) == 201
        for _ in range(3):
            with mesh.connect() as sock:
                assert read_until(sock, b"\r\n") == GREETING
                sock.sendall(b"HELO demo\r\n")
                assert read_until(sock, b"\r\n") == b"250 HELO demo\r\n"


@pytest.mark.parametrize(
    "policy", [HERE, replace(routed(rule()), detect_timeout=30.0)], ids=["opaque", "detected"]
)
def test_that_a_server_greeted_does_not_keep_requests_from_where_they_go(
    policy: OutboundPolicy,
) -> None:
    policy = replace(
        policy, http1=for_service(AUTHORITY, SERVICE_META, opaque=False).http1, http2=()
    )
    with pair(Mail(), policy) as mesh:
        for _ in range(2):
            with mesh.connect() as sock:
                assert read_until(sock, b"\r\n") == GREETING
            with mesh.connect() as sock:
                assert status(ask(sock, get(BLUE))) == 201
