"""The suite's own namespace: pods of the application's image that need no program of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.images.catalogue import REGISTRY
from weft import labels
from weft.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.mesh.cluster import Cluster, Json

NAMESPACE = "weft-mesh-test"
IMAGE = f"{REGISTRY}/emojivoto:{VERSION}"
HTTP_PORT = 8080
HTTP_SERVER = ("/usr/bin/python3", "-m", "http.server", str(HTTP_PORT), "--directory", "/tmp")


def create_namespace(cluster: Cluster) -> None:
    """Everything in it is injected."""
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": NAMESPACE,
                "annotations": {labels.INJECT: labels.INJECT_ENABLED},
            },
        }
    )


def delete_namespace(cluster: Cluster, *, wait: bool) -> None:
    cluster.kubectl(
        "delete", "namespace", NAMESPACE, "--ignore-not-found", f"--wait={wait}", "--timeout=90s"
    )


def http_server(name: str, annotations: Mapping[str, str] | None = None) -> Json:
    """A deployment of one plain HTTP server, that shows an empty folder."""
    template = pod_template(name, HTTP_SERVER, annotations or {})
    template["spec"]["containers"][0] |= {
        "ports": [{"containerPort": HTTP_PORT}],
        "readinessProbe": {"tcpSocket": {"port": HTTP_PORT}, "periodSeconds": 1},
    }
    return deployment(name, template)


def deployment(name: str, template: Any) -> Json:
    """One pod of a template whose label `app` is the name."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": template,
        },
    }


def python(program: str, *arguments: str) -> tuple[str, ...]:
    """A command that runs a program given as text."""
    return ("/usr/bin/python3", "-c", program, *arguments)


def service(
    name: str,
    selects: str,
    *,
    target: int = HTTP_PORT,
    annotations: Mapping[str, str] | None = None,
) -> Json:
    """Port 80 of the pods of a deployment."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "annotations": dict(annotations or {}),
        },
        "spec": {
            "selector": {"app": selects},
            "ports": [{"name": "http", "port": 80, "targetPort": target}],
        },
    }


def pod_template(name: str, command: Sequence[str], annotations: Mapping[str, str]) -> Any:
    container = {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
    }
    return {
        "metadata": {"labels": {"app": name}, "annotations": dict(annotations)},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 2},
    }
