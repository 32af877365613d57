"""What any backend must answer: one list of demands for the embedded collector and for Prometheus.

A demand is a Story, pods whose `/metrics` change as time goes, and what a selection must find at its
end. Times are seconds from the story's beginning; scrapes come every five. Counts may differ by
`tolerance`, because Prometheus extrapolates to the edges of a window.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from web.stats.backend import Group, Latency, Measured, TcpTotals, Traffic
from web.stats.kinds import Kind
from web.stats.query import Query, Ref
from web.stats.selection import Selection, select
from web.tests.proxies import inbound, outbound, started, tcp

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
    selection: Selection = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "selection", select(self.query))

    def hold(self, measured: Measured) -> None:
        """Raises AssertionError when the answer is not the one demanded."""
        found = {group.name: traffic for group, traffic in measured.traffic.items()}
        assert set(found) == set(self.expected)
        for name, expected in self.expected.items():
            _same(found[name], expected, self.tolerance)
        assert all(isinstance(group, Group) for group in measured.traffic)


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


DEPLOYMENTS = Ref(Kind.DEPLOYMENT, "emojivoto")
VOTING = Ref(Kind.SERVICE, "emojivoto", "voting-svc")

DEMANDS = (
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
    Demand("nobody sends there", (pod("a", _sends),), Query(DEPLOYMENTS, to=Ref(Kind.SERVICE, "emojivoto", "x")), {}),
    Demand(
        "connections and bytes",
        (pod("a", _connections),),
        Query(DEPLOYMENTS, tcp=True),
        {"web": Traffic(tcp=TcpTotals(3, 6000, 600))},
    ),
    Demand("no TCP unless asked", (pod("a", _connections),), Query(DEPLOYMENTS), {"web": Traffic()}),
    Demand(
        "a pod that is gone has no open connections",
        (pod("a", lambda at: _connections(at) if at < 90 else None), pod("b", lambda at: _connections(at))),
        Query(DEPLOYMENTS, tcp=True),
        {"web": Traffic(tcp=TcpTotals(3, 6000 + 2500, 850))},
    ),
)  # fmt: skip
