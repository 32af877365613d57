"""Pods, their owners, and whose address is whose."""

from kit.kube.objects import Key
from tap.cluster import read_pod
from tap.tests.world import OURS, cluster, meta, pod


def test_a_pod_says_what_its_proxy_is_like() -> None:
    found = read_pod(pod("web-1-a", port=4199))
    assert (found.mesh, found.tap_client, found.tap_port) == ("weft", OURS, 4199)
    assert str(found.address) == "10.244.0.5:4199"


def test_a_pod_without_a_proxy() -> None:
    found = read_pod(pod("plain", meshed=False))
    assert (found.mesh, found.tap_client, found.tap_port) == ("", "", 4190)


def test_a_label_alone_is_no_proxy() -> None:
    obj = pod("fake")
    obj["spec"]["initContainers"] = []
    assert read_pod(obj).mesh == ""


def test_a_terminating_pod_is_not_running() -> None:
    obj = pod("web-1-a")
    obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert read_pod(obj).phase == "Terminating"


def test_labels_follow_the_owners() -> None:
    made = cluster(pod("web-1-a"))
    assert made.describe("10.244.0.5") == {
        "namespace": "shop",
        "pod": "web-1-a",
        "serviceaccount": "web",
        "replicaset": "web-1",
        "deployment": "web",
    }


def test_owners_in_a_circle_end() -> None:
    made = cluster(pod("web-1-a"))
    made.put_owned("replicaset", {"metadata": meta("web-1", owner=("ReplicaSet", "web-1"))})
    assert made.describe("10.244.0.5")["replicaset"] == "web-1"


def test_nodes_and_strangers() -> None:
    made = cluster()
    assert made.describe("10.0.0.1") == {"node": "node-1"}
    assert made.describe("192.0.2.1") == {}
    made.remove_node("node-1")
    assert made.describe("10.0.0.1") == {}


def test_pods_of_the_host_network_and_finished_ones_own_no_address() -> None:
    made = cluster(
        pod("host", "10.0.0.1", hostNetwork=True),
        pod("done", "10.244.0.7", phase="Succeeded"),
    )
    assert made.describe("10.0.0.1") == {"node": "node-1"}
    assert made.describe("10.244.0.7") == {}


def test_an_address_passes_to_its_next_pod() -> None:
    made = cluster(pod("old"))
    made.put_pod(pod("old", phase="Succeeded"))
    made.put_pod(pod("new"))
    made.remove_pod(Key("shop", "old"))
    assert made.describe("10.244.0.5")["pod"] == "new"
    made.remove_pod(Key("shop", "new"))
    assert made.describe("10.244.0.5") == {}
