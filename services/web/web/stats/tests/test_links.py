"""Which link a series tells of, and which links are asked for."""

import pytest

from web.stats.kinds import Kind
from web.stats.links import (
    WORKLOADS,
    End,
    Link,
    Security,
    end,
    link,
    security,
    select_links,
    select_neighbours,
)
from web.stats.query import Ref

WEB = {"namespace": "emojivoto", "pod": "web-1-a", "replicaset": "web-1", "deployment": "web"}
VOTING = {"dst_namespace": "emojivoto", "dst_deployment": "voting", "dst_service": "voting-svc"}
OUT = {"direction": "outbound", **VOTING}
DEPLOYMENTS = select_links(Ref(Kind.DEPLOYMENT, "emojivoto"))


def deployment(name: str, namespace: str = "emojivoto") -> End:
    return End(Kind.DEPLOYMENT, namespace, name)


def test_an_end_is_the_first_of_its_kinds_that_is_named() -> None:
    assert end(WEB, WORKLOADS) == deployment("web")
    assert end(WEB, (Kind.POD,)) == End(Kind.POD, "emojivoto", "web-1-a")
    assert end(WEB, (Kind.NAMESPACE,)) == End(Kind.NAMESPACE, "", "emojivoto")
    assert end(OUT, WORKLOADS, "dst_") == deployment("voting")
    assert end(WEB, (Kind.JOB,)) is None
    assert end({"deployment": "web"}, WORKLOADS) is None


def test_the_sender_tells_both_ends() -> None:
    assert link(DEPLOYMENTS, WEB, OUT) == Link(deployment("web"), deployment("voting"))


@pytest.mark.parametrize(
    "series",
    [
        {"direction": "outbound", "peer": "src"},  # from its own application
        {"direction": "inbound", "tls": "true"},  # which its sender tells
        {"direction": "inbound", "peer": "dst", "tls": "no_identity"},  # to its own application
        {"direction": "inbound"},
    ],
)
def test_what_tells_of_no_link(series: dict[str, str]) -> None:
    assert link(DEPLOYMENTS, WEB, series) is None


def test_what_comes_from_outside_has_no_source() -> None:
    series = {"direction": "inbound", "tls": "no_identity", "peer": "src"}
    assert link(DEPLOYMENTS, WEB, series) == Link(None, deployment("web"))


def test_links_near_a_namespace_an_object_or_anything() -> None:
    within = Link(deployment("web"), deployment("voting"))
    into = Link(deployment("prometheus", "monitoring"), deployment("web"))
    beyond = Link(deployment("a", "other"), deployment("b", "other"))
    anonymous = Link(None, deployment("voting"))

    def chosen(near: Ref) -> list[bool]:
        return [select_links(near).selects(one) for one in (within, into, beyond, anonymous)]

    assert chosen(Ref(Kind.DEPLOYMENT)) == [True, True, True, True]
    assert chosen(Ref(Kind.DEPLOYMENT, "emojivoto")) == [True, True, False, True]
    assert chosen(Ref(Kind.DEPLOYMENT, "emojivoto", "web")) == [True, True, False, False]
    assert chosen(Ref(Kind.DEPLOYMENT, "emojivoto", "b")) == [False, False, False, False]


def test_kinds_of_ends() -> None:
    assert select_links(Ref(Kind.SERVICE)).targets == (Kind.SERVICE,)
    assert select_links(Ref(Kind.SERVICE)).sources == WORKLOADS
    assert select_neighbours(Ref(Kind.NAMESPACE, "", "")).sources == WORKLOADS
    assert select_neighbours(Ref(Kind.SERVICE, "a", "b")).targets == (Kind.SERVICE,)
    pods = select_neighbours(Ref(Kind.POD, "a", "b")).sources
    assert pods[0] is Kind.POD
    assert sorted(pods) == sorted(WORKLOADS)


def test_security() -> None:
    said = security({"tls": "true", "server_id": "voting.emojivoto"})
    assert said == Security("true", "voting.emojivoto", "")
    assert said is not None
    assert said.is_secured
    assert security({"direction": "outbound"}) is None
