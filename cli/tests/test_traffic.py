"""`mesh edges`, `mesh routes` and `mesh authz`: flags into requests, answers into tables and JSON.

`RENEW_GOLDEN=1 pytest cli/tests/test_traffic.py` renews the files in `golden/`.
"""

import json
from typing import Any

import pytest

from cli.cluster.client import Json
from cli.tests.answers import requests
from cli.tests.conftest import Mesh
from cli.tests.golden import compare_text

SUFFIX = ".serviceaccount.identity.weft.cluster.local"


class FakeWeb:
    """Answers each path with the same message, and remembers what was asked."""

    def __init__(self, **answers: Json) -> None:
        self.answers = answers
        self.asked: list[Json] = []

    def post(self, path: str, body: Json) -> Json:
        if "skipTraffic" in body:
            return self._whether_it_is_there(body["resource"])
        self.asked.append(body)
        return self.answers.get(path.rpartition("/")[2], {})

    def _whether_it_is_there(self, asked: Json) -> Json:
        there = asked["name"] in ("", "web", "n", "default") and asked.get("namespace") != "nowhere"
        return {"rows": [{"resource": asked | {"name": asked["name"] or "web"}}] if there else []}


def resource(name: str, kind: str = "deployment", namespace: str = "emojivoto") -> Json:
    return {"namespace": namespace, "kind": kind, "name": name}


def edge(source: str, target: str, reason: str = "", **extra: Any) -> Json:
    found: Json = {"target": resource(target), "noTlsReason": reason, "secured": not reason}
    if source:
        found["source"] = resource(source)
    if not reason:
        found |= {
            "clientId": f"{source}.emojivoto{SUFFIX}",
            "serverId": f"{target}.emojivoto{SUFFIX}",
        }
    return found | extra


def policy(kind: str, name: str, port: int = 0) -> Json:
    return {"kind": kind, "name": name, "port": port}


def route(name: str, parent: Json, route: Json, direction: str, **extra: Any) -> Json:
    return {"resource": resource(name), "parent": parent, "route": route, "direction": direction} | extra  # fmt: skip


VOTING = policy("Service", "voting-svc", 8080)
ALL = policy("default", "all-unauthenticated", 8080)
HTTP = policy("server", "web-http", 80)
FALLBACK = {
    "backend": "embedded",
    "since": "2026-01-02T03:04:05Z",
    "fallbackReason": "Prometheus at http://p: refused",
}
EMOJIVOTO = FakeWeb(
    edges={
        "edges": [
            edge("web", "voting"),
            edge("web", "emoji"),
            edge("vote-bot", "web", "not_provided_by_service_discovery"),
            edge("", "web", "no_tls_from_remote"),
            edge("web", "voting"),
        ]
    },
    routes={
        "routes": [
            route("web", VOTING, policy("HTTPRoute", "votes"), "outbound", requests=requests(90, 10, 25, 95, 99), actual=requests(90, 30, 20, 80, 90)),
            route("web", VOTING, policy("default", "http"), "outbound", requests=requests(6, 0, 1)),
            route("web", policy("Service", "emoji-svc", 8080), policy("ServiceProfile", ""), "outbound", actual=requests(1, 0)),
            route("voting", ALL, policy("default", "default"), "inbound", requests=requests(50, 10, 1.4, 2.5, 3)),
        ]
    },
    authz={
        "rows": [
            {"resource": resource("web"), "server": HTTP, "route": policy("HTTPRoute", "all"), "authorization": policy("authorizationpolicy", "web-only"), "requests": requests(54, 6, 1, 2, 3), "allowedPerSecond": 1.0},
            {"resource": resource("web"), "server": HTTP, "deniedPerSecond": 0.5},
            {"resource": resource("web"), "server": policy("server", "db", 5432), "connectionsDeniedPerSecond": 0.25},
        ]
    },
)  # fmt: skip


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("edges", "edges deploy -n emojivoto"),
        ("edges_wide", "edges deploy -A -o wide"),
        ("edges_json", "edges deploy -n emojivoto -o json"),
        ("routes", "routes deploy -n emojivoto"),
        ("routes_wide", "routes deploy -n emojivoto --to svc/voting-svc -o wide"),
        ("routes_json", "routes deploy -n emojivoto -o json"),
        ("authz", "authz deploy/web -n emojivoto"),
        ("authz_json", "viz authz deploy/web -n emojivoto -o json"),
    ],
)
def test_golden(mesh: Mesh, name: str, line: str, columns: int) -> None:
    result = mesh(EMOJIVOTO, line, columns)
    assert (result.exit_code, result.stderr) == (0, "")
    compare_text(name, result.stdout)


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("edges deploy", {"resource": resource("", namespace="default"), "window": "60s"}),
        ("viz edges po -A -t 5m", {"resource": resource("", "pod", ""), "window": "300s"}),
        ("edges ns/a", {"resource": {"kind": "namespace", "name": "a"}, "window": "60s"}),
        (
            "routes deploy/web -n n --to svc/voting-svc --to-namespace m",
            {
                "resource": resource("web", namespace="n"),
                "window": "60s",
                "labelSelector": "",
                "to": resource("voting-svc", "service", "m"),
            },
        ),
        (
            "viz routes svc -l app=web -n n",
            {
                "resource": resource("", "service", "n"),
                "window": "60s",
                "labelSelector": "app=web",
            },
        ),
        (
            "authz sts/db -n n",
            {
                "resource": resource("db", "statefulset", "n"),
                "window": "60s",
                "labelSelector": "",
            },
        ),
    ],
)
def test_requests(mesh: Mesh, line: str, asked: Json) -> None:
    web = FakeWeb()
    assert mesh(web, line).exit_code == 0
    assert web.asked == [asked]


