"""DaemonSets and StatefulSets."""

from typing import Any

from sandbox.controllers import daemonset, statefulset
from sandbox.controllers.actions import Action, Create, Delete, UpdateStatus
from sandbox.controllers.objects import Object, labels, name, safe_hash, spec
from sandbox.controllers.tests import builders as b
from sandbox.controllers.tests.builders import NOW, pod

TEMPLATE = b.template()
REVISION = safe_hash(TEMPLATE)
NODE: Object = {"metadata": {"name": "sandbox", "labels": {}}, "spec": {}}


def owner(kind: str, **wanted: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "default", "uid": "o1", "generation": 2},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE, **wanted},
    }


DAEMONS = owner("DaemonSet")


def daemon(named: str, revision: str = REVISION, **fields: Any) -> Object:
    marked = {"app": "web", daemonset.REVISION_LABEL: revision}
    return pod(named, owner=DAEMONS, labels=marked, **fields)


def acts(actions: list[Action]) -> list[str]:
    """``+name`` for creations, ``-name`` for deletions."""
    said = []
    for action in actions:
        if isinstance(action, Create):
            found = action.object["metadata"]
            said.append("+" + (found.get("name") or found["generateName"]))
        elif isinstance(action, Delete):
            said.append("-" + name(action.object))
    return said


def on_nodes(*pods: Object, nodes: tuple[Object, ...] = (NODE,)) -> list[str]:
    return acts(daemonset.decide(DAEMONS, pods, nodes, NOW))


def test_one_daemon_on_each_node_that_will_have_it() -> None:
    assert on_nodes() == ["+web-"]
    assert on_nodes(nodes=()) == []
    assert on_nodes(daemon("a")) == []
    assert on_nodes(daemon("a", node="")) == []
    assert on_nodes(daemon("a", deleting=True)) == []
    assert on_nodes(daemon("a"), daemon("b")) == ["-b"]
    assert on_nodes(daemon("a", phase="Failed")) == ["-a", "+web-"]
    tainted = {**NODE, "spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}}
    assert on_nodes(daemon("a"), nodes=(tainted,)) == ["-a"]


def test_a_daemon_runs_on_a_node_closed_to_others() -> None:
    assert on_nodes(nodes=({**NODE, "spec": {"unschedulable": True}},)) == ["+web-"]


def test_an_update_replaces_the_old_daemon() -> None:
    assert on_nodes(daemon("a", revision="old")) == ["-a"]
    assert on_nodes(daemon("a", revision="old", deleting=True)) == []
    lazy = owner("DaemonSet", updateStrategy={"type": "OnDelete"})
    assert acts(daemonset.decide(lazy, [daemon("a", revision="old")], [NODE], NOW)) == []


def test_a_daemonsets_status() -> None:
    (written,) = [
        a.object["status"]
        for a in daemonset.decide(DAEMONS, [daemon("a")], [NODE], NOW)
        if isinstance(a, UpdateStatus)
    ]
    assert written == {
        "currentNumberScheduled": 1,
        "desiredNumberScheduled": 1,
        "numberMisscheduled": 0,
        "numberReady": 1,
        "numberAvailable": 1,
        "updatedNumberScheduled": 1,
        "observedGeneration": 2,
    }


def stateful(**wanted: Any) -> Object:
    return owner("StatefulSet", **{"replicas": 3, "serviceName": "db", **wanted})


def member(number: int, revision: str = f"web-{REVISION}", **fields: Any) -> Object:
    marked = {"app": "web", statefulset.REVISION_LABEL: revision}
    return pod(f"web-{number}", owner=stateful(), labels=marked, **fields)


def step(of: Object, *pods: Object) -> list[str]:
    return acts(statefulset.decide(of, pods, NOW))


def test_members_come_one_after_the_other() -> None:
    assert step(stateful()) == ["+web-0"]
    assert step(stateful(), member(0, ready=False)) == []
    assert step(stateful(), member(0)) == ["+web-1"]
    assert step(stateful(), member(0), member(2)) == ["+web-1"]
    assert step(stateful(), member(0), member(1), member(2)) == []
    assert step(stateful(ordinals={"start": 5})) == ["+web-5"]


def test_members_go_from_the_last() -> None:
    assert step(stateful(replicas=1), member(0), member(1), member(2)) == ["-web-2"]
    assert step(stateful(replicas=1), member(0), member(1), member(2, deleting=True)) == []


def test_in_parallel_all_come_and_go_at_once() -> None:
    free = {"podManagementPolicy": "Parallel"}
    assert step(stateful(**free)) == ["+web-0", "+web-1", "+web-2"]
    assert step(stateful(replicas=0, **free), member(0), member(1)) == ["-web-1", "-web-0"]


def test_a_finished_member_is_replaced_under_its_own_name() -> None:
    assert step(stateful(), member(0, phase="Failed")) == ["-web-0"]


def test_an_update_goes_from_the_last_down_to_the_partition() -> None:
    old = [member(n, "old") for n in range(3)]
    assert step(stateful(), *old) == ["-web-2"]
    assert step(stateful(), old[0], old[1], member(2, ready=False)) == []
    assert step(stateful(), old[0], old[1], member(2)) == ["-web-1"]
    held = {"updateStrategy": {"rollingUpdate": {"partition": 2}}}
    assert step(stateful(**held), old[0], old[1], member(2)) == []
    lazy = {"updateStrategy": {"type": "OnDelete"}}
    assert step(stateful(**lazy), *old) == []


def test_a_member_has_a_name_of_its_own() -> None:
    made = statefulset.new_pod(stateful(), 1, "r")
    assert name(made) == spec(made)["hostname"] == "web-1"
    assert spec(made)["subdomain"] == "db"
    assert labels(made)["statefulset.kubernetes.io/pod-name"] == "web-1"
    assert labels(made)["apps.kubernetes.io/pod-index"] == "1"


def test_a_claimed_volume_is_an_empty_directory() -> None:
    claims = [{"metadata": {"name": "data"}, "spec": {}}]
    made = statefulset.new_pod(stateful(volumeClaimTemplates=claims), 0, "r")
    assert spec(made)["volumes"] == [{"name": "data", "emptyDir": {}}]
    assert "volumes" not in spec(statefulset.new_pod(stateful(), 0, "r"))
