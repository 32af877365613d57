"""Canonical JSON, both ways."""

import json

import pytest

from web.stats import translate
from web.stats.aggregate import Requests, Row, Tcp
from web.stats.answer import HISTORY_STEP, Answer
from web.stats.authz import Authorized, AuthzAnswer
from web.stats.backend import Latency, Provenance, Sample
from web.stats.denials import Denials
from web.stats.edges import Edge, EdgesAnswer
from web.stats.faults import Fault, FaultsAnswer, Unanswered
from web.stats.inventory import PodCounts
from web.stats.kinds import Kind
from web.stats.links import End
from web.stats.policies import Policy
from web.stats.query import QueryError, Question, Ref
from web.stats.routes import Route, RoutesAnswer

SOURCE = Provenance("embedded", 1_700_000_000.0, "prometheus: refused")
SAID = {
    "backend": "embedded",
    "since": "2023-11-14T22:13:20Z",
    "fallbackReason": "prometheus: refused",
}
WEB = Ref(Kind.DEPLOYMENT, "a", "web")


def test_a_whole_request() -> None:
    body = {
        "resource": {"kind": "deployment", "namespace": "emojivoto", "name": "web"},
        "labelSelector": "app=web",
        "window": "90.500s",
        "to": {"kind": "service", "namespace": "emojivoto", "name": "voting-svc"},
        "tcp": True,
        "skipTraffic": True,
    }
    assert translate.read_request(json.dumps(body).encode()) == Question(
        "deployment",
        "emojivoto",
        "web",
        "app=web",
        90.5,
        to=("service", "emojivoto", "voting-svc"),
        tcp=True,
        traffic=False,
    )


