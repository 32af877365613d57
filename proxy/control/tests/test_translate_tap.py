"""`tap.proto` read strictly and written completely."""

import ipaddress

import pytest

from proxy.control import translate_tap
from proxy.control.tests.messages import parse
from proxy.control.watch import UnusableMessageError
from proxy.tap.match import (
    All,
    Any,
    Exactly,
    Label,
    Method,
    Network,
    Not,
    Ports,
    Predicate,
    Scheme,
    StartsWith,
)
from proxy.tap.subject import Direction, RequestInit, ResponseEnd, ResponseInit
from proxy.tap.tests.subjects import VOTE, subject
from weftapi.proxy.tap_pb2 import ObserveRequest, TapEvent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all {}", All(())),
        ("any { matches { http { method { registered: GET } } } }", Any((Method("GET"),))),
        ("not { http { method { unregistered: 'PURGE' } } }", Not(Method("PURGE"))),
        ("source { ports { min: 1 max: 1023 } }", Ports("source", 1, 1023)),
        (
            "destination { netmask { ip { ipv4: 0x0A000000 } mask: 8 } }",
            Network("destination", ipaddress.ip_network("10.0.0.0/8")),
        ),
        ("http { scheme { registered: HTTPS } }", Scheme("https")),
        ("http { authority { exact: 'web:80' } }", Exactly("authority", "web:80")),
        ("http { path { prefix: '/api' } }", StartsWith("path", "/api")),
        (
            "destination_label { key: 'deployment' value: 'web' }",
            Label("destination_labels", "deployment", "web"),
        ),
        ("route_label { key: 'route' value: 'r' }", Label("route_labels", "route", "r")),
    ],
)
def test_matches(text: str, expected: Predicate) -> None:
    request = parse(ObserveRequest, f"limit: 1 match {{ {text} }}")
    assert translate_tap.predicate(request) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "match {}",
        "match { all { matches {} } }",
        "match { not {} }",
        "match { source {} }",
        "match { source { netmask { mask: 8 } } }",
        "match { source { netmask { ip { ipv4: 1 } mask: 33 } } }",
        "match { destination { ports { min: 2 max: 1 } } }",
        "match { destination { ports { min: 1 max: 65536 } } }",
        "match { http {} }",
        "match { http { method {} } }",
        "match { http { scheme {} } }",
        "match { http { path {} } }",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(UnusableMessageError):
        translate_tap.predicate(parse(ObserveRequest, text))


def test_extraction() -> None:
    assert not translate_tap.wants_headers(ObserveRequest())
    assert translate_tap.wants_headers(parse(ObserveRequest, "extract { http { headers {} } }"))
    with pytest.raises(UnusableMessageError):
        translate_tap.wants_headers(parse(ObserveRequest, "extract { http {} }"))


def test_a_request_is_told() -> None:
    assert translate_tap.event(RequestInit(7, VOTE), headers=True) == parse(
        TapEvent,
        """
        source { ip { ipv4: 183762949 } port: 41234 }
        source_meta { labels { key: "tls" value: "loopback" } }
        destination { ip { ipv4: 183762951 } port: 8080 }
        destination_meta {
          labels { key: "tls" value: "true" }
          labels { key: "deployment" value: "voting" }
        }
        route_meta { labels { key: "route" value: "vote" } }
        proxy_direction: OUTBOUND
        http { request_init {
          id { stream: 7 }
          method { registered: POST }
          scheme { registered: HTTP }
          authority: "voting-svc:8080"
          path: "/emojivoto.v1.VotingService/VoteDoughnut"
          headers { headers { name: "content-type" value: "application/grpc" } }
        } }
        """,
    )


def test_a_strange_method_is_told_as_it_is() -> None:
    odd = subject(method="PURGE", scheme="ws", direction=Direction.INBOUND)
    message = translate_tap.event(RequestInit(0, odd), headers=False)
    assert message.http.request_init.method.unregistered == "PURGE"
    assert message.http.request_init.scheme.unregistered == "ws"
    assert not message.http.request_init.HasField("headers")
    assert message.proxy_direction == TapEvent.INBOUND


def test_a_response_is_told() -> None:
    found = ResponseInit(7, VOTE, 200, (("a", b"\xff"),), 1.5)
    init = translate_tap.event(found, headers=True).http.response_init
    assert init.since_request_init.ToMilliseconds() == 1500
    assert init.http_status == 200
    assert init.headers.headers[0].value == b"\xff"


@pytest.mark.parametrize(
    ("grpc", "reset", "expected"),
    [(14, None, "grpc_status_code"), (0, None, "grpc_status_code"), (None, 8, "reset_error_code"), (None, None, None)],
)  # fmt: skip
def test_an_end_is_told(grpc: int | None, reset: int | None, expected: str | None) -> None:
    found = ResponseEnd(7, VOTE, 2.0, 0.5, 12, grpc, reset, (("t", b"1"),))
    end = translate_tap.event(found, headers=True).http.response_end
    assert end.id.stream == 7
    assert end.response_bytes == 12
    assert end.since_response_init.ToMilliseconds() == 500
    assert end.HasField("eos")
    assert end.eos.WhichOneof("end") == expected
    assert end.trailers.headers[0].name == "t"
