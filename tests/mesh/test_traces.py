"""One visit of the vote bot is one trace: through its proxy, web's, web's again, and voting's."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from deploy.demo.steps import NAMESPACE as DEMO
from tests.mesh import pods, workloads
from tests.mesh.collecting import pod as collector
from weft.names import CONTROL_PLANE_NAMESPACE, IDENTITY_COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.mesh.cluster import Cluster
    from tests.mesh.collecting.pod import Collected
    from tests.mesh.story import Story

SERVER, CLIENT = 2, 3
PATH = (("vote-bot", CLIENT), ("web", SERVER), ("web", CLIENT), ("voting", SERVER))
"""Whose proxies a vote passes, and on which side."""
PATIENCE = 60.0
"""Seconds until a trace is whole at the collector; spans leave every five seconds."""


@pytest.fixture(scope="module")
def traced(installed: Cluster, demo: Story) -> Iterator[Cluster]:
    """The mesh and the demo with tracing on; afterwards as before."""
    objects = collector.objects()
    installed.apply(*objects)
    pods.await_rollout(installed, workloads.NAMESPACE, collector.NAME)
    mesh_identity = "proxy.tracing.collector.meshIdentity"
    endpoint = f"collector.endpoint={collector.ENDPOINT}"
    _upgrade(
        installed,
        f"proxy.tracing.enabled=true,proxy.tracing.{endpoint}",
        f"{mesh_identity}.namespace={workloads.NAMESPACE}",
        f"{mesh_identity}.serviceAccountName={collector.NAME}",
        f"controller.tracing.enabled=true,controller.tracing.{endpoint}",
    )
    yield installed
    _upgrade(installed, "proxy.tracing.enabled=false,controller.tracing.enabled=false")
    for one in objects:
        installed.kubectl("delete", one["kind"], one["metadata"]["name"], "-n", workloads.NAMESPACE)


def _upgrade(cluster: Cluster, *values: str) -> None:
    """With these values; returns when the control plane and the demo run with them."""
    options = [part for value in values for part in ("--set", value)]
    cluster.kubectl("apply", "-f", "-", given=cluster.mesh("upgrade", *options))
    for namespace in (CONTROL_PLANE_NAMESPACE, DEMO):
        if namespace == DEMO:
            cluster.kubectl("rollout", "restart", "deploy", "-n", namespace)
        cluster.kubectl("rollout", "status", "deploy", "-n", namespace, "--timeout=180s")


@pytest.mark.timeout(420)
def test_a_vote_is_one_trace(traced: Cluster) -> None:
    found: list[Sequence[Collected]] = []

    def whole() -> bool:
        found[:] = _votes(collector.collected(traced))
        return bool(found)

    traced.terminal.wait_until("a vote's trace is whole", whole, seconds=PATIENCE)
    vote = found[0]
    print(" -> ".join(f"{one.resource['k8s.deployment.name']} {one.name}" for one in vote))
    assert len({one.trace for one in vote}) == 1
    for before, after in pairwise(vote):
        assert after.parent == before.span
    bot, page, _, voting = vote
    assert bot.name == "/api/vote"
    assert voting.name.startswith("/emojivoto.v1.VotingService/Vote")
    assert page.attributes["http.request.method"] == "GET"
    assert "url.query" not in page.attributes
    assert page.attributes["client.id"].startswith(f"default.{DEMO}.")
    assert voting.attributes["client.id"].startswith(f"web.{DEMO}.")
    assert bot.resource["service.name"] == "linkerd-proxy"
    assert bot.resource["k8s.namespace.name"] == DEMO


def _votes(spans: Sequence[Collected]) -> Iterator[Sequence[Collected]]:
    """Spans of the proxies a vote passes, each the parent of the next."""
    children: dict[str, list[Collected]] = {}
    for span in spans:
        children.setdefault(span.parent, []).append(span)
    for span in spans:
        if _whose(span) == PATH[0]:
            yield from _onward(children, (span,))


def _onward(
    children: Mapping[str, Sequence[Collected]], path: tuple[Collected, ...]
) -> Iterator[tuple[Collected, ...]]:
    if len(path) == len(PATH):
        yield path
        return
    for span in children.get(path[-1].span, ()):
        if _whose(span) == PATH[len(path)]:
            yield from _onward(children, (*path, span))


def _whose(span: Collected) -> tuple[str, int]:
    return str(span.resource.get("k8s.deployment.name")), span.kind


@pytest.mark.timeout(120)
def test_the_control_plane_s_own_work_is_traced(traced: Cluster) -> None:
    def certified() -> bool:
        return any(
            one.resource.get("service.name") == IDENTITY_COMPONENT
            and one.name.endswith("Identity/Certify")
            for one in collector.collected(traced)
        )

    traced.terminal.wait_until("identity's spans arrive", certified, seconds=PATIENCE)
