"""Which pods can be tapped, and `mesh list`, which says so."""

from typing import Any

import pytest

from cli.cluster import client
from cli.live.tappable import CLIENT, Tap, sorted_out
from cli.tests.fake_cluster import FakeCluster, meshed_pod
from cli.tests.run_mesh import mesh
from weft.labels import DISABLE_TAP

TAP = "tap.weft.serviceaccount.identity.weft.cluster.local"


def pod(name: str, *, client: str | None = TAP, namespace: str = "shop", disable: str = "") -> Any:
    made = meshed_pod(name, "1.0", namespace)
    if client is not None:
        made["spec"]["initContainers"][0]["env"] = [{"name": CLIENT, "value": client}]
    if disable:
        made["metadata"]["annotations"][DISABLE_TAP] = disable
    return made


def state(one: Any, around: str = "") -> Tap | None:
    namespace = {DISABLE_TAP: around} if around else {}
    return next(iter(sorted_out([one], {"shop": namespace})), None)


def test_what_a_proxy_was_started_with_counts() -> None:
    assert state(pod("a")) is Tap.ENABLED
    assert state(pod("a", client=None)) is Tap.MISSING
    assert state(pod("a", client="")) is Tap.MISSING


@pytest.mark.parametrize(
    ("own", "around", "expected"),
    [
        ("true", "", Tap.DISABLED),
        ("enabled", "", Tap.DISABLED),
        ("", "true", Tap.DISABLED),
        ("false", "true", Tap.MISSING),
        ("", "false", Tap.MISSING),
    ],
)
def test_annotations_say_why_there_is_none(own: str, around: str, expected: Tap) -> None:
    assert state(pod("a", client=None, disable=own), around=around) is expected


def test_a_pod_that_says_no_is_not_asked_whatever_its_proxy_was_started_with() -> None:
    """As tap itself decides."""
    assert state(pod("a", disable="true")) is Tap.DISABLED
    assert state(pod("a"), around="true") is Tap.ENABLED


def test_pods_without_a_running_proxy_are_left_out() -> None:
    unmeshed = pod("a")
    unmeshed["spec"]["initContainers"] = []
    ended, leaving = pod("b"), pod("c")
    ended["status"]["phase"] = "Succeeded"
    leaving["metadata"]["deletionTimestamp"] = "2026-11-01T00:00:00Z"
    assert sorted_out([unmeshed, ended, leaving], {}) == {}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    found = FakeCluster()
    monkeypatch.setattr(client, "connect", lambda chosen: found)
    for one in (
        pod("web-2"),
        pod("web-1"),
        pod("old-1", client=None),
        pod("shy-1", client=None, disable="true"),
        pod("far-1", client=None, namespace="far"),
    ):
        found.put(one)
    found.put(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "far", "annotations": {DISABLE_TAP: "true"}},
        }
    )
    return found


SHOP = """\
Pods with tap enabled:
\t* shop/web-1
\t* shop/web-2

Pods with tap disabled:
\t* shop/shy-1

Pods missing tap configuration (restart these pods to enable tap):
\t* shop/old-1
"""


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("prefix", [(), ("viz",)])
def test_a_namespace(prefix: tuple[str, ...]) -> None:
    ran = mesh(*prefix, "list", "-n", "shop")
    assert (ran.code, ran.out, ran.err) == (0, SHOP, "")


@pytest.mark.usefixtures("cluster")
def test_all_namespaces_and_none() -> None:
    disabled = "\t* far/far-1\n\t* shop/shy-1"
    assert mesh("list", "-A").out == SHOP.replace("\t* shop/shy-1", disabled)
    assert mesh("list", "-n", "far").out == "Pods with tap disabled:\n\t* far/far-1\n"
    empty = mesh("list", "-n", "empty")
    assert (empty.code, empty.out, empty.err) == (0, "", "No meshed pods found\n")
    assert mesh("list", "-n", "shop", "-A").code == 2
