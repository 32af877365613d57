"""Every question that cannot be asked is refused with the field's name and what is allowed."""

from dataclasses import replace

import pytest

from web.stats.kinds import IN_ALL, Kind
from web.stats.query import QueryError, Question, Ref, check

DEPLOYMENTS = Question("deployment", "emojivoto")


def test_defaults() -> None:
    (query,) = check(DEPLOYMENTS, 600)
    assert query.rows == Ref(Kind.DEPLOYMENT, "emojivoto")
    assert query.window == 60
    assert query.traffic
    assert not query.tcp
    assert not query.is_directed


def test_all_is_every_kind_of_object_but_namespace() -> None:
    queries = check(Question("all", "emojivoto"), 600)
    assert tuple(query.rows.kind for query in queries) == IN_ALL
    assert {Kind.NAMESPACE, Kind.AUTHORITY}.isdisjoint(IN_ALL)


def test_services_send_nothing_so_all_leaves_them_out_of_what_is_sent() -> None:
    to = ("service", "emojivoto", "web-svc")
    kinds = [query.rows.kind for query in check(replace(Question("all"), to=to), 600)]
    assert Kind.SERVICE not in kinds
    kinds = [query.rows.kind for query in check(Question("all", from_=("pod", "", "")), 600)]
    assert Kind.SERVICE in kinds


def test_an_authority_has_a_port() -> None:
    (query,) = check(Question("authority", "emojivoto", "web-svc.emojivoto:80"), 600)
    assert query.rows == Ref(Kind.AUTHORITY, "emojivoto", "web-svc.emojivoto:80")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            Question(""),
            "resource.kind: '' is not a kind allowed here: all, authority, authorizationpolicy,",
        ),
        (Question("authority", "a", "b c"), "resource.name: 'b c' is not a name"),
        (Question("authority", selector="a=b"), "labelSelector: must be empty for authorities"),
        (
            Question("authority", to=("pod", "", "")),
            "to: not allowed when rows are of kind authority",
        ),
        (Question("pod", to=("authority", "", "")), "to.kind: 'authority' is not a kind allowed"),
        (Question("pod", from_=("authority", "", "")), "from.kind: 'authority' is not a kind"),
        (Question("deploy"), "resource.kind: 'deploy' is not a kind allowed here"),
        (Question("all", name="web"), "resource.name: must be empty when the kind is 'all'"),
        (Question("namespace", "a"), "resource.namespace: must be empty for namespaces"),
        (Question("pod", "A_b"), "resource.namespace: 'A_b' is not a namespace: allowed are"),
        (Question("pod", "a", "b/c"), "resource.name: 'b/c' is not a name: allowed are"),
        (Question("pod", "", "b"), "resource.name: must be empty when all namespaces"),
        (replace(DEPLOYMENTS, window=14.0), "window: 14s is not allowed: from 15s to 10m"),
        (replace(DEPLOYMENTS, window=601.0), "window: 601s is not allowed: from 15s to 10m"),
        (replace(DEPLOYMENTS, selector="a=b=c"), "labelSelector: 'a=b=c' is not a label"),
        (replace(DEPLOYMENTS, to=("all", "", "")), "to.kind: 'all' is not a kind allowed here"),
        (replace(DEPLOYMENTS, from_=("service", "a", "b")), "from.kind: 'service' is not a kind"),
        (replace(DEPLOYMENTS, to=("pod", "", "x")), "to.name: must be empty when all namespaces"),
        (Question("service", to=("pod", "", "")), "to: not allowed when rows are of kind service"),
        (Question("pod", to=("server", "", "")), "to.kind: 'server' is not a kind allowed here"),
        (Question("pod", from_=("httproute", "", "")), "from.kind: 'httproute' is not a kind"),
        (
            Question("server", from_=("pod", "", "")),
            "from: not allowed when rows are of kind server: it is counted where requests arrive",
        ),
        (
            Question("httproute", to=("service", "", "")),
            "to.kind: not allowed when rows are of kind httproute: allowed are kinds that own pods",
        ),
        (
            Question("server", "a", to=("pod", "b", "")),
            "to.namespace: 'b' is not allowed: policy of 'a' guards pods of that namespace only",
        ),
        (Question("server", "a", to=("namespace", "", "b")), "to.namespace: 'b' is not allowed"),
        (
            replace(DEPLOYMENTS, to=("pod", "", ""), from_=("pod", "", "")),
            "from: allowed only without 'to'",
        ),
    ],
)
def test_refusals(question: Question, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        check(question, 600)
    assert str(caught.value).startswith(said)
    assert caught.value.field == said.partition(":")[0]


def test_the_edges_of_the_window_are_allowed() -> None:
    assert check(replace(DEPLOYMENTS, window=15.0), 600)[0].window == 15
    assert check(replace(DEPLOYMENTS, window=600.0), 600)[0].window == 600
