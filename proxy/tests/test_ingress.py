"""Ingress mode: requests go where `l5d-dst-override` says, and by their connection's address otherwise."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from proxy.discovery.policy import for_service
from proxy.stack.meta import Meta
from proxy.tests.pair import Pair, application, echo_http, read_message
from proxy.tests.policies import Script, ask, plain, status

if TYPE_CHECKING:
    from collections.abc import Iterator

BLUE = "blue.demo.svc.cluster.local"


def get(override: str | None, path: str = "/") -> bytes:
    named = "" if override is None else f"l5d-dst-override: {override}\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: shop.example.com\r\n{named}\r\n".encode()


@contextlib.contextmanager
def pair(*, ingress: bool = True) -> Iterator[tuple[Pair, Script, Script]]:
    """The connection's address leads to the first application, a name to the second."""
    by_address, by_name = Script(200), Script(201)
    with application(by_address) as one, application(by_name) as two:
        mesh = Pair(one, endpoints=plain(one), ingress=ingress)
        meta = Meta("core", "Service", "demo", "blue", port="80")
        mesh.lookups.named[f"{BLUE}:80"] = for_service(f"{BLUE}:80", meta, opaque=False)
        mesh.lookups.sets[f"{BLUE}:80"] = plain(two)
        with mesh:
            yield mesh, by_address, by_name


@pytest.mark.parametrize("override", [BLUE, f"{BLUE}:80", f"{BLUE.upper()}.", f"{BLUE}.:80"])
def test_a_request_goes_to_the_service_it_names(override: str) -> None:
    with pair() as (mesh, by_address, by_name), mesh.connect() as sock:
        assert [status(ask(sock, get(override))) for _ in range(3)] == [201] * 3
        assert len(by_name.requests) == 3
        assert not by_address.requests
        assert not any(b"l5d-dst-override" in request for request in by_name.requests)
        assert mesh.metric("outbound_http_route_request_statuses_total", parent_name="blue") == 3


def test_requests_of_one_connection_go_different_ways() -> None:
    with pair() as (mesh, *_), mesh.connect() as sock:
        ways = [status(ask(sock, get(override))) for override in (None, BLUE, None, BLUE)]
    assert ways == [200, 201, 200, 201]


def test_a_name_of_nobody_here_goes_by_the_address() -> None:
    with pair() as (mesh, *_), mesh.connect() as sock:
        assert status(ask(sock, get("shop.example.com:8080"))) == 200


@pytest.mark.parametrize("override", ["", "a b", ":80", f"{BLUE}:0", f"{BLUE}:http", "10.0.0.256"])
def test_what_is_no_destination_is_refused_by_name(override: str) -> None:
    with pair() as (mesh, by_address, _), mesh.connect() as sock:
        head = ask(sock, get(override))
        assert status(head) == 400
        assert b"l5d-dst-override" in head
        assert not by_address.requests


def test_no_answer_about_a_name_is_no_reason_to_go_elsewhere() -> None:
    with pair() as (mesh, by_address, _), mesh.connect() as sock:
        assert status(ask(sock, get(None))) == 200
        mesh.lookups.refuse = True
        head = ask(sock, get(BLUE))
        assert status(head) == 502
        assert b"the controller is away [1001]" in head
        assert len(by_address.requests) == 1


def test_elsewhere_the_header_means_nothing() -> None:
    with pair(ingress=False) as (mesh, by_address, _), mesh.connect() as sock:
        assert status(ask(sock, get(BLUE))) == 200
        assert b"l5d-dst-override" in by_address.requests[0]


def test_a_destination_is_let_go_with_the_connections_that_named_it() -> None:
    with pair() as (mesh, *_):
        with mesh.connect() as sock:
            assert status(ask(sock, get(BLUE))) == 201
            assert mesh.run(
                lambda: [one.connections for one in mesh.outbound._logicals.values()]
            ) == [
                1,
                1,
            ]
        mesh.becomes(lambda: not any(one.connections for one in mesh.outbound._logicals.values()))
        mesh.advance(10.0)
        mesh.advance(10.0)
        mesh.becomes(lambda: not mesh.outbound._logicals)


def test_a_body_waits_for_the_look_up() -> None:
    with application(echo_http) as port, Pair(port, endpoints=plain(port), ingress=True) as mesh:
        meta = Meta("core", "Service", "demo", "blue", port="80")
        mesh.lookups.named[f"{BLUE}:80"] = for_service(f"{BLUE}:80", meta, opaque=False)
        mesh.lookups.sets[f"{BLUE}:80"] = plain(port)
        body = bytes(range(256)) * 1000
        with mesh.connect() as sock:
            head = f"POST / HTTP/1.1\r\nHost: v\r\nl5d-dst-override: {BLUE}\r\nContent-Length: {len(body)}\r\n\r\n"
            sock.sendall(head.encode() + body)
            answered, seen, _ = read_message(sock)
        assert status(answered) == 200
        assert seen.endswith(body)
