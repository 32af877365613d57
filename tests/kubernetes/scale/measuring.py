"""Sleepers with the mesh's proxy, more and more of them, and what they and the control plane take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deploy.demo.terminal import StepFailed
from tests.kubernetes.scale.figures import Component, Figures, Step, Usage, share
from tests.mesh import pods, scrape, workloads
from weft import labels, ports
from weft.names import CONTROL_PLANE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.mesh.cluster import Cluster, Json
    from tests.mesh.pods import Pod

COMPONENTS = ("identity", "destination", "proxy-injector", "tap", "web")
STEP = 20
"""Pods that are asked for at once: more would only wait for each other."""
IDLE_SECONDS = 60.0
"""How long CPU is counted while nothing happens."""
SETTLING_SECONDS = 15.0
"""What starting still does would be counted as something else."""
SAMPLE = 20
"""Proxies whose idle CPU is counted: asking every one takes longer than the time that is counted."""
_MESHED, _BARE = "sleeper", "bare-sleeper"
_SLEEP = ("/usr/bin/python3", "-S", "-E", "-c", "import signal; signal.pause()")
"""The image has no smaller program than Python."""


def measure(cluster: Cluster, wanted: int, patience: float) -> Figures:
    """Returns what was reached within `patience` seconds of growing; the sleepers stay.

    Raises StepFailed.
    """
    workloads.create_namespace(cluster)
    unmeshed = _without_mesh(cluster, min(STEP, wanted))
    time.sleep(SETTLING_SECONDS)
    alone = _control_plane(cluster)
    steps = _grow(cluster, _MESHED, wanted, patience)
    time.sleep(SETTLING_SECONDS)
    sleepers = pods.running(cluster, workloads.NAMESPACE, f"app={_MESHED}")
    proxies = _proxies(cluster, sleepers)
    sample = sleepers[:: max(1, len(sleepers) // SAMPLE)][:SAMPLE]
    grown, before = _control_plane(cluster), _proxies(cluster, sample)
    time.sleep(IDLE_SECONDS)
    later, after = _control_plane(cluster), _proxies(cluster, sample)
    return Figures(
        wanted=wanted,
        steps=steps,
        unmeshed=unmeshed,
        components={
            name: Component(alone[name], grown[name], later[name], _pod(cluster, name).restarts)
            for name in COMPONENTS
        },
        proxies=tuple(proxies.values()),
        idle_proxies=tuple(share(before[name], after[name]) for name in before),
    )


def _without_mesh(cluster: Cluster, wanted: int) -> Step:
    """The node's own work, for comparison; they are gone again on return."""
    (found,) = _grow(cluster, _BARE, wanted, 120.0, {labels.INJECT: labels.INJECT_DISABLED})
    cluster.kubectl("delete", f"deploy/{_BARE}", "-n", workloads.NAMESPACE)
    pods.await_none(cluster, workloads.NAMESPACE, f"app={_BARE}")
    return found


def _grow(
    cluster: Cluster,
    name: str,
    wanted: int,
    patience: float,
    annotations: Mapping[str, str] | None = None,
) -> tuple[Step, ...]:
    """When the time is over, the last step is what was ready by then, and no more pods stay."""
    template = workloads.pod_template(name, _SLEEP, annotations or {})
    sleepers: Json = workloads.deployment(name, template)
    sleepers["spec"]["replicas"] = 0
    cluster.apply(sleepers)
    began, steps = time.monotonic(), [Step(0, 0.0)]
    for replicas in (*range(STEP, wanted, STEP), wanted):
        _ask_for(cluster, name, replicas)
        while (ready := _ready(cluster, name)) < replicas:
            if time.monotonic() - began > patience:
                break
            time.sleep(1)
        if ready > steps[-1].pods:
            steps.append(Step(ready, time.monotonic() - began))
            cluster.terminal.say(f"{name}: {ready} ready after {steps[-1].seconds:.0f} s")
        if ready < replicas:
            _ask_for(cluster, name, ready)
            pods.await_rollout(cluster, workloads.NAMESPACE, name)
            break
    if len(steps) == 1:
        raise StepFailed(f"no {name} was ready within {patience:.0f} s")
    return tuple(steps[1:])


def _ask_for(cluster: Cluster, name: str, replicas: int) -> None:
    cluster.kubectl("scale", f"deploy/{name}", "-n", workloads.NAMESPACE, f"--replicas={replicas}")


def _ready(cluster: Cluster, name: str) -> int:
    found = cluster.read("deployment", name, "-n", workloads.NAMESPACE)
    return int(found["status"].get("readyReplicas") or 0)


def _control_plane(cluster: Cluster) -> dict[str, Usage]:
    """The components themselves; their own proxies are proxies like any other."""
    found = {}
    for component in COMPONENTS:
        pod, port = _pod(cluster, component), ports.CONTROLLER_ADMIN
        found[component] = _usage(scrape.application(cluster, pod.namespace, pod.name, port))
    return found


def _pod(cluster: Cluster, component: str) -> Pod:
    selector = f"{labels.CONTROL_PLANE_COMPONENT_LABEL}={component}"
    return pods.only(cluster, CONTROL_PLANE_NAMESPACE, selector)


def _proxies(cluster: Cluster, sleepers: Iterable[Pod]) -> dict[str, Usage]:
    return {one.name: _usage(scrape.proxy(cluster, one.namespace, one.name)) for one in sleepers}


def _usage(found: scrape.Scrape) -> Usage:
    return Usage(
        time.monotonic(),
        found.total("process_start_time_seconds"),
        found.total("process_cpu_seconds_total"),
        found.total("process_resident_memory_bytes"),
    )
