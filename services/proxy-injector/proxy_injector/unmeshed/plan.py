"""Whom to report and whom to restart: from a picture of the pods, the user's choice and the time. Pure.

A restart is an eviction, and whoever controls the pod makes a new one. It must not do harm:

- only where a new pod is made, and would be given a proxy;
- one pod of a workload at a time: the next only when a new one is ready and has its proxy;
- not many in a minute, so that a cluster that was long without its webhook is not restarted at once;
- when the new pod comes without a proxy too, or is not ready in time, the workload is left alone for a
  while, and after a few times for good. Then it is reported, as is what could not be restarted at all.

What is to be remembered for that is a value: a plan comes with the memory to make the next one from.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from proxy_injector.owners import Parent

Choice = Literal["report", "restart", "ignore"]
"""What becomes of unmeshed pods, as the user says it."""

REPLACING_KINDS = frozenset({"ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet"})
"""Controllers that make a new pod for one that is evicted, and lose nothing by it."""
PER_MINUTE = 10
"""Most pods that are evicted in any 60 seconds."""
MINUTE = 60.0
REPLACED_WITHIN = 300.0
"""Seconds in which a new pod must be ready."""
BACK_OFF = 60.0
"""Seconds a workload is left alone after its first restart that did not help; doubled by each further one."""
TRIES = 3
"""Restarts in a row that did not help, after which a workload is left alone for good."""
TRY_AGAIN = 30.0
"""Seconds until an eviction that was not allowed is asked for again."""
REMIND = 3600.0
"""Seconds after which a pod is reported again: Kubernetes forgets events in an hour."""
REPORTS = 50
"""Most reports of one plan; the others come with the next."""

CREATED_WITHOUT = "it was created while the webhook did not answer, or before a proxy was asked for"
BARE = "no controller that is known would make a new one: delete it and create it again"
JOB = "a restart would lose the work of its Job"
CAME_UNMESHED = "a pod made in place of another came without a proxy too; this is tried again later"
NOT_READY = "a pod made in place of another was not ready in time; this is tried again later"
GIVEN_UP = f"{TRIES} restarts in a row did not help; it is not restarted any more"


@dataclass(frozen=True, slots=True)
class Pod:
    """What a plan knows of a pod that is neither over nor being deleted."""

    namespace: str
    name: str
    uid: str
    owner: Parent | None
    """Its controller, if it is of a kind that is known."""
    ready: bool
    unmeshed: bool = False
    """It asks for a proxy and has none."""
    against: str = ""
    """Why a new one would have none either; empty: it would have one."""


@dataclass(frozen=True, slots=True)
class Replacing:
    """A pod of a workload was evicted, and what came of it is not known yet."""

    before: frozenset[str]
    """The uids of the workload's pods at that time; others are new."""
    since: float
    failures: int
    """Restarts before this one, in a row, that did not help."""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A workload of which no pod is evicted before a time."""

    until: float
    failures: int
    why: str


State = Replacing | LeftAlone


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept between plans."""

    workloads: Mapping[str, State] = field(default_factory=dict)
    """By the uid of the pods' controller."""
    evictions: tuple[float, ...] = ()
    """When pods were evicted in the last minute."""
    told: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    """By the uid of a pod: what was reported of it, and when."""


