"""The collector's pod: its code comes from a ConfigMap, what it collected from its log."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.mesh.workloads import NAMESPACE, pod_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.mesh.cluster import Cluster, Json

NAME = "collector"
PORT = 4317
ENDPOINT = f"{NAME}.{NAMESPACE}.svc.cluster.local:{PORT}"


@dataclass(frozen=True, slots=True)
class Collected:
    """A span with what its process says of itself. Ids are hexadecimal, `kind` is OTLP's number."""

    trace: str
    span: str
    parent: str
    name: str
    kind: int
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]


def objects() -> list[Json]:
    """The collector, its Service and its identity."""
    template = pod_template(NAME, ("/usr/bin/python3", "/code/program.py"), {})
    template["spec"]["serviceAccountName"] = NAME
    container = template["spec"]["containers"][0]
    container["ports"] = [{"name": "grpc", "containerPort": PORT}]
    container["readinessProbe"] = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    container["volumeMounts"] = [{"name": "code", "mountPath": "/code"}]
    template["spec"]["volumes"] = [{"name": "code", "configMap": {"name": NAME}}]
    meta = {"name": NAME, "namespace": NAMESPACE}
    program = Path(__file__).with_name("program.py").read_text()
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": meta,
            "data": {"program.py": program},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {
                "selector": {"app": NAME},
                "ports": [{"name": "grpc", "port": PORT, "appProtocol": "kubernetes.io/h2c"}],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"selector": {"matchLabels": {"app": NAME}}, "template": template},
        },
    ]


def collected(cluster: Cluster) -> list[Collected]:
    """Every span so far."""
    log = cluster.kubectl("logs", "-n", NAMESPACE, f"deploy/{NAME}", "-c", NAME)
    found = []
    for line in log.splitlines():
        request = ExportTraceServiceRequest.FromString(base64.b64decode(line))
        for process in request.resource_spans:
            resource = _values(process.resource.attributes)
            for scope in process.scope_spans:
                found += [_collected(span, resource) for span in scope.spans]
    return found


def _collected(span: Any, resource: Mapping[str, Any]) -> Collected:
    return Collected(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.kind,
        _values(span.attributes),
        resource,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
