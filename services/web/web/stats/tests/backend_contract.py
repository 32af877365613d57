"""What any backend must answer: one list of demands for the embedded collector and for Prometheus.

A demand is a Story, pods whose `/metrics` change as time goes, and what a selection must find at its
end. Times are seconds from the story's beginning; scrapes come every five. Counts may differ by
`tolerance`, because Prometheus extrapolates to the edges of a window.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from web.stats import tallies
from web.stats.backend import Backend, Group, Latency, TcpTotals, Traffic
from web.stats.kinds import Kind
from web.stats.links import LinkSelection, Security, select_links
from web.stats.query import Query, Ref
from web.stats.selection import select
from web.stats.tallies import TallySelection
from web.tests.proxies import inbound, outbound, series, started, tcp

STEP = 5
LENGTH = 120
EPOCH = 1_700_000_000
"""When stories begin, for process start times."""

Page = Callable[[int], str | None]
"""What `/metrics` says at a time; None: the pod is not there."""


@dataclass(frozen=True)
class Told:
    """A pod: what its target is labelled with, and its metrics."""

    labels: Mapping[str, str]
    page: Page


@dataclass(frozen=True)
class Demand:
    """Play `pods` for LENGTH seconds, then `query` must find `expected`, and no other group."""

    name: str
    pods: tuple[Told, ...]
    query: Query
    expected: Mapping[str, Traffic]
    tolerance: float = 0.1

    async def check(self, backend: Backend) -> None:
        """Raises AssertionError when the answer is not the one demanded."""
        measured = await backend.measure(select(self.query), self.query.window)
        found = {group.name: traffic for group, traffic in measured.traffic.items()}
        assert set(found) == set(self.expected)
        for name, expected in self.expected.items():
            _same(found[name], expected, self.tolerance)
        assert all(isinstance(group, Group) for group in measured.traffic)
        assert measured.observed == self.query.window


@dataclass(frozen=True)
class TallyDemand:
    """The same for what is counted by route, server and authorization."""

    name: str
    pods: tuple[Told, ...]
    selection: TallySelection
    expected: Mapping[tuple[str, ...], Traffic]
    tolerance: float = 0.1

    async def check(self, backend: Backend) -> None:
        tallied = await backend.tally(self.selection, 60.0)
        assert set(tallied.traffic) == set(self.expected)
        for key, expected in self.expected.items():
            _same(tallied.traffic[key], expected, self.tolerance)


@dataclass(frozen=True)
class LinkDemand:
    """The same for who sends to whom: by names, the traffic and what is said of security."""

    name: str
    pods: tuple[Told, ...]
    selection: LinkSelection
    expected: Mapping[tuple[str | None, str], tuple[Traffic, frozenset[Security]]]
    tolerance: float = 0.1

    async def check(self, backend: Backend) -> None:
        measured = await backend.links(self.selection, 60.0)
        found = {
            (link.source.name if link.source else None, link.target.name): flow
            for link, flow in measured.flows.items()
        }
        assert set(found) == set(self.expected)
        for ends, (traffic, security) in self.expected.items():
            _same(found[ends].traffic, traffic, self.tolerance)
            assert found[ends].security == security


@dataclass(frozen=True)
class PastDemand:
    """The same for the past: in each of ten seconds, what was answered well and badly."""

    name: str
    pods: tuple[Told, ...]
    query: Query
    expected: Mapping[str, tuple[float, float]]
    """By group: success and failure of each point, the same for all that were watched whole."""

    async def check(self, backend: Backend) -> None:
        past = await backend.history(select(self.query), 10.0, 10.0)
        assert list(past.moments) == sorted(past.moments, reverse=True)
        watched = [index for index, age in enumerate(past.moments) if age <= LENGTH - 20]
        assert len(watched) == (LENGTH - 20) // 10
        assert {group.name for group in past.samples} == set(self.expected)
        for group, samples in past.samples.items():
            assert len(samples) == len(past.moments)
            success, failure = self.expected[group.name]
            for index in watched:
                assert samples[index].success == pytest.approx(success, rel=0.1, abs=0.5)
                assert samples[index].failure == pytest.approx(failure, rel=0.1, abs=0.5)


AnyDemand = Demand | TallyDemand | LinkDemand | PastDemand


def _same(found: Traffic, expected: Traffic, tolerance: float) -> None:
    def near(value: float) -> object:
        return pytest.approx(value, rel=tolerance, abs=0.5)

    assert found.success == near(expected.success)
    assert found.failure == near(expected.failure)
    for quantile in ("p50", "p95", "p99"):
        wanted = getattr(expected.latency, quantile)
        assert getattr(found.latency, quantile) == (None if wanted is None else near(wanted))
    assert (found.tcp is None) == (expected.tcp is None)
    if found.tcp is not None and expected.tcp is not None:
        assert found.tcp.open_connections == expected.tcp.open_connections
        assert found.tcp.read_bytes == near(expected.tcp.read_bytes)
        assert found.tcp.write_bytes == near(expected.tcp.write_bytes)


def pod(name: str, page: Page, *, deployment: str = "web", namespace: str = "emojivoto") -> Told:
    labels = {"namespace": namespace, "pod": name, "deployment": deployment}
    return Told(labels, page)


def steady(success: float, failure: float = 0.0, *, start: int = EPOCH - 1000) -> Page:
    """So many requests each second, for ever."""
    return lambda at: started(start) + inbound(success=1000 + success * at, failure=failure * at)


def _latencies(at: int) -> str:
    counts = {"1": 5 * at, "2": 9 * at, "5": 10 * at, "+Inf": 10 * at}
    return inbound(success=10 * at, latency=counts)


def _restarts(at: int) -> str:
    """Two a second; at 90 the process starts anew."""
    if at < 90:
        return started(EPOCH - 5) + inbound(success=5000 + 2 * at)
    return started(EPOCH + 88) + inbound(success=2 * (at - 90))


def _replaced(at: int) -> str | None:
    return None if at >= 90 else steady(2)(at)


def _replacement(at: int) -> str | None:
    return None if at < 90 else steady(0)(0) if at == 90 else inbound(success=1000 + 2 * (at - 90))


def _sends(at: int) -> str:
    home = "emojivoto"
    return (
        outbound(1 * at, 1 * at, namespace=home, service="voting-svc", deployment="voting")
        + outbound(3 * at, namespace=home, service="emoji-svc", deployment="emoji")
        + inbound(success=4 * at)
    )


def _connections(at: int) -> str:
    return tcp("inbound", "src", conns=2, read=100 * at, write=10 * at) + tcp(
        "inbound", "dst", conns=1, read=7 * at, write=7 * at
    )


_ROUTE = {"parent_kind": "Service", "parent_name": "voting-svc", "route_kind": "HTTPRoute", "route_name": "votes"}  # fmt: skip
_SERVER = {"srv_kind": "server", "srv_name": "http", "tls": "true"}


def _routed(at: int) -> str:
    """Two requests a second, one of which is tried twice, over HTTP; one over gRPC, which fails."""
    http, grpc = "outbound_http_route", "outbound_grpc_route"
    return (
        series(f"{http}_request_statuses_total", 2 * at, **_ROUTE, http_status="200", error="")
        + series(f"{grpc}_request_statuses_total", at, **_ROUTE, grpc_status="14", error="")
        + series(f"{http}_request_duration_seconds_bucket", at, **_ROUTE, le="0.05")
        + series(f"{http}_request_duration_seconds_bucket", 2 * at, **_ROUTE, le="0.5")
        + series(f"{http}_request_duration_seconds_bucket", 2 * at, **_ROUTE, le="+Inf")
        + series(f"{http}_backend_response_statuses_total", 2 * at, **_ROUTE, backend_name="a", http_status="200", error="")
        + series(f"{http}_backend_response_statuses_total", at, **_ROUTE, backend_name="b", http_status="", error="connect-refused")
    )  # fmt: skip


def _guarded(at: int) -> str:
    return series("inbound_http_authz_allow_total", 3 * at, **_SERVER, authz_name="all") + series(
        "inbound_http_authz_deny_total", at, **_SERVER
    )


_SECURED = {"tls": "true", "server_id": "voting.emojivoto"}
_PLAIN = {"tls": "no_identity", "no_tls_reason": "not_provided_by_service_discovery"}
_THERE = {"direction": "outbound", "dst_namespace": "emojivoto"}


def _linked(at: int) -> str:
    """To voting, secured; to legacy, not, and nothing is open there any more; from outside, plain."""
    voting = _THERE | _SECURED | {"dst_deployment": "voting"}
    legacy = _THERE | _PLAIN | {"dst_deployment": "legacy"}
    outside = {"direction": "inbound", "tls": "no_identity", "no_tls_reason": "no_tls_from_remote"}
    return (
        series("response_total", 2 * at, **voting, classification="success")
        + series("tcp_open_connections", 1, **voting, peer="dst")
        + series("tcp_read_bytes_total", 10 * at, **voting, peer="dst")
        + series("tcp_write_bytes_total", 20 * at, **voting, peer="dst")
        + series("response_total", at, **legacy, classification="failure")
        + series("tcp_open_connections", 0, **legacy, peer="dst")
        + series("response_total", at, **outside, classification="success")
        + series("tcp_open_connections", 2, **outside, peer="src")
        + series("response_total", at, direction="inbound", tls="true", classification="success")
    )


_IN = _SERVER | {"direction": "inbound"}


def _served(at: int) -> str:
    """Two requests a second at a Server, and one under the default policy of another port."""
    default = {"direction": "inbound", "srv_kind": "default", "srv_name": "all-unauthenticated"}
    return (
        series("response_total", 2 * at, **_IN, classification="success")
        + series("response_latency_ms_bucket", at, **_IN, le="1")
        + series("response_latency_ms_bucket", 2 * at, **_IN, le="5")
        + series("response_latency_ms_bucket", 2 * at, **_IN, le="+Inf")
        + series("response_total", at, **default, classification="success")
        + series("tcp_open_connections", 2, **_IN, peer="src")
        + series("tcp_read_bytes_total", 10 * at, **_IN, peer="src")
        + series("tcp_write_bytes_total", 20 * at, **_IN, peer="src")
        + series("tcp_open_connections", 4, direction="inbound", peer="dst")
    )


DEPLOYMENTS = Ref(Kind.DEPLOYMENT, "emojivoto")
VOTING = Ref(Kind.SERVICE, "emojivoto", "voting-svc")

DEMANDS: tuple[AnyDemand, ...] = (
    Demand("success and failure of a deployment", (pod("a", steady(2, 1)),), Query(DEPLOYMENTS), {"web": Traffic(120, 60)}),
    Demand(
        "pods of one deployment add up",
        (pod("a", steady(2)), pod("b", steady(1)), pod("c", steady(5), deployment="api")),
        Query(DEPLOYMENTS),
        {"web": Traffic(180), "api": Traffic(300)},
    ),
    Demand(
        "each pod for itself",
        (pod("a", steady(2)), pod("b", steady(1))),
        Query(Ref(Kind.POD, "emojivoto")),
        {"a": Traffic(120), "b": Traffic(60)},
    ),
    Demand(
        "only the namespace asked for",
        (pod("a", steady(2)), pod("b", steady(1), namespace="other")),
        Query(Ref(Kind.DEPLOYMENT, "other")),
        {"web": Traffic(60)},
    ),
    Demand(
        "namespaces",
        (pod("a", steady(2)), pod("b", steady(1), namespace="other")),
        Query(Ref(Kind.NAMESPACE)),
        {"emojivoto": Traffic(120), "other": Traffic(60)},
    ),
    Demand("idle is known and zero", (pod("a", steady(0)),), Query(DEPLOYMENTS), {"web": Traffic()}),
    Demand("a shorter window", (pod("a", steady(2)),), Query(DEPLOYMENTS, window=30), {"web": Traffic(60)}),
    Demand("quantiles", (pod("a", _latencies),), Query(DEPLOYMENTS), {"web": Traffic(600, latency=Latency(1.0, 3.5, 4.7))}),
    Demand(
        "histograms of several pods are merged",
        (pod("a", _latencies), pod("b", lambda at: inbound(success=10 * at, latency={"1": 0, "2": 0, "5": 10 * at, "+Inf": 10 * at}))),
        Query(DEPLOYMENTS),
        {"web": Traffic(1200, latency=Latency(2 + 3 / 11, 4.727, 4.945))},
    ),
    Demand("a restart loses nothing", (pod("a", _restarts),), Query(DEPLOYMENTS), {"web": Traffic(120)}),
    Demand(
        "a pod replaced within the window",
        (pod("a", _replaced), pod("b", _replacement)),
        Query(DEPLOYMENTS),
        {"web": Traffic(110)},
    ),
    Demand(
        "what a deployment sends to a service",
        (pod("a", _sends),),
        Query(DEPLOYMENTS, to=VOTING),
        {"web": Traffic(60, 60)},
    ),
    Demand(
        "whom a deployment sends to",
        (pod("a", _sends), pod("b", _sends, deployment="other")),
        Query(DEPLOYMENTS, from_=Ref(Kind.DEPLOYMENT, "emojivoto", "web")),
        {"voting": Traffic(60, 60), "emoji": Traffic(180)},
    ),
    Demand(
        "services, by whoever calls them",
        (pod("a", _sends), pod("b", _sends, namespace="other")),
        Query(Ref(Kind.SERVICE, "emojivoto")),
        {"voting-svc": Traffic(120, 120), "emoji-svc": Traffic(360)},
    ),
    Demand(
        "what requests are addressed to",
        (pod("a", _sends), pod("b", _sends, namespace="other")),
        Query(Ref(Kind.AUTHORITY, "emojivoto")),
        {"x": Traffic(480, 120)},
    ),
    Demand(
        "what one deployment addresses requests to",
        (pod("a", _sends), pod("b", _sends, namespace="other")),
        Query(Ref(Kind.AUTHORITY, "emojivoto", "x"), from_=Ref(Kind.DEPLOYMENT, "emojivoto", "web")),
        {"x": Traffic(240, 60)},
    ),
    Demand("nobody sends there", (pod("a", _sends),), Query(DEPLOYMENTS, to=Ref(Kind.SERVICE, "emojivoto", "x")), {}),
    Demand(
        "connections and bytes",
        (pod("a", _connections),),
        Query(DEPLOYMENTS, tcp=True),
        {"web": Traffic(tcp=TcpTotals(3, 6000, 600))},
    ),
    Demand("no TCP unless asked", (pod("a", _connections),), Query(DEPLOYMENTS), {}),
    Demand(
        "a pod that is gone has no open connections",
        (pod("a", lambda at: _connections(at) if at < 90 else None), pod("b", lambda at: _connections(at))),
        Query(DEPLOYMENTS, tcp=True),
        {"web": Traffic(tcp=TcpTotals(3, 6000 + 2500, 850))},
    ),
    Demand(
        "Servers, in the namespace of the pods they guard",
        (pod("a", _served), pod("b", _served), pod("c", _served, namespace="other")),
        Query(Ref(Kind.SERVER, "emojivoto"), tcp=True),
        {"http": Traffic(240, latency=Latency(1.0, 4.6, 4.92), tcp=TcpTotals(4, 1200, 2400))},
    ),
    Demand(
        "what comes in at a Server at the pods of one deployment",
        (pod("a", _served), pod("b", _served, deployment="api")),
        Query(Ref(Kind.SERVER, "emojivoto", "http"), to=Ref(Kind.DEPLOYMENT, "emojivoto", "api")),
        {"http": Traffic(120, latency=Latency(1.0, 4.6, 4.92))},
    ),
    TallyDemand(
        "requests by route, over HTTP and gRPC",
        (pod("a", _routed), pod("b", _routed)),
        TallySelection(tallies.ROUTES, (("deployment", "web"), ("parent_kind", "Service")), ("namespace", "deployment", "route_name")),
        {("emojivoto", "web", "votes"): Traffic(240, 120, Latency(50.0, 455.0, 491.0))},
    ),
    TallyDemand(
        "tries by route",
        (pod("a", _routed),),
        TallySelection(tallies.ROUTE_TRIES, (), ("parent_name", "route_name", "srv_name")),
        {("voting-svc", "votes", ""): Traffic(120, 60)},
    ),
    TallyDemand(
        "what is let in and what is kept out",
        (pod("a", _guarded),),
        TallySelection(tallies.AUTHORIZED, (("namespace", "emojivoto"),), ("pod", "srv_name", "authz_name")),
        {("a", "http", "all"): Traffic(180), ("a", "http", ""): Traffic(0, 60)},
    ),
    TallyDemand(
        "of another namespace nothing is known",
        (pod("a", _guarded),),
        TallySelection(tallies.AUTHORIZED, (("namespace", "other"),), ("pod",)),
        {},
    ),
    LinkDemand(
        "who sends to whom, and how it is secured",
        (pod("a", _linked),),
        select_links(Ref(Kind.DEPLOYMENT, "emojivoto")),
        {
            ("web", "voting"): (Traffic(120, tcp=TcpTotals(1, 600, 1200)), frozenset({Security("true", "voting.emojivoto", "")})),
            ("web", "legacy"): (Traffic(0, 60, tcp=TcpTotals()), frozenset({Security("no_identity", "", "not_provided_by_service_discovery")})),
            (None, "web"): (Traffic(60, tcp=TcpTotals(2)), frozenset({Security("no_identity", "", "no_tls_from_remote")})),
        },
    ),
    LinkDemand(
        "links of one name",
        (pod("a", _linked), pod("b", _linked, deployment="other")),
        select_links(Ref(Kind.DEPLOYMENT, "emojivoto", "other")),
        {
            ("other", "voting"): (Traffic(120, tcp=TcpTotals(1, 600, 1200)), frozenset({Security("true", "voting.emojivoto", "")})),
            ("other", "legacy"): (Traffic(0, 60, tcp=TcpTotals()), frozenset({Security("no_identity", "", "not_provided_by_service_discovery")})),
            (None, "other"): (Traffic(60, tcp=TcpTotals(2)), frozenset({Security("no_identity", "", "no_tls_from_remote")})),
        },
    ),
    PastDemand("the past", (pod("a", steady(2, 1)), pod("b", steady(1))), Query(DEPLOYMENTS), {"web": (30, 10)}),
)  # fmt: skip