@dataclass(frozen=True, slots=True)
class Report:
    """A pod that people are told of."""

    pod: Pod
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done now."""

    reports: tuple[Report, ...]
    evictions: tuple[Pod, ...]
    unmeshed: Mapping[tuple[str, bool], int]
    """How many pods run without the proxy they ask for, by namespace and whether a new one would have it."""
    memory: Memory
    """As it is when all of this is done."""


def plan(
    pods: Iterable[Pod], choice: Choice, memory: Memory, now: float, *, answering: bool
) -> Plan:
    """`now` is in seconds of any clock that never goes back; `answering`: a new pod would be given its
    proxy, for the webhook answers."""
    families: dict[str, list[Pod]] = {}
    wanting: list[Pod] = []
    for pod in pods:
        if pod.owner is not None:
            families.setdefault(pod.owner.uid, []).append(pod)
        if pod.unmeshed:
            wanting.append(pod)
    wanting.sort(key=lambda pod: (pod.namespace, pod.name))
    workloads = dict(_reviewed(memory.workloads, families, now))
    recent = [moment for moment in memory.evictions if now - moment < MINUTE]
    obstacles = {pod.uid: _obstacle(pod, choice, workloads, now) for pod in wanting}
    evictions: list[Pod] = []
    for pod in wanting:
        if not answering or obstacles[pod.uid] or len(recent) >= PER_MINUTE:
            continue
        assert pod.owner is not None  # else there is an obstacle
        state = workloads.get(pod.owner.uid)
        if isinstance(state, Replacing):
            continue
        before = frozenset(one.uid for one in families[pod.owner.uid])
        workloads[pod.owner.uid] = Replacing(before, now, state.failures if state else 0)
        recent.append(now)
        evictions.append(pod)
    told = {pod.uid: memory.told[pod.uid] for pod in wanting if pod.uid in memory.told}
    reports = _reports(wanting, obstacles, told, now)
    told |= {report.pod.uid: (report.why, now) for report in reports}
    return Plan(
        reports,
        tuple(evictions),
        Counter((pod.namespace, not pod.against) for pod in wanting),
        Memory(workloads, tuple(recent), told),
    )


def not_evicted(memory: Memory, pod: Pod, why: str, now: float) -> Memory:
    """The memory when a planned eviction was refused: it is asked for again in a while."""
    assert pod.owner is not None
    state = memory.workloads.get(pod.owner.uid)
    waiting = LeftAlone(now + TRY_AGAIN, state.failures if state else 0, why)
    return replace(memory, workloads={**memory.workloads, pod.owner.uid: waiting})


def _reviewed(
    workloads: Mapping[str, State], families: Mapping[str, Sequence[Pod]], now: float
) -> Iterator[tuple[str, State]]:
    for uid, state in workloads.items():
        found = _review(state, families.get(uid, ()), now)
        if found is not None:
            yield uid, found


def _review(state: State, family: Sequence[Pod], now: float) -> State | None:
    """The state as the workload's pods show it; None when there is nothing to remember."""
    if not any(pod.unmeshed for pod in family) and isinstance(state, LeftAlone):
        return None
    if isinstance(state, LeftAlone):
        return state
    made = [pod for pod in family if pod.uid not in state.before]
    if any(pod.unmeshed for pod in made):
        return _failed(state, CAME_UNMESHED, now)
    if any(pod.ready for pod in made):
        return None
    if now - state.since >= REPLACED_WITHIN:
        return _failed(state, NOT_READY, now)
    return state


def _failed(state: Replacing, why: str, now: float) -> LeftAlone:
    failures = state.failures + 1
    if failures >= TRIES:
        return LeftAlone(math.inf, failures, GIVEN_UP)
    return LeftAlone(now + BACK_OFF * 2 ** (failures - 1), failures, why)


def _obstacle(pod: Pod, choice: Choice, workloads: Mapping[str, State], now: float) -> str:
    """Why this pod is not restarted, now or when its turn comes; empty when it is."""
    if pod.against:
        return pod.against
    if choice != "restart":
        return CREATED_WITHOUT
    if pod.owner is None:
        return BARE
    if pod.owner.kind not in REPLACING_KINDS:
        return JOB if pod.owner.kind == "Job" else BARE
    state = workloads.get(pod.owner.uid)
    return state.why if isinstance(state, LeftAlone) and now < state.until else ""


def _reports(
    wanting: Sequence[Pod],
    obstacles: Mapping[str, str],
    told: Mapping[str, tuple[str, float]],
    now: float,
) -> tuple[Report, ...]:
    due = []
    for pod in wanting:
        why = obstacles[pod.uid]
        said, when = told.get(pod.uid, ("", -math.inf))
        if why and (why != said or now - when >= REMIND):
            due.append(Report(pod, why))
    return tuple(due[:REPORTS])
