"""`mesh stat`: flags into requests, answers into tables and JSON, and every refusal.

Tables are compared with files in `golden/`; they are the same at any width of the terminal, because
numbers are never wrapped or cut. `RENEW_GOLDEN=1 pytest cli/tests/test_stat.py` renews the files.
"""

import json
from typing import Any

import pytest

from cli.cluster.client import Json
from cli.resources import POLICY_SHORT_NAMES
from cli.tests import answers
from cli.tests.conftest import Mesh
from cli.tests.golden import compare_text


class FakeWeb:
    """Answers every request with the same rows, and remembers what was asked. Whether a namespace is
    there is another question: those named here are."""

    def __init__(
        self, *rows: Json, namespaces: tuple[str, ...] = ("a", "default", "emojivoto", "n")
    ) -> None:
        self.rows = list(rows)
        self.namespaces = namespaces
        self.asked: list[Json] = []

    def post(self, path: str, body: Json) -> Json:
        assert path == "/api/v1/stat"
        if "skipTraffic" in body:
            resource = body["resource"]
            assert resource["kind"] == "namespace"
            return {"rows": [{"resource": resource}] * (resource["name"] in self.namespaces)}
        self.asked.append(body)
        kind = body["resource"]["kind"]
        kinds = {kind} if kind != "all" else {row["resource"]["kind"] for row in self.rows}
        kinds -= {"authority", *POLICY_SHORT_NAMES} if kind == "all" else set()
        rows = [row for row in self.rows if row["resource"]["kind"] in kinds]
        return {"rows": rows, "window": "60s", "observed": "60s", "backend": "embedded"}


def row(
    kind: str, name: str, meshed: str | None = "1/1", namespace: str = "emojivoto", **extra: Any
) -> Json:
    found: Json = {"resource": {"namespace": namespace, "kind": kind, "name": name}}
    if meshed is not None:
        count, running = meshed.split("/")
        found["pods"] = {"meshed": int(count), "running": int(running)}
    return found | extra


def requests(success: int, failure: int, *latency: float) -> Json:
    return {"requests": answers.requests(success, failure, *latency)}


def tcp(conns: int, read: float, write: float) -> Json:
    return {
        "tcp": {
            "openConnections": str(conns),
            "readBytesPerSecond": read,
            "writeBytesPerSecond": write,
        }
    }


def denied(requests: float, connections: float = 0.0) -> Json:
    return {
        "unauthorized": {
            "deniedPerSecond": requests,
            "connectionsDeniedPerSecond": connections,
        }
    }


EMOJIVOTO = FakeWeb(
    row("deployment", "web", **requests(109, 11, 4.4, 9.5, 49.6), **tcp(3, 1234.56, 98765.43)),
    row("deployment", "emoji", **requests(120, 0, 0.5, 1.49, 2.0), **tcp(4, 10, 0)),
    row("deployment", "voting", "2/3", **requests(50, 10, 1.0), **tcp(2, 1, 1)),
    row("deployment", "vote-bot"),
    row("deployment", "legacy", "0/2"),
    row("pod", "web-5d4f8c7b9-x2x7p", status="Running", **requests(109, 11, 4.4, 9.5, 49.6), **tcp(3, 1, 1)),
    row("pod", "vote-bot-6b9c-aaaaa", "1/1", status="CrashLoopBackOff"),
    row("service", "voting-svc", None, **requests(50, 10, 1, 2, 3)),
    row("service", "web-svc", None),
    row("cronjob", "backup", "1/1", **requests(6, 0, 1, 1, 1)),
    row("authority", "web-svc.emojivoto.svc.cluster.local:80", None, **requests(60, 0, 1, 2, 3)),
    row("server", "web-http", None, **requests(109, 11, 4.4, 9.5, 49.6), **tcp(3, 1234.56, 98765.43), **denied(0.5)),
    row("server", "mail", None, **denied(0, 0.25), **tcp(2, 1, 1)),
    row("server", "unused", None),
    row("serverauthorization", "web-only", None, **requests(50, 10, 1, 2, 3)),
    row("authorizationpolicy", "bots", None, **requests(60, 0, 1, 2, 3)),
    row("authorizationpolicy", "nobody", None),
    row("httproute", "votes", None, servers=["voting-grpc", "web-http"], **requests(50, 10, 1, 2, 3), **denied(0)),
    row("httproute", "of-service", None),
    row("grpcroute", "votes", None, servers=["voting-grpc"], **requests(50, 10, 1, 2, 3), **denied(0.5)),
    row("namespace", "emojivoto", "4/4", "", **requests(279, 21, 1, 5, 10), **tcp(9, 1000, 2000)),
    row("namespace", "default", "0/1", ""),
)  # fmt: skip


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("deployments", "stat deploy -n emojivoto"),
        ("deployments_wide", "stat deploy -n emojivoto -o wide"),
        ("deployments_unmeshed", "stat deploy -n emojivoto --unmeshed"),
        ("deployments_everywhere", "stat deploy -A"),
        ("pods", "stat po -n emojivoto"),
        ("services", "stat svc -n emojivoto"),
        ("cronjobs", "stat cj -n emojivoto"),
        ("authorities", "stat au -n emojivoto"),
        ("namespaces", "stat ns"),
        ("namespaces_unmeshed", "stat ns --unmeshed"),
        ("all", "stat all -n emojivoto"),
        ("json", "stat all -n emojivoto -o json"),
        ("servers", "stat server -n emojivoto"),
        ("servers_wide", "stat srv -A -o wide"),
        ("serverauthorizations", "stat saz -n emojivoto"),
        ("authorizationpolicies", "stat authorizationpolicies -n emojivoto"),
        ("httproutes", "stat httproute -n emojivoto"),
        ("grpcroutes", "stat grpcroute/votes -n emojivoto"),
        (
            "policies",
            "stat srv/web-http saz/web-only authzpolicy/bots httproute/votes grpcroute/votes deploy/web -n emojivoto",
        ),
        (
            "policies_json",
            "stat servers/ saz/ authorizationpolicy/ httproutes/ grpcroutes/ -n emojivoto -o json",
        ),
    ],
)
def test_golden(mesh: Mesh, name: str, line: str, columns: int) -> None:
    result = mesh(EMOJIVOTO, line, columns)
    assert (result.exit_code, result.stderr) == (0, "")
    compare_text(f"stat_{name}", result.stdout)


