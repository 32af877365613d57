"""Policy resources as people write them."""

from typing import Any

from kit.kube import objects
from kit.kube.objects import Object, Resource

KINDS: dict[str, Resource] = {
    one.kind: one
    for one in (
        objects.SERVERS,
        objects.SERVER_AUTHORIZATIONS,
        objects.AUTHORIZATION_POLICIES,
        objects.MESH_TLS_AUTHENTICATIONS,
        objects.NETWORK_AUTHENTICATIONS,
        objects.RATE_LIMIT_POLICIES,
        objects.EGRESS_NETWORKS,
        objects.EXTERNAL_WORKLOADS,
        objects.SERVICE_PROFILES,
        objects.HTTP_ROUTES,
        objects.GRPC_ROUTES,
        objects.TLS_ROUTES,
        objects.TCP_ROUTES,
    )
} | {"PolicyHTTPRoute": objects.POLICY_HTTP_ROUTES}


def resource(
    kind: str, spec: Any, name: str = "it", annotations: dict[str, str] | None = None
) -> Object:
    """In namespace `shop`."""
    found = KINDS[kind]
    meta = {"name": name, "namespace": "shop", "annotations": annotations or {}}
    return {"apiVersion": found.api_version, "kind": found.kind, "metadata": meta, "spec": spec}


SERVER = {"podSelector": {"matchLabels": {"app": "web"}}, "port": "http"}
ON_SERVER = {"group": "policy.linkerd.io", "kind": "Server", "name": "web"}
ON_SERVICE = {"group": "core", "kind": "Service", "name": "web", "port": 80}
ON_GATEWAY = {"name": "public"}
ON_EGRESS = {"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": "out"}


MACHINE = {
    "meshTLS": {"identity": "spiffe://machines.test/vm-1", "serverName": "vm-1.machines.test"},
    "ports": [{"name": "http", "port": 8080}],
    "workloadIPs": [{"ip": "192.168.9.1"}],
}


def policy(*required: Object, **target: Any) -> Object:
    """The spec of an AuthorizationPolicy."""
    return {"targetRef": target or ON_SERVER, "requiredAuthenticationRefs": list(required)}


def profile(**route: Any) -> Object:
    """The spec of a ServiceProfile with one route."""
    return {"routes": [{"name": "r", "condition": {"method": "GET"}, **route}]}


def rules(*made: Object, parent: Object = ON_SERVICE, **spec: Any) -> Object:
    """The spec of a route."""
    return {"parentRefs": [parent], "rules": list(made), **spec}
