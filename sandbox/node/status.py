"""A pod's status from the states of its containers. Pure.

The rules are the kubelet's: `getPhase` and the condition generators of pkg/kubelet/status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from sandbox.node.objects import Object, restart_policy, rfc3339, spec, status
from sandbox.node.resources import qos_class


@dataclass(frozen=True, slots=True)
class Waiting:
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    started_at: float


@dataclass(frozen=True, slots=True)
class Terminated:
    exit_code: int
    reason: str
    started_at: float
    finished_at: float
    container_id: str = ""
    message: str = ""


State: TypeAlias = Waiting | Running | Terminated
Role: TypeAlias = Literal["init", "sidecar", "main"]


@dataclass(frozen=True, slots=True)
class View:
    """One container as its status shows it."""

    name: str
    role: Role
    image: str
    state: State = field(default_factory=lambda: Waiting("ContainerCreating"))
    last: Terminated | None = None
    """How its previous life ended."""
    restarts: int = 0
    started: bool = False
    """Running, its postStart hook done and its startup probe passed."""
    ready: bool = False
    image_id: str = ""
    container_id: str = ""

    def initialized(self) -> bool:
        """For an init container: whether those after it may start."""
        if self.role == "sidecar":
            return self.started
        return isinstance(self.state, Terminated) and self.state.exit_code == 0


@dataclass(frozen=True, slots=True)
class Situation:
    """What the node knows of a pod beside its containers."""

    started_at: float
    host_ip: str
    pod_ip: str = ""
    settled: bool = False
    """Nothing runs any more and nothing will."""
    initialized: bool = False
    """Every init container has done its part once."""
    reason: str = ""
    message: str = ""
    failed: bool = False
    """Failed whatever the containers say (evicted, deadline exceeded)."""


def pod_status(pod: Object, views: Sequence[View], situation: Situation, now: float) -> Object:
    """The whole status; conditions of others and the times of unchanged ones are kept."""
    phase = phase_of(pod, views, situation)
    initial = [one for one in views if one.role != "main"]
    main = [one for one in views if one.role == "main"]
    found: Object = {
        "phase": phase,
        "conditions": _conditions(pod, views, situation, phase, now),
        "hostIP": situation.host_ip,
        "hostIPs": [{"ip": situation.host_ip}],
        "startTime": rfc3339(situation.started_at),
        "qosClass": qos_class(pod),
        "observedGeneration": pod.get("metadata", {}).get("generation", 1),
        "containerStatuses": [container_status(one, situation) for one in main],
    }
    if initial:
        found["initContainerStatuses"] = [container_status(one, situation) for one in initial]
    if situation.pod_ip:
        found |= {"podIP": situation.pod_ip, "podIPs": [{"ip": situation.pod_ip}]}
    if situation.reason:
        found["reason"] = situation.reason
    if situation.message:
        found["message"] = situation.message
    return found


def phase_of(pod: Object, views: Sequence[View], situation: Situation) -> str:
    policy = restart_policy(pod)
    if situation.failed:
        return "Failed" if situation.settled else "Running"
    for one in views:
        ended = isinstance(one.state, Terminated) and one.state.exit_code != 0
        if one.role == "init" and ended and policy == "Never":
            return "Failed" if situation.settled else "Pending"
    main = [one for one in views if one.role == "main"]
    if not situation.initialized or any(_never_ran(one) for one in main):
        return "Pending"
    if any(not isinstance(one.state, Terminated) for one in main) or policy == "Always":
        return "Running"
    if all(isinstance(one.state, Terminated) and one.state.exit_code == 0 for one in main):
        return "Succeeded" if situation.settled else "Running"
    if policy == "Never":
        return "Failed" if situation.settled else "Running"
    return "Running"


def container_status(view: View, situation: Situation) -> Object:
    state = view.state
    untouched = view.role == "main" and state == Waiting("ContainerCreating")
    if untouched and situation.pod_ip and not situation.initialized:
        state = Waiting("PodInitializing")
    found: Object = {
        "name": view.name,
        "state": _state(state),
        "lastState": _state(view.last) if view.last else {},
        "ready": _is_ready(view),
        "restartCount": view.restarts,
        "image": view.image,
        "imageID": view.image_id,
        "started": view.started,
    }
    if view.container_id:
        found["containerID"] = view.container_id
    return found


def _conditions(
    pod: Object, views: Sequence[View], situation: Situation, phase: str, now: float
) -> list[Object]:
    initialized = _initialized(views, situation, phase)
    containers_ready = _containers_ready(views, phase)
    ours = [
        _Condition("PodReadyToStartContainers", bool(situation.pod_ip) and not situation.settled),
        initialized,
        _gated(pod, containers_ready),
        containers_ready,
        _Condition("PodScheduled", True),
    ]
    before = {one.get("type"): one for one in status(pod).get("conditions") or ()}
    rendered = [one.render(before.get(one.kind), now) for one in ours]
    names = {one.kind for one in ours}
    return rendered + [one for kind, one in before.items() if kind not in names]


@dataclass(frozen=True, slots=True)
class _Condition:
    kind: str
    holds: bool
    reason: str = ""
    message: str = ""

    def render(self, before: Mapping[str, Any] | None, now: float) -> Object:
        value = "True" if self.holds else "False"
        unchanged = before and before.get("status") == value
        since = (before or {}).get("lastTransitionTime") if unchanged else None
        found: Object = {
            "type": self.kind,
            "status": value,
            "lastProbeTime": None,
            "lastTransitionTime": since or rfc3339(now),
        }
        if self.reason:
            found["reason"] = self.reason
        if self.message:
            found["message"] = self.message
        return found


def _initialized(views: Sequence[View], situation: Situation, phase: str) -> _Condition:
    if phase == "Succeeded":
        return _Condition("Initialized", True, "PodCompleted")
    missing = [
        one.name
        for one in views
        if one.role != "main" and not situation.initialized and not one.initialized()
    ]
    if missing:
        return _Condition(
            "Initialized",
            False,
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(missing)}]",
        )
    return _Condition("Initialized", True)


def _containers_ready(views: Sequence[View], phase: str) -> _Condition:
    if phase == "Succeeded":
        return _Condition("ContainersReady", False, "PodCompleted")
    if phase == "Failed":
        return _Condition("ContainersReady", False, "PodFailed")
    unready = [one.name for one in views if one.role != "init" and not _is_ready(one)]
    if unready:
        return _Condition(
            "ContainersReady",
            False,
            "ContainersNotReady",
            f"containers with unready status: [{' '.join(unready)}]",
        )
    return _Condition("ContainersReady", True)


def _gated(pod: Object, containers_ready: _Condition) -> _Condition:
    """The pod is Ready when its containers are and every readiness gate says True."""
    if not containers_ready.holds:
        return replace(containers_ready, kind="Ready")
    given = {one.get("type"): one.get("status") for one in status(pod).get("conditions") or ()}
    gates = [str(one.get("conditionType")) for one in spec(pod).get("readinessGates") or ()]
    closed = [gate for gate in gates if given.get(gate) != "True"]
    if closed:
        message = "; ".join(
            f'corresponding condition of pod readiness gate "{one}" does not exist.'
            if one not in given
            else f'the status of pod readiness gate "{one}" is not "True", but {given[one]}'
            for one in closed
        )
        return _Condition("Ready", False, "ReadinessGatesNotReady", message)
    return _Condition("Ready", True)


def _is_ready(view: View) -> bool:
    return view.initialized() if view.role == "init" else view.ready


def _never_ran(view: View) -> bool:
    return isinstance(view.state, Waiting) and view.last is None


def _state(state: State) -> Object:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        case Running(started_at):
            return {"running": {"startedAt": rfc3339(started_at)}}
        case Terminated():
            found: Object = {
                "exitCode": state.exit_code,
                "reason": state.reason,
                "startedAt": rfc3339(state.started_at),
                "finishedAt": rfc3339(state.finished_at),
            }
            if state.container_id:
                found["containerID"] = state.container_id
            if state.message:
                found["message"] = state.message
            return {"terminated": found}
