"""Routes as tests write them."""

from typing import Any

from kit.kube.objects import (
    GRPC_ROUTES,
    HTTP_ROUTES,
    POLICY_HTTP_ROUTES,
    TCP_ROUTES,
    TLS_ROUTES,
    Object,
    Resource,
)

KINDS: dict[str, Resource] = {
    "HTTPRoute": HTTP_ROUTES,
    "PolicyHTTPRoute": POLICY_HTTP_ROUTES,
    "GRPCRoute": GRPC_ROUTES,
    "TLSRoute": TLS_ROUTES,
    "TCPRoute": TCP_ROUTES,
}

WEB: Object = {"group": "core", "kind": "Service", "name": "web", "port": 80}
"""The Service of `cluster.BASIC`, as a parent."""


def route(
    kind: str,
    name: str,
    *rules: Object,
    parent: Object | None = None,
    parents: list[Object] | None = None,
    namespace: str = "ns",
    created: str = "",
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    resource = KINDS[kind]
    meta = {"name": name, "namespace": namespace, "annotations": annotations or {}}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": meta | ({"creationTimestamp": created} if created else {}),
        "spec": {"parentRefs": parents or [parent or WEB], "rules": list(rules), **spec},
    }


def to(*names: str, port: int = 80, **more: Any) -> Object:
    """A rule that sends to Services by equal weight."""
    return {"backendRefs": [{"name": name, "port": port} for name in names], **more}


def egress(name: str = "out", policy: str = "Deny", namespace: str = "ns", **more: Any) -> Object:
    created = more.pop("created", "")
    return {
        "kind": "EgressNetwork",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": created},
        "spec": {"trafficPolicy": policy, **more},
    }
