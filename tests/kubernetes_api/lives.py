"""What happens by itself after a write, in the order in which a watch tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from deploy.images.catalogue import REGISTRY
from weft.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.kubernetes_api.api import Api

Json = dict[str, Any]
T = TypeVar("T")

PYTHON = f"{REGISTRY}/emojivoto:{VERSION}"
"""An image that every test cluster has, with Python in it and no shell."""
PATIENCE = 45


def since(api: Api, plural: str) -> str:
    """The moment from which `follow` tells."""
    return api.quietly("GET", plural).version


def follow(api: Api, path: str, version: str, until: Callable[[Json], bool]) -> list[Json]:
    """Every state of the objects since a version, a deletion's as the last; returns with the first
    for which `until` holds. Raises AssertionError with what was seen when it never does."""
    seen = []
    query = {"resourceVersion": version, "timeoutSeconds": str(PATIENCE)}
    with api.watch(path, **query) as events:
        for event in events:
            found = {**event["object"], "event": event["type"]}
            seen.append(found)
            if until(found):
                return seen
    raise AssertionError(f"after {PATIENCE} s not there yet: {[_short(one) for one in seen]}")


def changes(states: Iterable[T]) -> list[T]:
    """Each state once until it changes."""
    found: list[T] = []
    for one in states:
        if not found or found[-1] != one:
            found.append(one)
    return found


def phases(pods: Iterable[Json]) -> list[str]:
    return changes(one["status"]["phase"] for one in pods)


def states(pods: Iterable[Json], container: str) -> list[str]:
    """`waiting`, `running`, or how it terminated: `terminated 3 Error`."""
    return changes(said for one in pods if (said := state(one, container)))


def state(pod: Json, container: str) -> str:
    for status in statuses(pod):
        if status["name"] == container:
            (kind, what), *_ = (status.get("state") or {"waiting": {}}).items()
            if kind == "terminated":
                return f"terminated {what['exitCode']} {what['reason']}"
            return str(kind)
    return ""


def statuses(pod: Json) -> list[Json]:
    status = pod["status"]
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def conditions(found: Json) -> Mapping[str, str]:
    """`True`, or `False Reason`, by type."""
    return {
        one["type"]: " ".join((one["status"], one.get("reason", ""))).strip()
        for one in found["status"].get("conditions", [])
    }


def is_ready(pod: Json) -> bool:
    return conditions(pod).get("Ready", "").startswith("True")


def is_over(pod: Json) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def is_gone(found: Json) -> bool:
    return bool(found["event"] == "DELETED")


def runs(name: str, script: str, **more: Any) -> Json:
    """A container that runs a Python script, with `os`, `signal`, `sys` and `time` at hand."""
    return {
        "name": name,
        "image": PYTHON,
        "imagePullPolicy": "IfNotPresent",
        "command": _python(script),
        **more,
    }


def asks(script: str, **more: Any) -> Json:
    """A probe that runs a Python expression, and succeeds when it is true."""
    command = _python(f"sys.exit(not ({script}))")
    return {"exec": {"command": command}, "periodSeconds": 1, "timeoutSeconds": 10, **more}


def hook(script: str, when: str = "preStop") -> Json:
    """A lifecycle hook that runs a Python script: before the end, or at another time."""
    return {when: {"exec": {"command": _python(script)}}}


FOR_EVER = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); signal.pause()"
"""Ends when told."""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
"""Does not end when told."""


def _python(script: str) -> list[str]:
    return ["/usr/bin/python3", "-c", f"import os, signal, sys, time\n{script}"]


def pod(name: str, *containers: Json, **spec: Any) -> Json:
    """Runs at once, and may be killed after a second."""
    return {
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 1, **spec},
    }


def serving(name: str = "app", **more: Any) -> Json:
    """A container that answers HTTP on 8080, and ends when told."""
    return {
        "name": name,
        "image": PYTHON,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/usr/bin/python3", "-c", _SERVER],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        **more,
    }


_SERVER = """\
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("", 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def _short(found: Json) -> str:
    status = found.get("status", {})
    return f"{found['event']} {found['metadata']['name']} {status.get('phase', '')} {conditions(found) if status else ''}"
