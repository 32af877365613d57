"""How long responses took is counted from the end of their requests, however slowly those came."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from proxy.tests.pair import Noticing, Pair, application, echo_http, read_message, read_until
from proxy.tests.policies import Script, ask, plain, routed, rule
from proxy.tests.test_retries import SERVER_ERRORS

if TYPE_CHECKING:
    import socket

HEAD = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\n"
REQUESTS = ("inbound_http_request", "outbound_http_route_request")
RESPONSES = ("inbound_http_response", "outbound_http_route_backend_response")
SLOW = 60.0
"""Seconds that a body takes, on a clock that is sent ahead."""


def seen(pair: Pair, family: str) -> tuple[float, float]:
    """How many, and how long in all."""
    name = f"{family}_duration_seconds"
    shown = pair.metric(f"{name}_count"), pair.metric(f"{name}_sum")
    buckets = [
        float(line.rpartition(" ")[2])
        for line in pair.metrics().splitlines()
        if line.startswith(f"{name}_bucket")
    ]
    assert buckets == sorted(buckets)
    assert buckets[0] >= 0
    return shown


@pytest.mark.parametrize("pieces", [[HEAD + b"body"], [HEAD, b"body"], [HEAD, b"bo", b"dy"]])
def test_a_body_that_takes_its_time(pieces: list[bytes]) -> None:
    head, *more = pieces
    served = Noticing(echo_http)
    with application(served) as port, Pair(port) as pair:
        with pair.connect() as sock:
            sock.sendall(head)
            for piece in more:
                assert served.reached.wait(5)
                pair.advance(SLOW)
                sock.sendall(piece)
            assert read_message(sock)[0].startswith(b"HTTP/1.1 200")
        took = SLOW * len(more)
        for requests, responses in zip(REQUESTS, RESPONSES, strict=True):
            assert seen(pair, requests)[0] == seen(pair, responses)[0] == 1
            before = seen(pair, requests)[1] - seen(pair, responses)[1]
            assert took <= before < took + SLOW
            at_once = pair.metric(f"{responses}_duration_seconds_bucket", le="10")
            assert at_once == 1


def test_a_response_that_ends_before_its_request() -> None:
    arrived, let = threading.Event(), threading.Event()

    def hasty(sock: socket.socket) -> None:
        if not read_until(sock, b"\r\n\r\n"):
            return  # opened while the first bytes were awaited; they came on another
        arrived.set()
        let.wait(10)
        sock.sendall(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")

    with application(hasty) as port, Pair(port) as pair:
        with pair.connect() as sock:
            sock.sendall(HEAD)
            assert arrived.wait(5)
            pair.advance(SLOW)
            let.set()
            assert read_message(sock)[0].startswith(b"HTTP/1.1 413")
        for requests, responses in zip(REQUESTS, RESPONSES, strict=True):
            assert seen(pair, requests)[0] == 1
            assert seen(pair, requests)[1] > SLOW
            count, total = seen(pair, responses)
            assert (count, round(total, 6)) == (1, 0)


def test_every_try_is_a_wait_of_its_own() -> None:
    policy = routed(rule(retry=SERVER_ERRORS))
    served = Noticing(Script(500, 200))
    with (
        application(served) as port,
        Pair(port, outbound_policy=policy, endpoints=plain(port)) as pair,
    ):
        with pair.connect() as sock:
            sock.sendall(HEAD)
            assert served.reached.wait(5)
            pair.advance(SLOW)
            assert ask(sock, b"body").startswith(b"HTTP/1.1 200")
        assert pair.metric("outbound_http_route_retry_requests_total") == 1
        count, total = seen(pair, "outbound_http_route_backend_response")
        assert count == 2
        assert total < SLOW
        count, total = seen(pair, "outbound_http_route_request")
        assert count == 1
        assert total > SLOW
