"""Spans of requests through both proxies: one trace, one parent after the other, and none unasked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from proxy.discovery.policy import Retry
from proxy.inbound.trace import InboundRecorder
from proxy.outbound.trace import OutboundRecorder
from proxy.stack.backoff import Backoff
from proxy.tests.pair import CLIENT, SERVER, Pair, application, echo_http, read_message
from proxy.tests.policies import Script, ask, plain, routed, rule, status
from proxy.trace.span import Kind, Span, SpanBuffer

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOT = "b7ad6b7169203331"
TRACED = (
    f"GET /vote?choice=secret HTTP/1.1\r\nHost: v\r\ntraceparent: 00-{TRACE}-{ROOT}-01\r\n"
    "user-agent: bot\r\n\r\n"
).encode()


class Traced(Pair):
    """A pair whose requests make spans."""

    def record(self) -> tuple[SpanBuffer, SpanBuffer]:
        """Of outbound and inbound."""
        outbound, inbound = SpanBuffer(), SpanBuffer()

        def attach() -> None:
            self.outbound.observers.append(OutboundRecorder(outbound))
            self.inbound.observers.append(InboundRecorder(inbound))

        self.run(attach)
        return outbound, inbound


def taken(buffer: SpanBuffer) -> Sequence[Span]:
    """What has been recorded; a response is heard a moment before its end is noted."""
    deadline = time.monotonic() + 5
    while not len(buffer) and time.monotonic() < deadline:
        time.sleep(0.01)
    return buffer.take()


def test_one_trace_from_proxy_to_proxy_to_application() -> None:
    with application(echo_http) as port, Traced(port) as pair:
        buffers = pair.record()
        with pair.connect() as sock:
            sock.sendall(TRACED)
            _, seen, _ = read_message(sock)
        (client,), (server,) = map(taken, buffers)
    assert client.trace_id.hex() == server.trace_id.hex() == TRACE
    assert client.parent_id.hex() == ROOT
    assert server.parent_id == client.span_id
    assert f"traceparent: 00-{TRACE}-{server.span_id.hex()}-01".encode() in seen
    assert (client.kind, server.kind) == (Kind.CLIENT, Kind.SERVER)
    assert client.name == server.name == "/vote"
    assert client.begun <= server.begun <= server.ended <= client.ended
    said, heard = dict(client.attributes), dict(server.attributes)
    assert said["http.request.method"] == "GET"
    assert said["http.response.status_code"] == heard["http.response.status_code"] == 200
    assert said["server.id"] == SERVER
    assert heard["client.id"] == CLIENT
    assert (said["direction"], heard["direction"]) == ("outbound", "inbound")
    assert heard["user_agent.original"] == "bot"
    assert "secret" not in repr((client, server))
    assert (client.error, server.error) == ("", "")


@pytest.mark.parametrize(
    "header", [b"", b"traceparent: 00-%b-%b-00\r\n" % (TRACE.encode(), ROOT.encode())]
)
def test_no_span_without_a_sampled_trace(header: bytes) -> None:
    with application(echo_http) as port, Traced(port) as pair:
        buffers = pair.record()
        with pair.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n" + header + b"\r\n")
            _, seen, _ = read_message(sock)
            # One that is traced comes after it, so that nothing is still to come.
            sock.sendall(TRACED)
            read_message(sock)
        assert header.rstrip() in seen
        assert [len(taken(buffer)) for buffer in buffers] == [1, 1]


def test_one_span_for_all_tries() -> None:
    retry = Retry(2, 1000, statuses=((500, 599),), backoff=Backoff(0.001, 0.001, 0.0))
    app = Script(503, 200)
    with application(app) as port, Traced(port, outbound_policy=routed(rule(retry=retry))) as pair:
        pair.lookups.endpoints = plain(port)
        outbound, _ = pair.record()
        with pair.connect() as sock:
            assert status(ask(sock, TRACED)) == 200
        (span,) = taken(outbound)
    assert len(app.requests) == 2
    named = f"{TRACE}-{span.span_id.hex()}-01".encode()
    assert all(named in request for request in app.requests)
    assert dict(span.attributes)["http.response.status_code"] == 200
    assert span.error == ""


def test_an_answer_of_the_proxy_s_own_is_an_error() -> None:
    with Traced(1, endpoints=[]) as pair:
        outbound, _ = pair.record()
        with pair.connect() as sock:
            assert status(ask(sock, TRACED)) == 504
        (span,) = taken(outbound)
    assert span.error == "failfast"
    assert dict(span.attributes)["error.type"] == "failfast"
    assert "network.peer.address" not in dict(span.attributes)


def test_a_failure_of_the_application_is_an_error() -> None:
    with application(Script(500)) as port, Traced(port) as pair:
        buffers = pair.record()
        with pair.connect() as sock:
            assert status(ask(sock, TRACED)) == 500
        for buffer in buffers:
            (span,) = taken(buffer)
            assert span.error == "500"
