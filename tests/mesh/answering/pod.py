"""The pods: their code comes from a ConfigMap; answers come back by `kubectl exec`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.mesh.workloads import HTTP_PORT, NAMESPACE, pod_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.mesh.cluster import Cluster, Json

CODE = "answering"
GRPC_PORT = 8081
NOTICED = 30.0
"""Seconds until a kind that was just installed is watched, and what is in it known everywhere."""


class Answer(NamedTuple):
    """An HTTP status (0: there was none) or the name of a gRPC status."""

    status: int | str
    said: str
    error: str
    """What the proxy says went wrong."""


def code() -> Json:
    """What all pods run."""
    here = Path(__file__).parent
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CODE, "namespace": NAMESPACE},
        "data": {name: (here / name).read_text() for name in ("program.py", "ask.py")},
    }


def application(name: str, *, flaky: bool = False) -> list[Json]:
    """A deployment of one pod that says its name, and its Service."""
    template = _template(name, "program.py")
    container = template["spec"]["containers"][0]
    container["env"] = [
        {"name": "NAME", "value": name},
        {"name": "FLAKY", "value": "1" if flaky else "0"},
    ]
    container["ports"] = [{"name": "http", "containerPort": HTTP_PORT}]
    container["readinessProbe"] = {"tcpSocket": {"port": HTTP_PORT}, "periodSeconds": 1}
    ports = [
        {"name": "http", "port": 80, "targetPort": HTTP_PORT},
        {"name": "grpc", "port": GRPC_PORT, "targetPort": GRPC_PORT},
    ]
    return [
        _deployment(name, template),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"selector": {"app": name}, "ports": ports},
        },
    ]


def asker(name: str, annotations: Mapping[str, str] | None = None) -> list[Json]:
    """A deployment of one pod that waits to be told whom to ask, with an identity of its own."""
    template = _template(name, "")
    template["metadata"].setdefault("annotations", {}).update(annotations or {})
    template["spec"]["containers"][0]["command"] = [
        "/usr/bin/python3",
        "-c",
        "import time; time.sleep(1e6)",
    ]
    template["spec"]["serviceAccountName"] = name
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": NAMESPACE},
    }
    return [account, _deployment(name, template)]


def ask(
    cluster: Cluster, who: str, kind: str, target: str, times: int = 1, *, header: str = ""
) -> list[Answer]:
    """`kind` is http or grpc; `header` is NAME=VALUE. Raises StepFailed when the pod could not ask."""
    said = cluster.kubectl(
        "exec",
        "-n",
        NAMESPACE,
        f"deploy/{who}",
        "-c",
        who,
        "--",
        "/usr/bin/python3",
        "/code/ask.py",
        kind,
        target,
        str(times),
        *([header] if header else []),
    )
    return [Answer(*one) for one in json.loads(said)]


def await_answer(
    cluster: Cluster,
    what: str,
    right: Callable[[Answer], bool],
    *question: str,
    who: str = "caller",
    header: str = "",
) -> None:
    """Returns when an answer is right: what was applied has reached the proxy."""
    kind, target = question
    cluster.terminal.wait_until(
        what,
        lambda: right(ask(cluster, who, kind, target, header=header)[0]),
        seconds=NOTICED,
        every=0.2,
    )


def _template(name: str, program: str) -> Json:
    template = pod_template(name, ("/usr/bin/python3", f"/code/{program}"), {})
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "code", "mountPath": "/code"}]
    template["spec"]["volumes"] = [{"name": "code", "configMap": {"name": CODE}}]
    assert isinstance(template, dict)
    return template


def _deployment(name: str, template: Json) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    }
