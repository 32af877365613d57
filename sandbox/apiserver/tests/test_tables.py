from datetime import timedelta
from typing import Any

import pytest

from sandbox.apiserver import kinds
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.tables import ages, custom, jsonpath
from sandbox.apiserver.tables.columns import selector_text, table
from sandbox.apiserver.tables.pick import columns_of
from sandbox.apiserver.tables.pods import summary
from sandbox.apiserver.tests.conftest import NOW, crd, deployment, widget

SECOND, MINUTE, HOUR, DAY = 1, 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"),
        (10 * MINUTE, "10m"), (179 * MINUTE, "179m"), (3 * HOUR, "3h"), (3 * HOUR + MINUTE, "3h1m"),
        (8 * HOUR, "8h"), (47 * HOUR, "47h"), (48 * HOUR, "2d"), (50 * HOUR, "2d2h"), (8 * DAY, "8d"),
        (729 * DAY, "729d"), (730 * DAY, "2y"), (800 * DAY, "2y70d"), (8 * 365 * DAY, "8y"),
    ],
)  # fmt: skip
def test_ages(seconds: int, shown: str) -> None:
    assert ages.human(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize("moment", [None, "", "yesterday"])
def test_an_age_nobody_knows(moment: str | None) -> None:
    assert ages.since(moment, NOW) == "<unknown>"


def running(name: str = "a", restarts: int = 0, *, ready: bool = True) -> Obj:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": {"running": {}}}


def waiting(reason: str) -> Obj:
    return {
        "name": "a",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason}},
    }


def ended(code: int, **more: Any) -> Obj:
    return {
        "name": "a",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": {"exitCode": code, **more}},
    }


def a_pod(phase: str, *containers: Obj, init: list[Obj] | None = None, **status: Any) -> Obj:
    """A pod with one container per status; init containers called `s...` are sidecars."""
    declared = [
        {
            "name": one["name"],
            **({"restartPolicy": "Always"} if one["name"].startswith("s") else {}),
        }
        for one in init or []
    ]
    return {
        "metadata": {"name": "p"},
        "spec": {
            "containers": [{"name": "a"}] * max(len(containers), 1),
            "initContainers": declared,
        },
        "status": {
            "phase": phase,
            "containerStatuses": list(containers),
            "initContainerStatuses": init or [],
            **status,
        },
    }


@pytest.mark.parametrize(
    ("pod", "shown"),
    [
        (a_pod("Pending"), "0/1 Pending 0"),
        (a_pod("Running", running()), "1/1 Running 0"),
        (a_pod("Running", running(restarts=2), running(ready=False)), "1/2 Running 2"),
        (a_pod("Pending", waiting("ContainerCreating")), "0/1 ContainerCreating 0"),
        (a_pod("Running", waiting("CrashLoopBackOff")), "0/1 CrashLoopBackOff 0"),
        (a_pod("Succeeded", ended(0, reason="Completed")), "0/1 Completed 0"),
        (a_pod("Failed", ended(1, reason="Error")), "0/1 Error 0"),
        (a_pod("Failed", ended(3)), "0/1 ExitCode:3 0"),
        (a_pod("Failed", ended(137, signal=9)), "0/1 Signal:9 0"),
        (a_pod("Failed", reason="Evicted"), "0/1 Evicted 0"),
        (a_pod("Running", ended(0, reason="Completed"), running()), "1/2 NotReady 0"),
        (a_pod("Pending", init=[running("i")]), "0/1 Init:0/1 0"),
        (a_pod("Pending", init=[ended(0), running("i")]), "0/1 Init:1/2 0"),
        (a_pod("Pending", init=[ended(1, reason="Error")]), "0/1 Init:Error 0"),
        (a_pod("Pending", init=[waiting("ErrImagePull")]), "0/1 Init:ErrImagePull 0"),
        (a_pod("Pending", init=[waiting("PodInitializing")]), "0/1 Init:0/1 0"),
        (
            a_pod("Running", running(), init=[{**running("sidecar", 1), "started": True}]),
            "2/2 Running 1",
        ),
        (
            a_pod(
                "Running", running(), init=[{**running("sidecar", ready=False), "started": True}]
            ),
            "1/2 Running 0",
        ),
    ],
)
def test_the_summary_of_a_pod(pod: Obj, shown: str) -> None:
    found = summary(pod)
    assert f"{found.ready}/{found.total} {found.status} {found.restarts}" == shown


def test_a_pod_that_is_going() -> None:
    going = a_pod("Running", running())
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert summary(going).status == "Terminating"


def cells(kind: kinds.Kind, obj: Obj) -> list[Any]:
    found: list[Any] = table(columns_of(kind), [obj], now=NOW)["rows"][0]["cells"]
    return found


def test_the_restarts_say_when() -> None:
    one = running(restarts=3)
    one["lastState"] = {"terminated": {"finishedAt": "2026-01-02T03:03:05Z"}}
    assert cells(kinds.POD, a_pod("Running", one))[3] == "3 (60s ago)"


MADE = {"name": "x", "namespace": "n", "creationTimestamp": "2026-01-02T02:04:05Z"}


