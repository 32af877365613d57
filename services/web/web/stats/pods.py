"""What a pod says about itself: is it meshed, where is its proxy's admin port, how is it doing."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from kit.kube.objects import mapping, metadata, sequence, spec, status
from weft import ports
from weft.labels import PROXY_VERSION_STAMP

PROXY_CONTAINER = "linkerd-proxy"
ADMIN_PORT_NAME = "linkerd-admin"
DONE = ("Succeeded", "Failed")


def address(pod: Mapping[str, Any]) -> str:
    """The pod's IP address, empty while it has none."""
    return str(status(pod).get("podIP") or "")


def phase(pod: Mapping[str, Any]) -> str:
    return str(status(pod).get("phase") or "Unknown")


def admin_port(pod: Mapping[str, Any]) -> int:
    """Where the proxy serves its metrics: the port its container declares, else the usual one."""
    for container in _containers(pod):
        if container.get("name") == PROXY_CONTAINER:
            for port in sequence(container.get("ports")):
                if mapping(port).get("name") == ADMIN_PORT_NAME:
                    number = mapping(port).get("containerPort")
                    return number if isinstance(number, int) else ports.ADMIN
    return ports.ADMIN


def has_proxy(pod: Mapping[str, Any]) -> bool:
    return any(container.get("name") == PROXY_CONTAINER for container in _containers(pod))


def service_account(pod: Mapping[str, Any]) -> str:
    return str(spec(pod).get("serviceAccountName") or "default")


def is_ready(pod: Mapping[str, Any]) -> bool:
    return _ready_condition(pod).get("status") == "True"


def readiness_changed(pod: Mapping[str, Any]) -> float | None:
    """Epoch seconds since when it is ready, or is not."""
    return _moment(_ready_condition(pod).get("lastTransitionTime"))


def restarts(pod: Mapping[str, Any]) -> int:
    """Of all its containers."""
    return sum(
        int(mapping(one).get("restartCount") or 0)
        for field in ("initContainerStatuses", "containerStatuses")
        for one in sequence(status(pod).get(field))
    )


def started(pod: Mapping[str, Any]) -> float | None:
    """Epoch seconds."""
    return _moment(status(pod).get("startTime"))


def images(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """Of the containers that are not the mesh's."""
    return tuple(
        str(mapping(one).get("image") or "")
        for one in sequence(spec(pod).get("containers"))
        if mapping(one).get("name") != PROXY_CONTAINER
    )


def proxy_version(pod: Mapping[str, Any]) -> str:
    """What the injector wrote; empty for pods without a proxy."""
    return str(mapping(metadata(pod).get("annotations")).get(PROXY_VERSION_STAMP) or "")


def _ready_condition(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    for condition in sequence(status(pod).get("conditions")):
        if mapping(condition).get("type") == "Ready":
            return mapping(condition)
    return {}


def _moment(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else None
    except ValueError:
        return None


def displayed_status(pod: Mapping[str, Any]) -> str:
    """The STATUS column of `kubectl get pods`: a container's trouble speaks louder than the phase."""
    found = str(status(pod).get("reason") or phase(pod))
    trouble = _init_trouble(pod) or _trouble(pod)
    if trouble and found != "Evicted":
        found = trouble
    if metadata(pod).get("deletionTimestamp"):
        return "Unknown" if status(pod).get("reason") == "NodeLost" else "Terminating"
    return found


def _init_trouble(pod: Mapping[str, Any]) -> str:
    sidecars = {
        container.get("name")
        for container in sequence(spec(pod).get("initContainers"))
        if mapping(container).get("restartPolicy") == "Always"
    }
    statuses = sequence(status(pod).get("initContainerStatuses"))
    for index, one in enumerate(statuses):
        state = mapping(mapping(one).get("state"))
        terminated = mapping(state.get("terminated"))
        if terminated and terminated.get("exitCode") == 0:
            continue
        if mapping(one).get("name") in sidecars and mapping(one).get("started"):
            continue
        why = _reason(terminated) if terminated else str(_waiting(state).get("reason") or "")
        if why and why != "PodInitializing":
            return f"Init:{why}"
        return f"Init:{index}/{len(sequence(spec(pod).get('initContainers'))) or len(statuses)}"
    return ""


def _trouble(pod: Mapping[str, Any]) -> str:
    for one in reversed(sequence(status(pod).get("containerStatuses"))):
        state = mapping(mapping(one).get("state"))
        if reason := _waiting(state).get("reason"):
            return str(reason)
        if terminated := mapping(state.get("terminated")):
            return _reason(terminated)
    return ""


def _waiting(state: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(state.get("waiting"))


def _reason(terminated: Mapping[str, Any]) -> str:
    if reason := terminated.get("reason"):
        return str(reason)
    if signal := terminated.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _containers(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field in ("initContainers", "containers"):
        for container in sequence(spec(pod).get(field)):
            yield mapping(container)
