"""Prometheus of the user's own, with the files of deploy/prometheus, finds every proxy and names it rightly.

Debian's is built without discovery of Kubernetes; `make test-kubernetes` builds one that has it.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import aiohttp
import pytest

from deploy.demo.steps import DEPLOYMENTS, NAMESPACE
from tests.mesh import pods, prometheus
from web.stats.backend import Group, Traffic
from web.stats.kinds import Kind
from web.stats.prometheus.backend import Prometheus as Backend
from web.stats.prometheus.client import Client
from web.stats.query import Query, Ref
from web.stats.selection import select
from weft.names import CONTROL_PLANE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster, Json
    from tests.mesh.prometheus import Prometheus
    from tests.mesh.story import Story

PROGRAM = os.environ.get("WEFT_PROMETHEUS", "")
FOUND_SECONDS = 60.0
"""Until every target was scraped once; a round takes 15."""
KNOWN_SECONDS = 90.0
"""Until a rule has a rate: two scrapes and a round of rules, of 15 seconds each."""
COMPONENTS = {"destination", "identity", "proxy-injector", "tap", "web"}

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(not PROGRAM, reason="needs a Prometheus that can ask Kubernetes"),
]


@pytest.fixture(scope="module")
def asked(
    reachable: Cluster, demo: Story, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    with prometheus.running(reachable, PROGRAM, tmp_path_factory.mktemp("prometheus")) as found:
        yield found


def meshed(cluster: Cluster) -> set[tuple[str, str]]:
    return {(one.namespace, one.name) for one in pods.running(cluster, pods.ALL, pods.MESHED)}


def places(targets: list[Json]) -> list[tuple[str, str]]:
    return [(one["labels"]["namespace"], one["labels"]["pod"]) for one in targets]


def await_all_up(cluster: Cluster, asked: Prometheus, job: str) -> list[Json]:
    """Targets of a job, when every meshed pod is one and each was scraped well."""
    found: list[Json] = []

    def up() -> bool:
        found[:] = asked.targets(job)
        return sorted(places(found)) == sorted(meshed(cluster)) and all(
            one["health"] == "up" for one in found
        )

    cluster.terminal.wait_until(f"all targets of {job} are up", up, seconds=FOUND_SECONDS)
    print(f"{job}: {len(found)} targets, all up")
    return found


@pytest.mark.parametrize("job", ["weft-proxy", f"{CONTROL_PLANE_NAMESPACE}/weft-proxy"])
def test_every_proxy_is_scraped_once_and_named_by_its_workload(
    installed: Cluster, asked: Prometheus, job: str
) -> None:
    found = await_all_up(installed, asked, job)
    demo = [one["labels"] for one in found if one["labels"]["namespace"] == NAMESPACE]
    assert {one["deployment"] for one in demo} == set(DEPLOYMENTS)
    for one in demo:
        assert one["replicaset"].startswith(f"{one['deployment']}-")
        assert one["pod"].startswith(f"{one['replicaset']}-")
        assert one["control_plane_ns"] == CONTROL_PLANE_NAMESPACE


@pytest.mark.parametrize("job", ["weft-controller", f"{CONTROL_PLANE_NAMESPACE}/weft-controller"])
def test_every_component_is_scraped_apart_from_its_proxy(
    installed: Cluster, asked: Prometheus, job: str
) -> None:
    def up() -> bool:
        found = asked.targets(job)
        healthy = {one["labels"].get("component") for one in found if one["health"] == "up"}
        return healthy == COMPONENTS and len(found) == len(COMPONENTS)

    installed.terminal.wait_until(f"{job} is up", up, seconds=FOUND_SECONDS)


def test_a_recording_rule_has_a_number(installed: Cluster, asked: Prometheus) -> None:
    where = f'namespace="{NAMESPACE}",deployment="web"'
    seen: dict[str, float] = {}

    def known() -> bool:
        for rule in ("weft_requests:rate1m", "weft_success:ratio1m"):
            seen[rule] = asked.value(f"deployment:{rule}{{{where}}}") or 0.0
        rate, ratio = seen.values()
        return rate > 0 and 0 < ratio < 1  # votes for the doughnut fail

    installed.terminal.wait_until("rules know web's numbers", known, seconds=KNOWN_SECONDS)
    print(f"web, by rules: {seen}")


def test_mesh_stat_could_be_answered_from_it(installed: Cluster, asked: Prometheus) -> None:
    """By the labels that the web service's own queries group by."""
    found: dict[Group, Traffic] = {}

    def known() -> bool:
        found.clear()
        found.update(asyncio.run(_measured(asked.url)))
        served = [found.get(Group(NAMESPACE, name)) for name in ("emoji", "voting", "web")]
        return all(one is not None and one.success > 0 for one in served)

    installed.terminal.wait_until("its queries find the demo", known, seconds=KNOWN_SECONDS)
    assert {group.namespace for group in found} == {NAMESPACE}
    assert {group.name for group in found} <= set(DEPLOYMENTS)


async def _measured(url: str) -> dict[Group, Traffic]:
    async with aiohttp.ClientSession() as session:
        backend = Backend(Client(url, session))
        await backend.check()
        query = Query(Ref(Kind.DEPLOYMENT, NAMESPACE))
        return dict((await backend.measure(select(query), query.window)).traffic)
