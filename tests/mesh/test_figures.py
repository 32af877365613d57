"""What a proxy costs when it does nothing, and how soon it is there."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.mesh import pods, scrape, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster
    from tests.mesh.pods import Pod

MEBIBYTE = 1024 * 1024
MOST_MEMORY = 40 * 1000 * 1000
MOST_SECONDS_TO_READY = 1.0
REPLICAS = 3
READY = re.compile(r"^(\S+) .*proxy: ready:", re.MULTILINE)


@pytest.fixture(scope="module")
def idle(installed: Cluster) -> Iterator[list[Pod]]:
    """Meshed pods that nobody talks to, started one after another."""
    installed.apply(workloads.http_server("idle"))
    for replicas in range(1, REPLICAS + 1):
        pods.scale(installed, workloads.NAMESPACE, "idle", replicas)
    yield pods.running(installed, workloads.NAMESPACE, "app=idle")
    installed.kubectl("delete", "deploy/idle", "-n", workloads.NAMESPACE)


def test_an_idle_proxy_is_small(installed: Cluster, idle: list[Pod]) -> None:
    found = [scrape.proxy(installed, one.namespace, one.name) for one in idle]
    resident = [one.total("process_resident_memory_bytes") for one in found]
    print("resident, idle:", ", ".join(f"{one / MEBIBYTE:.1f} MiB" for one in resident))
    assert len(resident) == REPLICAS
    assert max(resident) <= MOST_MEMORY


def test_a_proxy_is_ready_within_a_second_of_its_start(installed: Cluster, idle: list[Pod]) -> None:
    """From the start of its process, by the kernel's clock, to the line that says ready. The
    quickest of three: what else the machine does meanwhile is not the proxy's."""
    took = [_seconds_to_ready(installed, one) for one in idle]
    print("start to ready:", ", ".join(f"{one:.2f} s" for one in took))
    assert min(took) > 0.05, "an interpreter cannot be that quick"
    assert min(took) <= MOST_SECONDS_TO_READY


def test_no_proxy_of_the_mesh_has_grown_or_restarted(installed: Cluster) -> None:
    meshed = pods.running(installed, pods.ALL, pods.MESHED)
    lines = []
    for one in meshed:
        found = scrape.proxy(installed, one.namespace, one.name)
        resident = found.total("process_resident_memory_bytes") / MEBIBYTE
        cpu = found.total("process_cpu_seconds_total")
        lines.append(f"{one.namespace}/{one.name}: {resident:.1f} MiB, {cpu:.1f} s of CPU")
    print("\n".join(lines))
    assert [one.name for one in meshed if one.restarts] == []


def _seconds_to_ready(cluster: Cluster, pod: Pod) -> float:
    log = cluster.kubectl("logs", pod.name, "-n", pod.namespace, "-c", pods.PROXY, "--timestamps")
    said = READY.search(log)
    assert said, log[-500:]
    ready = datetime.fromisoformat(said[1]).timestamp()
    started = scrape.proxy(cluster, pod.namespace, pod.name).total("process_start_time_seconds")
    return ready - started
