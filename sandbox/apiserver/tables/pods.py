"""The rows of `kubectl get pods`: READY, STATUS, RESTARTS as `printers/internalversion` computes them."""

from dataclasses import dataclass
from datetime import datetime

from sandbox.apiserver.objects import Obj, condition, dig, is_deleting, spec_of, status_of
from sandbox.apiserver.tables import ages
from sandbox.apiserver.tables.columns import AGE, NAME, NONE, Column

TERMINAL = ("Succeeded", "Failed")


@dataclass(slots=True)
class Summary:
    ready: int = 0
    total: int = 0
    status: str = ""
    restarts: int = 0
    last_restart: str = ""


def summary(pod: Obj) -> Summary:
    """What the READY, STATUS and RESTARTS columns say."""
    spec, status = spec_of(pod), status_of(pod)
    result = Summary(total=len(spec.get("containers") or []))
    result.status = status.get("reason") or status.get("phase") or "Unknown"
    scheduled = condition(pod, "PodScheduled")
    if scheduled and scheduled.get("reason") == "SchedulingGated":
        result.status = "SchedulingGated"
    initializing = _init_containers(result, spec, status)
    initialized = condition(pod, "Initialized")
    if not initializing or (initialized is not None and initialized.get("status") == "True"):
        _containers(result, pod)
    if is_deleting(pod):
        if status.get("reason") == "NodeLost":
            result.status = "Unknown"
        elif status.get("phase") not in TERMINAL:
            result.status = "Terminating"
    return result


def _init_containers(result: Summary, spec: Obj, status: Obj) -> bool:
    """Counts init containers and sidecars; True while the pod is still initializing."""
    declared = spec.get("initContainers") or []
    sidecars = {one["name"] for one in declared if one.get("restartPolicy") == "Always"}
    result.total += len(sidecars)
    all_restarts = sidecar_restarts = 0
    blocked = ""
    for at, one in enumerate(status.get("initContainerStatuses") or []):
        all_restarts += one.get("restartCount", 0)
        _note_restart(result, one)
        sidecar = one.get("name") in sidecars
        if sidecar:
            sidecar_restarts += one.get("restartCount", 0)
        state = one.get("state") or {}
        ended = state.get("terminated")
        if ended and ended.get("exitCode") == 0:
            continue
        if sidecar and one.get("started"):
            result.ready += bool(one.get("ready"))
            continue
        if blocked:
            continue
        waiting = (state.get("waiting") or {}).get("reason")
        if ended:
            blocked = "Init:" + (ended.get("reason") or _end(ended))
        elif waiting and waiting != "PodInitializing":
            blocked = f"Init:{waiting}"
        else:
            blocked = f"Init:{at}/{len(declared)}"
    if blocked:
        result.status, result.restarts = blocked, all_restarts
        return True
    result.restarts = sidecar_restarts
    return False


def _containers(result: Summary, pod: Obj) -> None:
    running = False
    for one in reversed(status_of(pod).get("containerStatuses") or []):
        result.restarts += one.get("restartCount", 0)
        _note_restart(result, one)
        state = one.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            result.status = waiting["reason"]
        elif ended is not None:
            result.status = ended.get("reason") or _end(ended)
        elif one.get("ready") and "running" in state:
            running = True
            result.ready += 1
    if result.status == "Completed" and running:
        ready = condition(pod, "Ready")
        result.status = "Running" if ready and ready.get("status") == "True" else "NotReady"


def _end(ended: Obj) -> str:
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return f"ExitCode:{ended.get('exitCode', 0)}"


def _note_restart(result: Summary, one: Obj) -> None:
    finished = dig(one, "lastState", "terminated", "finishedAt")
    if finished and finished > result.last_restart:
        result.last_restart = finished


def _ready(pod: Obj, _: datetime) -> str:
    found = summary(pod)
    return f"{found.ready}/{found.total}"


def _restarts(pod: Obj, now: datetime) -> str:
    found = summary(pod)
    if found.restarts and found.last_restart:
        return f"{found.restarts} ({ages.since(found.last_restart, now)} ago)"
    return str(found.restarts)


def _gates(pod: Obj, _: datetime) -> str:
    gates = spec_of(pod).get("readinessGates") or []
    if not gates:
        return NONE
    held = [condition(pod, gate["conditionType"]) for gate in gates]
    return f"{sum(1 for one in held if one and one.get('status') == 'True')}/{len(gates)}"


def _address(pod: Obj, _: datetime) -> str:
    return str(status_of(pod).get("podIP") or dig(pod, "status", "podIPs", 0, "ip") or NONE)


COLUMNS = (
    NAME,
    Column("Ready", _ready),
    Column("Status", lambda pod, _: summary(pod).status),
    Column("Restarts", _restarts),
    AGE,
    Column("IP", _address, wide=True),
    Column("Node", lambda pod, _: spec_of(pod).get("nodeName") or NONE, wide=True),
    Column(
        "Nominated Node", lambda pod, _: status_of(pod).get("nominatedNodeName") or NONE, wide=True
    ),
    Column("Readiness Gates", _gates, wide=True),
)