@pytest.mark.parametrize(
    ("kind", "obj", "expected"),
    [
        (
            kinds.DEPLOYMENT,
            {**deployment(), "status": {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}},
            ["x", "1/0", 2, 1, "60m", "web", "web:1", "app=web"],
        ),
        (
            kinds.SERVICE,
            {"spec": {"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30000}]}},
            ["x", "NodePort", "10.96.0.9", "<none>", "80:30000/TCP", "60m", "<none>"],
        ),
        (
            kinds.ENDPOINT_SLICE,
            {
                "addressType": "IPv4",
                "ports": [{"port": 80}],
                "endpoints": [{"addresses": [f"10.0.0.{number}"]} for number in range(5)],
            },
            ["x", "IPv4", "80", "10.0.0.0,10.0.0.1,10.0.0.2 + 2 more...", "60m"],
        ),
        (kinds.NAMESPACE, {"status": {"phase": "Active"}}, ["x", "Active", "60m"]),
        (kinds.CONFIG_MAP, {"data": {"a": "b"}, "binaryData": {"c": "d"}}, ["x", 2, "60m"]),
        (kinds.SECRET, {"type": "Opaque", "data": {}}, ["x", "Opaque", 0, "60m"]),
        (
            kinds.JOB,
            {"spec": {"completions": 2}, "status": {"succeeded": 1, "startTime": "2026-01-02T03:04:00Z"}},
            ["x", "Running", "1/2", "5s", "60m", "<none>", "<none>", "<none>"],
        ),
        (
            kinds.NODE,
            {
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "nodeInfo": {"kubeletVersion": "v1.34.0"},
                    "addresses": [{"type": "InternalIP", "address": "10.244.0.1"}],
                },
            },
            [
                "x", "Ready,SchedulingDisabled", "<none>", "60m", "v1.34.0", "10.244.0.1", "<none>",
                "<unknown>", "<unknown>", "<unknown>",
            ],
        ),
        (
            kinds.EVENT,
            {
                "lastTimestamp": "2026-01-02T03:03:05Z", "type": "Warning", "reason": "BackOff",
                "message": "no\n", "involvedObject": {"kind": "Pod", "name": "p"}, "count": 2,
                "source": {"component": "kubelet"},
            },
            ["60s", "Warning", "BackOff", "pod/p", "", "kubelet", "no", "60s", 2, "x"],
        ),
        (kinds.LIMIT_RANGE, {}, ["x", "60m"]),
    ],
    ids=lambda value: value.kind if isinstance(value, kinds.Kind) else "",
)  # fmt: skip
def test_rows(kind: kinds.Kind, obj: Obj, expected: list[Any]) -> None:
    assert cells(kind, {**obj, "metadata": MADE}) == expected


@pytest.mark.parametrize("kind", kinds.BUILT_IN, ids=lambda kind: kind.kind)
def test_every_kind_has_a_row_for_an_empty_object(kind: kinds.Kind) -> None:
    columns = columns_of(kind)
    made = table(columns, [{"metadata": MADE}], now=NOW)
    assert len(made["rows"][0]["cells"]) == len(made["columnDefinitions"]) == len(columns)


def test_custom_columns() -> None:
    declared = crd()["spec"]["versions"][1]["additionalPrinterColumns"]
    obj = {**widget(size=3), "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    made = table(custom.columns(declared), [obj, widget()], now=NOW)
    assert [one["name"] for one in made["columnDefinitions"]] == ["Name", "Size", "Ready"]
    assert [row["cells"] for row in made["rows"]] == [["w", 3, "True"], ["w", 1, None]]


def test_included_objects() -> None:
    obj = {"metadata": MADE, "data": {}}
    rows = {
        include: table(columns_of(kinds.CONFIG_MAP), [obj], now=NOW, include=include)["rows"][0]
        for include in ("None", "Metadata", "Object")
    }
    assert "object" not in rows["None"]
    assert rows["Metadata"]["object"]["kind"] == "PartialObjectMetadata"
    assert rows["Object"]["object"] is obj


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]), (".list[0].x", ["p"]), (".list[-1].x", ["q"]), (".list[*].x", ["p", "q"]),
        (".missing", []), (".list[9]", []), (".dotted\\.key", [2]), ("['dotted.key']", [2]),
        ('.list[?(@.t=="B")].x', ["q"]), (".a[", []), (".a.b.c", []),
    ],
)  # fmt: skip
def test_jsonpath(path: str, found: list[Any]) -> None:
    obj = {"a": {"b": 1}, "list": [{"x": "p", "t": "A"}, {"x": "q", "t": "B"}], "dotted.key": 2}
    assert jsonpath.find(path, obj) == found


def test_selectors_as_text() -> None:
    assert selector_text(None) == "<none>"
    assert selector_text({"matchLabels": {"b": "1", "a": "2"}}) == "a=2,b=1"
    expressions = [
        {"key": "k", "operator": "In", "values": ["y", "x"]},
        {"key": "m", "operator": "DoesNotExist"},
    ]
    assert selector_text({"matchExpressions": expressions}) == "k in (x,y),!m"
