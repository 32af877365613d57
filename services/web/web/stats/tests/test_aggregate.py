"""Inventory and traffic become rows: one table per kind of question."""

import math

import pytest

from web.stats.aggregate import Requests, Row, Tcp, in_order, rows, whole
from web.stats.backend import Group, Latency, Measured, TcpTotals, Traffic
from web.stats.inventory import PodCounts
from web.stats.kinds import Kind
from web.stats.query import Query, Ref
from web.stats.tests.cluster import emojivoto

WEB = Traffic(55.0, 5.0, Latency(1.0, 2.0, 3.0), TcpTotals(4.0, 600.0, 60.0))
DEPLOYMENTS = Ref(Kind.DEPLOYMENT, "emojivoto")


def measured(**traffic: Traffic) -> Measured:
    return Measured({Group("emojivoto", name): one for name, one in traffic.items()}, 60.0)


def test_every_object_has_a_row_with_or_without_traffic() -> None:
    assert rows(Query(DEPLOYMENTS), emojivoto(), measured(web=WEB)) == [
        Row(Ref(Kind.DEPLOYMENT, "emojivoto", "emoji"), pods=PodCounts(1, 1)),
        Row(
            Ref(Kind.DEPLOYMENT, "emojivoto", "web"),
            pods=PodCounts(1, 2),
            requests=Requests(55, 5, 1.0, Latency(1.0, 2.0, 3.0)),
            tcp=Tcp(4, 10.0, 1.0),
        ),
    ]


def test_of_a_directed_query_only_what_has_series() -> None:
    query = Query(DEPLOYMENTS, to=Ref(Kind.SERVICE, "emojivoto", "voting-svc"))
    found = rows(query, emojivoto(), measured(web=Traffic(), gone=WEB))
    assert found == [Row(Ref(Kind.DEPLOYMENT, "emojivoto", "web"), pods=PodCounts(1, 2))]


def test_services_own_no_pods() -> None:
    found = rows(Query(Ref(Kind.SERVICE)), emojivoto(), Measured({}, 60.0))
    assert [(row.resource.name, row.pods) for row in found] == [
        ("emoji-svc", None),
        ("web-svc", None),
    ]


def test_an_authority_is_there_where_series_are() -> None:
    traffic = Measured({Group("emojivoto", "web-svc:80"): WEB}, 60.0)
    (row,) = rows(Query(Ref(Kind.AUTHORITY)), emojivoto(), traffic)
    assert row.resource == Ref(Kind.AUTHORITY, "emojivoto", "web-svc:80")
    assert row.pods is None
    assert row.requests is not None


def test_pods_show_their_status_and_namespaces_have_no_namespace() -> None:
    found = rows(Query(Ref(Kind.POD)), emojivoto(), Measured({}, 60.0))
    assert [(row.resource.name, row.status) for row in found] == [
        ("emoji-1-a", "Pending"),
        ("web-1-a", "Running"),
        ("web-1-b", "Running"),
    ]
    traffic = Measured({Group("", "emojivoto"): WEB}, 60.0)
    first, second = rows(Query(Ref(Kind.NAMESPACE)), emojivoto(), traffic)
    assert first.resource == Ref(Kind.NAMESPACE, "", "emojivoto")
    assert first.requests is not None
    assert second == Row(Ref(Kind.NAMESPACE, "", "empty"), pods=PodCounts())


def test_no_requests_is_not_zero_percent() -> None:
    (row,) = rows(
        Query(Ref(Kind.DEPLOYMENT, "emojivoto", "web")),
        emojivoto(),
        measured(web=Traffic(0.2, 0.2)),
    )
    assert row.requests is None


def test_rates_over_no_time_are_zero() -> None:
    (row,) = rows(
        Query(Ref(Kind.DEPLOYMENT, "emojivoto", "web")),
        emojivoto(),
        Measured({Group("emojivoto", "web"): WEB}, 0.0),
    )
    assert row.requests is not None
    assert row.requests.rps == 0.0


def test_order_is_kind_namespace_name() -> None:
    def row(kind: Kind, namespace: str, name: str) -> Row:
        return Row(Ref(kind, namespace, name))

    tables = [
        [row(Kind.POD, "a", "z"), row(Kind.POD, "b", "a")],
        [row(Kind.DAEMON_SET, "z", "z")],
        [row(Kind.POD, "a", "b")],
    ]
    assert [(one.resource.kind, one.resource.namespace, one.resource.name) for one in in_order(tables)] == [
        ("daemonset", "z", "z"), ("pod", "a", "b"), ("pod", "a", "z"), ("pod", "b", "a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "count"),
    [
        (0.4, 0),
        (2.6, 3),
        (-5.0, 0),
        (1e20, 2**63),
        (1e308, 2**63),
        (math.inf, 2**63),
        (math.nan, 0),
    ],
)
def test_a_count_is_no_more_than_an_answer_holds(amount: float, count: int) -> None:
    assert whole(amount) == count


def test_what_no_proxy_can_have_counted_is_a_row_like_others() -> None:
    """As Prometheus may tell it: it takes any number from a pod."""
    absurd = Traffic(1e308, 1e20, Latency(), TcpTotals(1e308, 1e308, 0.0))
    row = rows(Query(DEPLOYMENTS), emojivoto(), measured(web=absurd))[1]
    assert row.requests == Requests(2**63, 2**63, 2**64 / 60.0, Latency())
    assert row.tcp == Tcp(2**63, 1e308 / 60.0, 0.0)
