"""The names and labels of Linkerd's metrics, held against what the proxy shows after some of everything."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import grpc
import pytest

from proxy.authz.policy import default_policy
from proxy.codec.message import Headers
from proxy.control.tests.messages import parse
from proxy.telemetry import process
from proxy.tests.attacked import GOOD, Victim, victim
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import LOCAL, Pair, application, echo_bytes
from proxy.tests.policies import Script, ask
from proxy.tests.test_controlled import by_http1, policy, world
from proxy.tests.test_governed import AT_ONCE, BACKEND, ROUTE_META
from proxy.tests.test_profiles import VOTES, get, profile
from testkit.control_plane import add, endpoint
from weft import metrics
from weft.addresses import SocketAddress
from weftapi.proxy import outbound_pb2

TABLE = tomllib.loads((Path(__file__).parent / "linkerd_metrics.toml").read_text())
WANTED = {
    name: what
    for section in TABLE.values()
    for name, what in section.items()
    if isinstance(what, list)
}
MISSING = {
    name: what["missing"]
    for section in TABLE.values()
    for name, what in section.items()
    if isinstance(what, dict)
}
UNSEEN = {
    "inbound_http_local_ratelimit_total": "test_filters.py",
    "inbound_tcp_authz_terminate_total": "test_pair_opaque.py",
    "inbound_tcp_transport_header_connections_total": "test_pair_opaque.py",
    "inbound_http_route_not_found_total": "only with routes of a Server",
    "inbound_grpc_requests_total": "only on ports declared as gRPC",
    "inbound_grpc_statuses_total": "only on ports declared as gRPC",
    "inbound_grpc_request_duration_seconds": "only on ports declared as gRPC",
    "inbound_grpc_response_duration_seconds": "only on ports declared as gRPC",
    "inbound_http_request_frame_size_bytes": "test_frame_sizes.py",
    "inbound_grpc_request_frame_size_bytes": "test_frame_sizes.py",
    "inbound_grpc_response_frame_size_bytes": "test_frame_sizes.py",
    "outbound_grpc_route_backend_response_frame_size_bytes": "test_frame_sizes.py",
    "control_identity_cert_expiration_timestamp_seconds": "test_registry.py",
    "control_identity_cert_refresh_timestamp_seconds": "test_registry.py",
    "control_identity_cert_refreshes_total": "test_registry.py",
    "route_retryable_total": "test_profiles.py",
    "outbound_tls_route_open_total": "test_stream_routes.py",
    "outbound_tls_route_close_total": "test_stream_routes.py",
    "opentelemetry_span_exports_total": "test_spans.py",
    "opentelemetry_span_export_requests_total": "test_spans.py",
}
"""Families that take more than a little traffic to show, and where they are tested."""
RETRY = f"""retry {{ max_retries: 1 max_request_bytes: 65536 {AT_ONCE}
    conditions {{ status_ranges {{ start: 500 end: 599 }} }} }}"""
GRPC_RETRY = (
    f"retry {{ max_retries: 1 max_request_bytes: 64 {AT_ONCE} conditions {{ internal: true }} }}"
)


def shown_of(pair: Pair) -> dict[str, set[str]]:
    """Label names by family, without the suffixes of histograms."""
    found: dict[str, set[str]] = {}
    for line in pair.metrics().splitlines():
        if line.startswith("#"):
            continue
        series = line.rpartition(" ")[0]
        name, _, labels = series.partition("{")
        name = re.sub(r"_(bucket|sum|count)$", "", name)
        found.setdefault(name, set()).update(re.findall(r'([a-z_]+)="', labels))
    return found


def plain_traffic() -> dict[str, set[str]]:
    """HTTP/1 both ways, one request that is refused, and bytes."""
    with victim() as pair:
        process.install(pair.registry)
        assert pair.serves("outbound")
        assert pair.serves("inbound")
        pair.throw("outbound", b"GET / HTTP/1.1\r\n\r\n")
        found = shown_of(pair)
    denied = default_policy("deny")
    with (
        application(echo_bytes) as port,
        Victim(port, inbound_policy=denied, client_ip="10.9.9.9") as pair,
    ):
        pair.throw("inbound", GOOD)
        pair.throw("inbound", b"\x00\x01\x02\x03 no http", then_shut=True)
        pair.throw("outbound", b"\x00\x01\x02\x03 no http", then_shut=True)
        merge(found, shown_of(pair))
    with application(echo_bytes) as port, Victim(port) as pair:
        pair.throw("inbound", b"\x00\x01\x02\x03 no http", then_shut=True)
        own = SocketAddress(LOCAL, pair.outbound_port)
        pair.outbound._original_destination = lambda sock: own
        pair.throw("outbound", GOOD)
        merge(found, shown_of(pair))
    return found


def governed_traffic() -> dict[str, set[str]]:
    """Routes with retries that succeed, reach their limit and overflow, for HTTP and gRPC."""
    rule = f"backends {{ first_available {{ backends {{ {BACKEND} }} }} }} {RETRY}"
    app = Script(500, 200, 500, 500, 500, 200)
    with world(policy(f"routes {{ {ROUTE_META} rules {{ {rule} }} }}")) as there:
        with application(app) as port:
            there.endpoints.show(add(endpoint(f"{LOCAL}:{port}", pod="voting-0")))
            assert [by_http1(there.pair) for _ in range(2)] == [200, 500]
            with there.pair.connect() as sock:
                ask(
                    sock,
                    b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 70000\r\n\r\n" + bytes(70_000),
                )
        there.endpoints.end(grpc.StatusCode.UNAVAILABLE)
        there.pair.eventually(lambda: there.pair.metric("control_response_total") > 0, True)
        return shown_of(there.pair)


def grpc_traffic() -> dict[str, set[str]]:
    """A GRPCRoute with retries."""
    rule = f"backends {{ first_available {{ backends {{ {BACKEND} }} }} }} {GRPC_RETRY}"
    shown = policy()
    shown.protocol.ClearField("detect")
    route = parse(outbound_pb2.GrpcRoute, f"{ROUTE_META} rules {{ {rule} }}")
    shown.protocol.grpc.routes.append(route)
    codes = ["13", "0", "13", "13", "13"]

    def handler(stream: PeerStream) -> None:
        if stream.ended and stream.reset_code is None:
            stream.ended = False
            stream.respond(200, {"content-type": "application/grpc"})
            stream.send_trailers(Headers([("grpc-status", codes.pop(0))]))

    def serve(sock) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        Peer(sock, server=True, handler=handler).serve()

    with world(shown) as there, application(serve) as port:
        there.endpoints.show(add(endpoint(f"{LOCAL}:{port}", pod="voting-0")))
        with there.pair.connect() as sock:
            client = Peer(sock)
            for body in (b"", b"", bytes(100)):
                stream = client.request(
                    "POST",
                    "/a.B/C",
                    {"content-type": "application/grpc", "te": "trailers"},
                    ends=False,
                )
                client.send(stream, body, ends=True)
                client.wait(lambda stream=stream: stream.ended)  # type: ignore[misc]
        return shown_of(there.pair)


def profile_traffic() -> dict[str, set[str]]:
    app = Script(200)
    with application(app) as port, Pair(port, profile=profile(VOTES)) as pair:
        with pair.connect() as sock:
            ask(sock, get("/votes/7"))
        return shown_of(pair)


def merge(into: dict[str, set[str]], more: dict[str, set[str]]) -> None:
    for name, labels in more.items():
        into.setdefault(name, set()).update(labels)


@pytest.fixture(scope="module")
def shown() -> dict[str, set[str]]:
    found = plain_traffic()
    for more in (governed_traffic(), grpc_traffic(), profile_traffic()):
        merge(found, more)
    return found


def test_what_linkerd_counts_is_counted_or_said_to_be_missing() -> None:
    catalogue = {metric.name for metric in metrics.catalogue()}
    assert WANTED.keys() - catalogue == set()
    assert MISSING.keys() & catalogue == set()
    assert all(len(reason) > 10 for reason in MISSING.values())


def test_each_has_linkerds_labels(shown: dict[str, set[str]]) -> None:
    seen = {name: labels for name, labels in WANTED.items() if name in shown}
    wrong = {
        name: sorted(set(labels) - shown[name])
        for name, labels in seen.items()
        if set(labels) - shown[name]
    }
    assert wrong == {}
    assert sorted(WANTED.keys() - seen.keys()) == sorted(UNSEEN)