def test_json_is_an_array_of_documented_objects(mesh: Mesh) -> None:
    found = {
        (one["kind"], one["name"]): one
        for one in json.loads(mesh(EMOJIVOTO, "stat all -n emojivoto -o json").stdout)
    }
    assert found["deployment", "web"] == {
        "namespace": "emojivoto",
        "kind": "deployment",
        "name": "web",
        "meshed": "1/1",
        "success": pytest.approx(109 / 120),
        "rps": 2.0,
        "latency_ms_p50": 4,
        "latency_ms_p95": 10,
        "latency_ms_p99": 50,
        "tcp_open_connections": 3,
        "tcp_read_bytes_rate": 1234.56,
        "tcp_write_bytes_rate": 98765.43,
    }
    assert found["deployment", "vote-bot"]["success"] is None
    assert found["pod", "web-5d4f8c7b9-x2x7p"]["status"] == "Running"
    assert "meshed" not in found["service", "web-svc"]


LEGACY = row("deployment", "legacy", "0/1")


@pytest.mark.parametrize("output", ["table", "wide"])
@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        ([], "stat deploy -n a", "There are no deployments in namespace a.\n"),
        ([], "stat deploy -n emojvoto", "There is no namespace emojvoto.\n"),
        ([], "stat grpcroutes/foo deploy/web -n emojvoto", "There is no namespace emojvoto.\n"),
        ([], "stat deploy -A", "There are no deployments in any namespace.\n"),
        ([], "stat all -n a", "There are no resources in namespace a.\n"),
        ([], "stat po -n a -l app=wbe", "There are no pods with labels app=wbe in namespace a.\n"),
        ([], "stat deploy/wbe -n a", "There is no deployment/wbe in namespace a.\n"),
        ([], "stat ns/emojvoto", "There is no namespace/emojvoto.\n"),
        ([], "stat au", "No traffic found.\n"),
        ([], "stat srv -n a", "There are no servers in namespace a.\n"),
        (
            [],
            "stat authorizationpolicy -A",
            "There are no authorizationpolicies in any namespace.\n",
        ),
        ([], "stat httproute/wbe -n a", "There is no httproute/wbe in namespace a.\n"),
        ([], "stat server -n a --to deploy/web", "No traffic found.\n"),
        ([], "stat deploy --to svc/web", "No traffic found.\n"),
        (
            [LEGACY],
            "stat deploy -n emojivoto",
            "No deployment in namespace emojivoto has a meshed pod: --unmeshed shows them, `mesh inject` meshes them.\n",
        ),
        (
            [LEGACY],
            "stat deploy/legacy -n emojivoto",
            "No pod of deployment/legacy in namespace emojivoto is meshed: --unmeshed shows it, `mesh inject` meshes it.\n",
        ),
    ],
)
def test_nothing_found_is_explained_on_stderr(
    mesh: Mesh, rows: list[Json], line: str, said: str, output: str
) -> None:
    result = mesh(FakeWeb(*rows), f"{line} -o {output}")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", said)


def test_a_mistyped_name_among_others_is_told(mesh: Mesh) -> None:
    result = mesh(EMOJIVOTO, "stat deploy/web deploy/wbe deploy/legacy -n emojivoto")
    assert "web" in result.stdout
    assert result.stderr.splitlines() == [
        "There is no deployment/wbe in namespace emojivoto.",
        "No pod of deployment/legacy in namespace emojivoto is meshed: --unmeshed shows it, `mesh inject` meshes it.",
    ]


