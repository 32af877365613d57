"""The access log: what a line says, that nobody can forge one, and that it is off unless asked for."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

from proxy.authz.policy import default_policy
from proxy.inbound.access import AccessLog, Entry
from proxy.inbound.route import InboundHttp
from proxy.tests.pair import CLIENT, Pair, application, echo_http
from proxy.tests.policies import Script, ask, status

ENTRY = Entry(
    "10.0.0.1:5000",
    "web.demo",
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "GET",
    "/a?b",
    "HTTP/1.1",
    200,
    3,
    7,
    0.25,
    0.125,
    "voting:8080",
    "curl",
    "abc",
)


def test_the_common_log_format() -> None:
    assert ENTRY.apache() == (
        '10.0.0.1:5000 web.demo - [02/Jan/2026:03:04:05 +0000] "GET /a?b HTTP/1.1" 200 7'
    )


def test_a_client_without_identity_and_a_path_with_tricks() -> None:
    forged = replace(ENTRY, client_id="", uri='/"\n200 \\ \xe9')
    assert forged.apache() == (
        "10.0.0.1:5000 - - [02/Jan/2026:03:04:05 +0000] "
        '"GET /\\"\\x0a200 \\\\ \\xe9 HTTP/1.1" 200 7'
    )
    assert "\n" not in forged.json()


def test_json_has_every_field() -> None:
    assert json.loads(ENTRY.json()) == {
        "client.addr": "10.0.0.1:5000",
        "client.id": "web.demo",
        "timestamp": "02/Jan/2026:03:04:05 +0000",
        "method": "GET",
        "uri": "/a?b",
        "version": "HTTP/1.1",
        "trace_id": "abc",
        "request_bytes": 3,
        "status": 200,
        "response_bytes": 7,
        "total_ns": 250_000_000,
        "processing_ns": 125_000_000,
        "user_agent": "curl",
        "host": "voting:8080",
    }


def test_every_request_is_a_line() -> None:
    out = io.StringIO()
    with application(echo_http) as port, Pair(port) as pair:
        pair.inbound._access_log = AccessLog("json", pair.reactor, out)
        with pair.connect() as sock:
            ask(
                sock,
                b"POST /x HTTP/1.1\r\nHost: shop\r\nUser-Agent: me\r\nX-Request-Id: 7\r\n"
                b"Content-Length: 3\r\n\r\nabc",
            )
            ask(sock)
        pair.run(lambda: None)
        first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["method"], first["uri"], first["version"]) == ("POST", "/x", "HTTP/1.1")
    assert (first["request_bytes"], first["status"], first["trace_id"]) == (3, 200, "7")
    assert first["response_bytes"] > 3
    assert (first["client.id"], first["host"], first["user_agent"]) == (CLIENT, "shop", "me")
    assert 0 < first["processing_ns"] <= first["total_ns"]
    assert second["uri"] == "/"


def test_refusals_are_lines_too() -> None:
    out = io.StringIO()
    deny = default_policy("deny")
    with Pair(1, inbound_policy=deny, client_ip="10.1.2.3") as pair:
        pair.inbound._access_log = AccessLog("apache", pair.reactor, out)
        with pair.connect() as sock:
            assert status(ask(sock)) == 403
        pair.run(lambda: None)
    assert out.getvalue().endswith('"GET / HTTP/1.1" 403 0\n')


def test_without_it_calls_are_the_plain_ones() -> None:
    app = Script(200)
    with application(app) as port, Pair(port) as pair, pair.connect() as sock:
        ask(sock)
        servers = pair.run(lambda: list(pair.inbound.connections))
        (server,) = servers
        assert type(server.service) is InboundHttp  # type: ignore[attr-defined]
