"""Linkerd's label conventions, as a table: what is asked -> which series answer."""

import pytest

from web.stats.kinds import Kind
from web.stats.query import Query, Ref
from web.stats.selection import Direction, Peer, Selection, select

IN, OUT = Direction.INBOUND, Direction.OUTBOUND
WEB = Ref(Kind.DEPLOYMENT, "emojivoto", "web")
DEPLOYMENTS = Ref(Kind.DEPLOYMENT, "emojivoto")
VOTING_SVC = Ref(Kind.SERVICE, "emojivoto", "voting-svc")
BOTS = Ref(Kind.POD, "bots", "bot-1")
EVERYWHERE = Ref(Kind.NAMESPACE)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            Query(WEB),
            Selection(IN, (("deployment", "web"), ("namespace", "emojivoto")), "namespace", "deployment", False),
        ),
        (Query(Ref(Kind.POD)), Selection(IN, (), "namespace", "pod", False)),
        (
            Query(Ref(Kind.SERVER, "emojivoto", "web-http"), tcp=True),
            Selection(IN, (("namespace", "emojivoto"), ("srv_kind", "server"), ("srv_name", "web-http")), "namespace", "srv_name", True),
        ),
        (
            Query(Ref(Kind.GRPC_ROUTE, "a", "r"), tcp=True),
            Selection(IN, (("namespace", "a"), ("route_kind", "GRPCRoute"), ("route_name", "r")), "namespace", "route_name", False),
        ),
        (
            Query(Ref(Kind.HTTP_ROUTE), tcp=True),
            Selection(IN, (("route_kind", "HTTPRoute"),), "namespace", "route_name", False),
        ),
        (
            Query(Ref(Kind.AUTHORIZATION_POLICY, "emojivoto"), to=WEB),
            Selection(
                IN,
                (("authz_kind", "authorizationpolicy"), ("deployment", "web"), ("namespace", "emojivoto")),
                "namespace",
                "authz_name",
                False,
            ),
        ),
        (
            Query(Ref(Kind.SERVER_AUTHORIZATION), to=Ref(Kind.NAMESPACE, name="emojivoto")),
            Selection(
                IN,
                (("authz_kind", "serverauthorization"), ("namespace", "emojivoto")),
                "namespace",
                "authz_name",
                False,
            ),
        ),
        (Query(EVERYWHERE), Selection(IN, (), None, "namespace", False)),
        (
            Query(Ref(Kind.NAMESPACE, name="emojivoto"), tcp=True),
            Selection(IN, (("namespace", "emojivoto"),), None, "namespace", True),
        ),
        (
            Query(VOTING_SVC),
            Selection(OUT, (("dst_namespace", "emojivoto"), ("dst_service", "voting-svc")), "dst_namespace", "dst_service", False),
        ),
        (
            Query(DEPLOYMENTS, to=VOTING_SVC),
            Selection(
                OUT,
                (("dst_namespace", "emojivoto"), ("dst_service", "voting-svc"), ("namespace", "emojivoto")),
                "namespace", "deployment", False,
            ),
        ),
        (
            Query(DEPLOYMENTS, from_=BOTS),
            Selection(
                OUT,
                (("dst_namespace", "emojivoto"), ("namespace", "bots"), ("pod", "bot-1")),
                "dst_namespace", "dst_deployment", False,
            ),
        ),
        (
            Query(EVERYWHERE, from_=Ref(Kind.NAMESPACE, name="bots")),
            Selection(OUT, (("namespace", "bots"),), None, "dst_namespace", False),
        ),
        (
            Query(Ref(Kind.SERVICE), from_=WEB),
            Selection(OUT, (("deployment", "web"), ("namespace", "emojivoto")), "dst_namespace", "dst_service", False),
        ),
        (
            Query(Ref(Kind.JOB), to=Ref(Kind.JOB, "a", "b")),
            Selection(OUT, (("dst_job", "b"), ("dst_namespace", "a")), "namespace", "job", False),
        ),
    ],
)  # fmt: skip
def test_select(query: Query, expected: Selection) -> None:
    assert select(query) == expected


def test_bytes_are_counted_at_the_far_end_of_the_direction() -> None:
    assert select(Query(WEB)).peer is Peer.SRC
    assert select(Query(WEB, to=VOTING_SVC)).peer is Peer.DST