def test_nothing_found_is_an_empty_array_in_json(mesh: Mesh) -> None:
    result = mesh(FakeWeb(), "stat deploy -o json")
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_unmeshed_receivers_are_shown_with_from(mesh: Mesh) -> None:
    legacy = FakeWeb(row("deployment", "legacy", "0/1", **requests(6, 0, 1, 1, 1)))
    assert "legacy" in mesh(legacy, "stat deploy --from deploy/web").stdout


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("stat deploy", [{"resource": {"kind": "deployment", "namespace": "default", "name": ""}}]),
        ("stat deploy -A", [{"resource": {"kind": "deployment", "namespace": "", "name": ""}}]),
        ("stat ns/a", [{"resource": {"kind": "namespace", "name": "a"}}]),
        (
            "stat po/a sts/b -n n -t 1m30s -l app=web",
            [
                {"resource": {"kind": "pod", "namespace": "n", "name": "a"}, "window": "90s", "labelSelector": "app=web"},
                {"resource": {"kind": "statefulset", "namespace": "n", "name": "b"}, "window": "90s", "labelSelector": "app=web"},
            ],
        ),
        (
            "stat deploy -n n --to svc/voting-svc",
            [{"resource": {"kind": "deployment", "namespace": "n", "name": ""}, "to": {"kind": "service", "namespace": "n", "name": "voting-svc"}}],
        ),
        (
            "stat deploy -A --from deploy/web --from-namespace n",
            [{"resource": {"kind": "deployment", "namespace": "", "name": ""}, "from": {"kind": "deployment", "namespace": "n", "name": "web"}}],
        ),
        (
            "stat deploy -n n --to ns/other",
            [{"resource": {"kind": "deployment", "namespace": "n", "name": ""}, "to": {"kind": "namespace", "name": "other"}}],
        ),
        (
            "stat deploy -n n --to-namespace other",
            [{"resource": {"kind": "deployment", "namespace": "n", "name": ""}, "to": {"kind": "namespace", "name": "other"}}],
        ),
        (
            "stat saz web-only -n n --to deploy/web",
            [{"resource": {"kind": "serverauthorization", "namespace": "n", "name": "web-only"}, "to": {"kind": "deployment", "namespace": "n", "name": "web"}}],
        ),
        ("viz stat job", [{"resource": {"kind": "job", "namespace": "default", "name": ""}}]),
    ],
)  # fmt: skip
def test_requests(mesh: Mesh, line: str, asked: list[Json]) -> None:
    web = FakeWeb()
    result = mesh(web, line)
    assert result.exit_code == 0, result.output
    defaults = {"labelSelector": "", "window": "60s", "tcp": True}
    assert web.asked == [defaults | one for one in asked]


def test_every_row_is_shown_once(mesh: Mesh) -> None:
    lines = mesh(EMOJIVOTO, "stat deploy/web deploy/emoji -n emojivoto").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "emoji", "vote-bot", "voting", "web"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stat", "Missing argument 'RESOURCE...'"),
        ("stat pots", "'pots' is not a type of resource"),
        ("stat deploy -t 10s", "10s is too short: at least 15s"),
        ("stat deploy -t soon", "'soon' is not a duration"),
        ("stat deploy -o yaml", "'yaml' is not one of 'table', 'wide', 'json'"),
        ("stat deploy -A -n a", "--all-namespaces and --namespace do not go together"),
        ("stat deploy/web -A", "deployment/web is in one namespace"),
        ("stat ns -n a", "--namespace does not go with namespaces"),
        ("stat deploy --to po --from po", "--to and --from do not go together"),
        ("stat deploy --to-namespace a --from-namespace b", "--to-namespace and --from-namespace do"),
        ("stat deploy --to all", "--to takes one kind of resource, not 'all'"),
        ("stat deploy --to ns/a --to-namespace b", "--to-namespace does not go with --to ns/a"),
        ("stat deploy --from svc/a", "--from takes no service"),
        ("stat deploy --to-namespace A", "'A' is not a namespace"),
        ("stat srv/a -A", "server/a is in one namespace"),
        ("stat srv --from deploy/web", "--from does not go with servers: they count where requests arrive"),
        ("stat authzpolicy --to svc/web", "--to takes what has pods where rows are authorizationpolicies"),
        ("stat saz -n a --to deploy/web --to-namespace b", "policy of namespace a guards no pods of b"),
        ("stat srv -n a --to ns/b", "policy of namespace a guards no pods of b"),
        ("stat deploy --to server/web", "'server' is not a type of resource"),
        ("stat trafficsplit", "see `mesh routes deploy/NAME`"),
    ],
)  # fmt: skip
def test_refusals(mesh: Mesh, line: str, said: str) -> None:
    web = FakeWeb()
    result = mesh(web, line)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert (result.stdout, web.asked) == ("", [])


def test_an_answer_of_another_shape_is_an_error(mesh: Mesh) -> None:
    result = mesh(
        FakeWeb({"resource": {"kind": "deployment"}, "requests": {"success": "many"}}),
        "stat deploy",
    )
    assert result.exit_code == 1
    assert "the web API's answer cannot be read" in result.stderr
