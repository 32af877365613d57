"""The one replica that leads looks after pods that run without the proxy they ask for.

It watches while it leads, plans with every change and every few seconds, and does what the plan says.
Nothing is written anywhere: a new leader finds out by itself, and equal events are one.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from socket import gethostname

from kit.kube.client import Client
from kit.kube.errors import ApiError, KubeError, NotFound
from kit.kube.events import EventType, Recorder, Subject
from kit.kube.lease import Leadership
from kit.kube.objects import NAMESPACES, PODS, Key, Object, Resource
from kit.kube.watch import Gone, Listed, Put, Watch
from kit.lifecycle import Readiness
from proxy_injector.events import subject_of
from proxy_injector.metrics import Metrics
from proxy_injector.owners import Parent
from proxy_injector.unmeshed.picture import Picture
from proxy_injector.unmeshed.plan import Choice, Memory, Pod, not_evicted, plan
from proxy_injector.world import KubernetesWorld

log = logging.getLogger(__name__)

LEASE = "weft-unmeshed-pods"
MISSED = "InjectionMissed"
RESTARTED = "RestartedForInjection"
REPORTED = "runs without the proxy it asks for: "
REPORTED_OF_WORKLOAD = "has pods that run without the proxy they ask for: "
EVICTED = "evicted, because it ran without the proxy it asks for"
EVICTED_OF_WORKLOAD = "a pod was evicted, because it ran without the proxy it asks for"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the controller looks and when it trusts the webhook. In seconds."""

    renew: float = 5.0
    """Between renewals of the Lease, and between the other replicas' looks at it."""
    look: float = 5.0
    """Between plans when nothing changes."""
    gather: float = 0.5
    """In which changes gather before the next plan."""
    settled: float = 10.0
    """For which this process must have been ready before pods are evicted: until the API server's way to the
    webhook leads here."""


@dataclass
class Controller:
    """`run` is a job of the process; it does nothing when the choice is `ignore`."""

    client: Client
    choice: Choice
    namespace: str
    """Of the control plane, where the Lease is."""
    world: KubernetesWorld
    readiness: Readiness
    recorder: Recorder
    metrics: Metrics
    pace: Pace = field(default_factory=Pace)
    _changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _ready_since: float | None = field(default=None, init=False)

    async def run(self) -> None:
        """Looks after pods while this replica leads, until cancelled."""
        if self.choice == "ignore":
            return
        leadership = Leadership(
            self.client, self.namespace, LEASE, gethostname(), renew=self.pace.renew
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(leadership.run())
            while True:
                await leadership.wait_held()
                await self._lead(leadership)
                self.metrics.unmeshed.clear()  # another replica counts them

    async def _lead(self, leadership: Leadership) -> None:
        """Returns when another replica leads."""
        picture = Picture(self.world.installation)
        self._ready_since = None
        listed = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watches = [
                group.create_task(
                    self._follow(
                        NAMESPACES, picture.put_namespace, picture.remove_namespace, listed[0]
                    )
                ),
                group.create_task(
                    self._follow(PODS, picture.put_pod, picture.remove_pod, listed[1])
                ),
            ]
            memory = Memory()
            while leadership.held:
                self._changed.clear()
                picture.install(self.world.installation)
                answering = self._is_settled(time.monotonic())
                if all(one.is_set() for one in listed):
                    memory = await self._look(picture, memory, leadership, answering=answering)
                await self._wait()
            for one in watches:
                one.cancel()

    def _is_settled(self, now: float) -> bool:
        """Whether this process has been ready for long enough."""
        if not self.readiness.is_ready:
            self._ready_since = None
            return False
        if self._ready_since is None:
            self._ready_since = now
        return now - self._ready_since >= self.pace.settled

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.pace.look):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self.pace.gather)

    async def _follow(
        self,
        resource: Resource,
        put: Callable[[Object], None],
        gone: Callable[[Key], None],
        listed: asyncio.Event,
    ) -> None:
        async for event in Watch(self.client, resource).events():
            match event:
                case Put(obj):
                    put(obj)
                case Gone(key):
                    gone(key)
                case Listed():
                    listed.set()
            self._changed.set()

    async def _look(
        self, picture: Picture, memory: Memory, leadership: Leadership, *, answering: bool
    ) -> Memory:
        """One plan and what it says; the memory for the next."""
        now = time.monotonic()
        made = plan(picture.pods(), self.choice, memory, now, answering=answering)
        self.metrics.count_unmeshed(made.unmeshed)
        for report in made.reports:
            about = {"namespace": report.pod.namespace, "pod": report.pod.name, "why": report.why}
            log.warning("a pod runs unmeshed", extra=about)
            await self._tell(
                report.pod,
                "Warning",
                MISSED,
                REPORTED + report.why,
                REPORTED_OF_WORKLOAD + report.why,
            )
        memory = made.memory
        for pod in made.evictions:
            refused = (
                await self._evict(pod) if leadership.held else "another replica looks after it"
            )
            if refused:
                memory = not_evicted(memory, pod, refused, now)
        return memory

    async def _evict(self, pod: Pod) -> str:
        """Asks for the eviction; why it was refused, if it was. A pod that is gone already needs none."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            "deleteOptions": {"preconditions": {"uid": pod.uid}},
        }
        about = {"namespace": pod.namespace, "pod": pod.name}
        try:
            await self.client.request(
                "POST", PODS.path(pod.namespace, pod.name, "eviction"), body=body
            )
        except NotFound:
            return ""
        except KubeError as error:
            why = error.message if isinstance(error, ApiError) else str(error)
            log.warning("a pod was not evicted", extra={**about, "why": why})
            self.metrics.evictions.labels("refused").inc()
            return f"it was not evicted: {why}"
        log.info("an unmeshed pod was evicted", extra=about)
        self.metrics.evictions.labels("evicted").inc()
        await self._tell(pod, "Normal", RESTARTED, EVICTED, EVICTED_OF_WORKLOAD)
        return ""

    async def _tell(
        self, pod: Pod, kind: EventType, reason: str, of_pod: str, of_workload: str
    ) -> None:
        """An event on the pod, and one on the workload it belongs to."""
        subject = Subject(PODS, pod.namespace, pod.name, pod.uid)
        self.recorder.record_nowait(subject, kind, reason, of_pod, once=True)
        if pod.owner is not None:
            workload = subject_of(pod.namespace, await self._above(pod.namespace, pod.owner))
            self.recorder.record_nowait(workload, kind, reason, of_workload, once=True)

    async def _above(self, namespace: str, owner: Parent) -> Parent:
        try:
            return await self.world.above(namespace, owner)
        except KubeError as error:
            log.info("the owner is not known", extra={"owner": owner.name, "why": str(error)})
            return owner
