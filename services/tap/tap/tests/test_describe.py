"""Events as the viewer reads them: the JSON of the contract, with names for addresses."""

import json

import pytest
from google.protobuf import json_format

from tap.describe import Describer, stream
from tap.merge import line
from tap.redact import policy
from tap.tests.world import call, cluster, event, pod
from weft.redaction import HEADERS, PARAMETERS
from weftapi.proxy import http_types_pb2, tap_pb2
from weftapi.tap.v1.tap_pb2 import INBOUND, Header, TapMessage

DESCRIBER = Describer(
    cluster(pod("web-1-a"), pod("bot", "10.244.0.9", owner=None, account="bot")),
    policy(HEADERS, PARAMETERS),
)


def read(found: tap_pb2.TapEvent) -> TapMessage:
    """Through the wire: what a client of the contract sees. Unknown fields are errors."""
    text = line(DESCRIBER.event("shop/web-1-a", 3, found)).decode()
    return json_format.Parse(text, TapMessage())


def test_a_request() -> None:
    found = event(7)
    found.source_meta.labels.update({"tls": "true", "client_id": "bot.shop"})
    found.route_meta.labels["route"] = "vote"
    init = found.http.request_init
    init.method.registered = http_types_pb2.HttpMethod.POST
    init.scheme.registered = http_types_pb2.Scheme.HTTP
    init.authority = "web"
    init.path = "/api/vote?token=abc"
    message = read(found).event
    assert (message.pod, message.id, message.direction) == ("shop/web-1-a", "3:7", INBOUND)
    assert (message.source.ip, message.source.port) == ("10.244.0.9", 41000)
    assert dict(message.source.labels) == {
        "namespace": "shop", "pod": "bot", "serviceaccount": "bot", "tls": "true", "client_id": "bot.shop",
    }  # fmt: skip
    assert message.destination.labels["deployment"] == "web"
    assert dict(message.route) == {"route": "vote"}
    assert message.request_init.method == "POST"
    assert message.request_init.scheme == "http"
    assert message.request_init.path == "/api/vote?token=REDACTED"


def test_what_the_proxy_knows_of_a_destination_wins() -> None:
    found = event(direction=tap_pb2.TapEvent.OUTBOUND)
    found.destination_meta.labels.update({"pod": "moved", "tls": "true"})
    assert dict(read(found).event.destination.labels) == {"pod": "moved", "tls": "true"}
    found.destination_meta.labels.clear()
    found.destination_meta.labels["tls"] = "disabled"
    assert read(found).event.destination.labels["pod"] == "web-1-a"


def test_headers_are_text_bytes_or_held_back() -> None:
    found = event()
    headers = found.http.request_init.headers.headers
    headers.add(name="accept", value=b"*/*")
    headers.add(name="x-bin", value=b"\xff\x00")
    headers.add(name="authorization", value=b"Bearer secret")
    assert list(read(found).event.request_init.headers) == [
        Header(name="accept", text="*/*"),
        Header(name="x-bin", binary=b"\xff\x00"),
        Header(name="authorization", redacted=True),
    ]
    assert b"secret" not in line(DESCRIBER.event("p", 1, found))


def test_a_response_and_its_end() -> None:
    _, init, end = call(0)
    init.http.response_init.since_request_init.FromMilliseconds(1500)
    assert read(init).event.response_init.since_request.ToMilliseconds() == 1500
    assert read(init).event.response_init.status == 200
    assert read(end).event.response_end.WhichOneof("end") is None


@pytest.mark.parametrize("code", [0, 14])
def test_a_grpc_status(code: int) -> None:
    end = call(0)[2]
    end.http.response_end.eos.grpc_status_code = code
    end.http.response_end.response_bytes = 2**40
    message = read(end).event.response_end
    assert message.WhichOneof("end") == "grpc_status"
    assert (message.grpc_status, message.response_bytes) == (code, 2**40)


def test_a_reset() -> None:
    end = call(0)[2]
    end.http.response_end.eos.reset_error_code = 8
    assert read(end).event.response_end.reset_code == 8


def test_nothing_can_end_a_line_early() -> None:
    found = event()
    found.http.request_init.path = "/a\n{}\r\u2028\x1b[31m"
    text = line(DESCRIBER.event("p", 1, found))
    assert text.count(b"\n") == 1
    assert b"\x1b" not in text
    assert json.loads(text)["event"]["requestInit"]["path"] == "/a\n{}\r\u2028\x1b[31m"


def test_streams_of_linkerds_proxy_have_a_base() -> None:
    found = event(4)
    assert stream(found) == "4"
    found.http.request_init.id.base = 2
    assert stream(found) == "2.4"
    assert stream(tap_pb2.TapEvent()) == ""
