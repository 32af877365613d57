"""Reading pods and their neighbours: plain JSON mappings, never mutated in place."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]


def metadata(obj: Mapping[str, Any]) -> Object:
    return obj.get("metadata") or {}


def name(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("name", ""))


def namespace(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("namespace") or "")


def uid(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("uid", ""))


def deleting(obj: Mapping[str, Any]) -> bool:
    return metadata(obj).get("deletionTimestamp") is not None


def spec(obj: Mapping[str, Any]) -> Object:
    return obj.get("spec") or {}


def status(obj: Mapping[str, Any]) -> Object:
    return obj.get("status") or {}


def containers(pod: Mapping[str, Any]) -> list[Object]:
    return list(spec(pod).get("containers") or ())


def init_containers(pod: Mapping[str, Any]) -> list[Object]:
    return list(spec(pod).get("initContainers") or ())


def is_sidecar(init_container: Mapping[str, Any]) -> bool:
    """Whether this init container is a native sidecar: kept running beside the application."""
    return init_container.get("restartPolicy") == "Always"


def restart_policy(pod: Mapping[str, Any]) -> str:
    return str(spec(pod).get("restartPolicy") or "Always")


def host_network(pod: Mapping[str, Any]) -> bool:
    return bool(spec(pod).get("hostNetwork"))


def service_account(pod: Mapping[str, Any]) -> str:
    return str(spec(pod).get("serviceAccountName") or "default")


def grace_period(pod: Mapping[str, Any]) -> float:
    """Seconds a pod has between SIGTERM and SIGKILL; a deletion's own period wins."""
    asked = metadata(pod).get("deletionGracePeriodSeconds")
    if asked is None:
        asked = spec(pod).get("terminationGracePeriodSeconds")
    return 30.0 if asked is None else float(asked)


def terminal(pod: Mapping[str, Any]) -> bool:
    return status(pod).get("phase") in ("Succeeded", "Failed")


def rfc3339(at: float) -> str:
    """Seconds since the epoch as Kubernetes writes times: `2026-01-02T03:04:05Z`."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(at: float) -> str:
    """The same with six digits of a second (MicroTime)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> float:
    """RFC 3339 with or without a fraction, as seconds since the epoch. Raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