@pytest.mark.parametrize(
    ("line", "empty", "said"),
    [
        ("edges deploy", "[]\n", "No edges found.\n"),
        ("routes deploy", "{}\n", "No traffic found.\n"),
        ("authz deploy", "[]\n", "No traffic found.\n"),
        ("edges ns/n deploy/web", "[]\n", "No edges found.\n"),
        ("edges deploy -A", "[]\n", "No edges found.\n"),
        ("edges deploy/wbe -n n", "[]\n", "There is no deployment/wbe in namespace n.\n"),
        ("routes deploy/web deploy/wbe -n n", "{}\n", "There is no deployment/wbe in namespace n.\n"),
        ("authz deploy/wbe -n n", "[]\n", "There is no deployment/wbe in namespace n.\n"),
        ("authz deploy/web -n nowhere", "[]\n", "There is no namespace nowhere.\n"),
        ("routes svc -n nowhere", "{}\n", "There is no namespace nowhere.\n"),
        ("routes ns/wbe", "{}\n", "There is no namespace/wbe.\n"),
    ],
)  # fmt: skip
def test_nothing_found(mesh: Mesh, line: str, empty: str, said: str) -> None:
    result = mesh(FakeWeb(), line)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", said)
    assert mesh(FakeWeb(), f"{line} -o json").stdout == empty


@pytest.mark.parametrize("command", ["edges", "routes", "authz", "stat"])
def test_numbers_that_are_not_prometheus_own_are_told_apart(mesh: Mesh, command: str) -> None:
    web = FakeWeb(**{command: {"source": FALLBACK}})
    assert mesh(web, f"{command} deploy -o json").stderr == (
        "Numbers are the web service's own since 03:04:05 UTC: Prometheus at http://p: refused\n"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("edges", "Missing argument 'RESOURCE...'"),
        ("edges deploy -A -n a", "--all-namespaces and --namespace do not go together"),
        ("edges pots", "'pots' is not a type of resource"),
        ("edges server", "see `mesh authz deploy/NAME`"),
        ("routes httproute", "see `mesh routes deploy/NAME`"),
        ("authz saz", "see `mesh authz deploy/NAME`"),
        ("routes all", "routes are of one kind of resource, not 'all'"),
        ("routes deploy -t 5s", "5s is too short"),
        ("routes deploy --to all", "--to takes one kind of resource"),
        ("authz svc", "traffic is let in at pods"),
        ("authz all", "traffic is let in at pods"),
        ("authz deploy -o wide", "'wide' is not one of 'table', 'json'"),
    ],
)
def test_refusals(mesh: Mesh, line: str, said: str) -> None:
    web = FakeWeb()
    result = mesh(web, line)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert (result.stdout, web.asked) == ("", [])


def test_json_tells_what_is_unknown(mesh: Mesh) -> None:
    found = json.loads(mesh(EMOJIVOTO, "routes deploy -n emojivoto -o json").stdout)
    by_profile = found["deploy/web"][0]
    assert by_profile["route"] == "[DEFAULT]"
    assert by_profile["effective_success"] is None
    assert by_profile["actual_success"] == 1.0