def test_defaults_and_from() -> None:
    assert translate.read_request(b"{}") == Question("")
    asked = translate.read_request(b'{"resource": {"kind": "pod"}, "from": {"kind": "job"}}')
    assert asked.from_ == ("job", "", "")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "request: not the JSON of a StatRequest"),
        (b"\xff", "request: not the JSON"),
        (b"[]", "request: not the JSON"),
        (b'{"kind": "pod"}', "kind"),
        (b'{"window": "1m"}', "window"),
        (b'{"resource": 5}', "resource"),
        (b'{"to": {}, "from": {}}', "peer"),
        (b"[" * 10_000, "request"),
    ],
)
def test_what_is_no_request(body: bytes, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        translate.read_request(body)


def test_a_response_writes_zeros_and_leaves_out_the_unknown() -> None:
    rows = [
        Row(
            Ref(Kind.POD, "emojivoto", "web-1"),
            "Running",
            PodCounts(1, 1),
            Requests(9, 0, 0.15, Latency(1.0, None, 3.5)),
            Tcp(0, 1.5, 2.5),
        ),
        Row(Ref(Kind.SERVICE, "emojivoto", "web-svc")),
        Row(Ref(Kind.HTTP_ROUTE, "emojivoto", "votes"), denials=Denials(0.5, 0.0, ("web-http",))),
    ]
    assert translate.write_answer(Answer(rows, 60.0, 12.5, SOURCE)) == {
        "rows": [
            {
                "resource": {"namespace": "emojivoto", "kind": "pod", "name": "web-1"},
                "status": "Running",
                "servers": [],
                "pods": {"meshed": 1, "running": 1, "failed": 0},
                "requests": {
                    "success": "9",
                    "failure": "0",
                    "rps": 0.15,
                    "latencyMsP50": 1.0,
                    "latencyMsP99": 3.5,
                },
                "tcp": {
                    "openConnections": "0",
                    "readBytesPerSecond": 1.5,
                    "writeBytesPerSecond": 2.5,
                },
            },
            {
                "resource": {"namespace": "emojivoto", "kind": "service", "name": "web-svc"},
                "status": "",
                "servers": [],
            },
            {
                "resource": {"namespace": "emojivoto", "kind": "httproute", "name": "votes"},
                "status": "",
                "servers": ["web-http"],
                "unauthorized": {"deniedPerSecond": 0.5, "connectionsDeniedPerSecond": 0.0},
            },
        ],
        "window": "60s",
        "observed": "12.500s",
        "backend": "embedded",
        "source": SAID,
        "historyAges": [],
        "historyStep": 0.0,
    }


def test_an_edges_request() -> None:
    body = b'{"resource": {"kind": "pod", "namespace": "a", "name": "b"}, "window": "30s"}'
    assert translate.read_edges_request(body) == Question("pod", "a", "b", window=30.0)
    with pytest.raises(QueryError, match="not the JSON of a EdgesRequest"):
        translate.read_edges_request(b'{"tcp": true}')


def test_an_edges_response() -> None:
    web, voting = End(Kind.DEPLOYMENT, "a", "web"), End(Kind.DEPLOYMENT, "a", "voting")
    secured = Edge(
        web, voting, "web.a.x", "voting.a.x", "", True, Requests(3, 1, 0.1, Latency()), Tcp(1, 2, 3)
    )
    plain = Edge(None, voting, "", "", "no_tls_from_remote", False, None, None)
    found = translate.write_edges(EdgesAnswer([secured, plain], 60.0, 40.0, SOURCE))
    assert found["observed"] == "40s"
    first, second = found["edges"]
    assert first["source"] == {"namespace": "a", "kind": "deployment", "name": "web"}
    assert (first["clientId"], first["serverId"], first["secured"]) == (
        "web.a.x",
        "voting.a.x",
        True,
    )
    assert first["requests"]["success"] == "3"
    assert first["tcp"]["openConnections"] == "1"
    assert not {"source", "requests", "tcp"} & set(second)
    assert second["noTlsReason"] == "no_tls_from_remote"


def test_a_row_with_its_past() -> None:
    row = Row(WEB, history=(Sample(3.4, 0.0), Sample(0.0, 1.6)))
    found = translate.write_answer(Answer([row], 60.0, 60.0, SOURCE, (20.0, 10.0)))
    assert (found["historyAges"], found["historyStep"]) == ([20.0, 10.0], HISTORY_STEP)
    assert found["rows"][0]["history"] == {"success": [3, 0], "failure": [0, 2]}


def test_figures_that_no_proxy_can_have_counted_are_written() -> None:
    row = Row(
        WEB,
        requests=Requests(2**63, 2**63, 1e308, Latency()),
        tcp=Tcp(2**63, 1e308, 1e308),
        history=(Sample(1e10, 1e308),),
    )
    (found,) = translate.write_answer(Answer([row], 60.0, 60.0, SOURCE))["rows"]
    assert found["requests"]["success"] == "9223372036854775808"
    assert found["history"] == {"success": [4294967295], "failure": [4294967295]}


def test_routes_both_ways() -> None:
    body = b'{"resource": {"kind": "deployment", "namespace": "a"}, "to": {"kind": "service"}}'
    assert translate.read_routes_request(body) == Question(
        "deployment", "a", to=("service", "", "")
    )
    route = Route(
        WEB,
        "outbound",
        Policy("Service", "voting-svc", "a", 8080),
        Policy("HTTPRoute", "votes", "a"),
        Requests(3, 1, 0.1, Latency(25.0)),
        Requests(3, 4, 0.2, Latency()),
    )
    found = translate.write_routes(RoutesAnswer([route], 60.0, 60.0, SOURCE))
    assert found == {
        "routes": [
            {
                "resource": {"namespace": "a", "kind": "deployment", "name": "web"},
                "direction": "outbound",
                "parent": {"kind": "Service", "namespace": "a", "name": "voting-svc", "port": 8080},
                "route": {"kind": "HTTPRoute", "namespace": "a", "name": "votes", "port": 0},
                "requests": {"success": "3", "failure": "1", "rps": 0.1, "latencyMsP50": 25.0},
                "actual": {"success": "3", "failure": "4", "rps": 0.2},
            }
        ],
        "window": "60s",
        "observed": "60s",
        "source": SAID,
    }


def test_authz_both_ways() -> None:
    body = b'{"resource": {"kind": "deployment"}, "window": "30s", "labelSelector": "app=web"}'
    assert translate.read_authz_request(body) == Question("deployment", "", "", "app=web", 30.0)
    server = Policy("server", "web-http", "", 80)
    denied = Authorized(WEB, server, None, None, denied=0.5, connections_denied=0.25)
    allowed = Authorized(
        WEB,
        server,
        Policy("HTTPRoute", "all"),
        Policy("authorizationpolicy", "web-only"),
        Requests(6, 0, 0.1, Latency()),
        0.1,
    )
    found = translate.write_authz(AuthzAnswer([denied, allowed], 60.0, 60.0, SOURCE))
    first, second = found["rows"]
    assert not {"route", "authorization", "requests"} & set(first)
    assert (first["deniedPerSecond"], first["connectionsDeniedPerSecond"]) == (0.5, 0.25)
    assert second["authorization"]["name"] == "web-only"
    assert second["requests"]["success"] == "6"
    assert (second["allowedPerSecond"], second["deniedPerSecond"]) == (0.1, 0.0)


def test_errors_both_ways() -> None:
    body = b'{"resource": {"kind": "namespace", "name": "a"}, "limit": 5}'
    assert translate.read_errors_request(body) == (Question("namespace", "", "a"), 5)
    pod = Ref(Kind.POD, "a", "web-1")
    fault = Fault(
        pod,
        1_700_000_000.25,
        "inbound",
        "10.0.0.1",
        "",
        "10.0.0.2:80",
        3001,
        "why",
        1_600_000_000.0,
        7,
    )
    silent = [Unanswered(pod, "refused")]
    found = translate.write_errors(FaultsAnswer([fault], 2, silent))
    said = {"namespace": "a", "kind": "pod", "name": "web-1"}
    assert found["errors"] == [
        {
            "pod": said,
            "time": "2023-11-14T22:13:20.250Z",
            "side": "inbound",
            "peer": "10.0.0.1",
            "route": "",
            "endpoint": "10.0.0.2:80",
            "number": 3001,
            "cause": "why",
            "count": 7,
            "first": "2020-09-13T12:26:40Z",
        }
    ]
    (kind,) = found["kinds"]
    assert kind["number"] == 3001
    assert kind["meaning"]
    assert found["proxies"] == 2
    assert found["unanswered"] == [{"pod": said, "reason": "refused"}]
