"""What the running sandbox is doing: read from /proc and, for pods, from its API server."""

import base64
import json
import os
import ssl
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import record
from sandbox.record import Daemon
from sandbox.settings import Settings

WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Pod:
    namespace: str
    name: str
    phase: str
    ready: int
    containers: int
    restarts: int


@dataclass(frozen=True, slots=True)
class Status:
    daemon: Daemon
    memory: int
    """Resident bytes of the daemon alone."""
    uptime: float
    pods: tuple[Pod, ...] | None
    """None when the API server did not answer."""


def read(chosen: Settings) -> Status | None:
    """None when no sandbox runs."""
    daemon = record.read_alive(chosen.record)
    if daemon is None:
        return None
    try:
        pods = tuple(pod_of(obj) for obj in _get(chosen.kubeconfig, "/api/v1/pods")["items"])
    except (OSError, ValueError, KeyError):
        pods = None
    return Status(daemon, resident(daemon.pid), time.time() - daemon.started_at, pods)


def resident(pid: int) -> int:
    """Resident memory in bytes; 0 when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in text.splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[:1] == ["VmRSS:"]), 0)


def pod_of(obj: dict[str, Any]) -> Pod:
    meta, found = obj["metadata"], obj.get("status") or {}
    statuses = found.get("containerStatuses") or []
    phase = "Terminating" if meta.get("deletionTimestamp") else str(found.get("phase", "Pending"))
    return Pod(
        meta["namespace"],
        meta["name"],
        phase,
        sum(bool(one.get("ready")) for one in statuses),
        len(obj["spec"]["containers"]),
        sum(int(one.get("restartCount") or 0) for one in statuses),
    )


def _get(kubeconfig: Path, path: str) -> dict[str, Any]:
    """One request as the admin. Raises OSError, ValueError, KeyError."""
    config = json.loads(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    _use_certificate(
        context,
        base64.b64decode(user["client-certificate-data"])
        + base64.b64decode(user["client-key-data"]),
    )
    # Whatever proxy the environment names is not for this host's own loopback.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(cluster["server"] + path, timeout=WITHIN) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _use_certificate(context: ssl.SSLContext, pem: bytes) -> None:
    """OpenSSL reads keys from files only; this one has no name and never touches a disk."""
    descriptor = os.memfd_create("client")
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
