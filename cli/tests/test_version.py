"""`mesh version --proxy`."""

from typing import Any

import pytest

from cli.cluster import client
from cli.cluster.errors import Unreachable
from cli.tests.fake_cluster import FakeCluster, meshed_pod
from cli.tests.run_mesh import mesh
from weft.version import VERSION

HEAD = f"Client version: {VERSION}\nServer version: unavailable\n"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    found = FakeCluster()
    monkeypatch.setattr(client, "connect", lambda chosen: found)
    return found


def test_pods_are_counted_by_the_version_of_their_proxy(cluster: FakeCluster) -> None:
    for number, version in enumerate(["1.0", "1.1", "1.1"]):
        cluster.put(meshed_pod(f"web-{number}", version))
    cluster.put(meshed_pod("other-1", "1.0", "elsewhere"))
    gone = cluster.put(meshed_pod("done-1", "0.9"))
    gone["status"]["phase"] = "Succeeded"
    assert mesh("version", "--proxy").out == (
        f"{HEAD}Proxy versions:\n\t1.0 (2 pods)\n\t1.1 (2 pods)\n"
    )
    assert mesh("version", "--proxy", "-n", "shop").out == (
        f"{HEAD}Proxy versions:\n\t1.1 (2 pods)\n\t1.0 (1 pod)\n"
    )
    assert mesh("version", "--proxy", "--short", "-n", "shop").out == (
        f"{VERSION}\nunavailable\n1.1\n1.0\n"
    )


def test_there_may_be_none(cluster: FakeCluster) -> None:
    assert mesh("version", "--proxy").out == f"{HEAD}Proxy versions: none\n"


def test_what_cannot_be_asked_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(chosen: Any) -> FakeCluster:
        raise Unreachable("https://cluster", "refused")

    monkeypatch.setattr(client, "connect", refuse)
    ran = mesh("version", "--proxy")
    assert (ran.code, ran.out) == (0, f"{HEAD}Proxy versions: unavailable\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [(("--client", "--proxy"), "asks no cluster"), (("-n", "shop"), "-n goes with --proxy only")],
)
def test_flags_that_do_not_go_together(flags: tuple[str, ...], said: str) -> None:
    ran = mesh("version", *flags)
    assert ran.code == 2
    assert said in ran.err
