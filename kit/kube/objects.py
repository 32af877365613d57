"""Kubernetes objects as plain dicts: what they are called, and how to read them without surprises."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

Object = dict[str, Any]


class Key(NamedTuple):
    """What identifies an object among its kind. `namespace` is empty for cluster-scoped objects."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object and where the API keeps it. `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    older: tuple[str, ...] = ()
    """Versions with the same meaning that some clusters have instead."""

    def versions(self) -> "tuple[Resource, ...]":
        """This resource in every version that will do, the best first."""
        return tuple(replace(self, version=one, older=()) for one in (self.version, *self.older))

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """The URL path of all objects, of one namespace's, or of one object (or a subresource)."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace is not None and self.namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if sub:
            parts.append(sub)
        return "/".join(parts)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
EVENTS = Resource("", "v1", "events", "Event")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
CRON_JOBS = Resource("batch", "v1", "cronjobs", "CronJob")
JOBS = Resource("batch", "v1", "jobs", "Job")
TOKEN_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False
)
SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)

SERVICE_PROFILES = Resource("linkerd.io", "v1alpha2", "serviceprofiles", "ServiceProfile")
_POLICY = "policy.linkerd.io"
SERVERS = Resource(_POLICY, "v1beta3", "servers", "Server")
SERVER_AUTHORIZATIONS = Resource(_POLICY, "v1beta1", "serverauthorizations", "ServerAuthorization")
AUTHORIZATION_POLICIES = Resource(
    _POLICY, "v1alpha1", "authorizationpolicies", "AuthorizationPolicy"
)
MESH_TLS_AUTHENTICATIONS = Resource(
    _POLICY, "v1alpha1", "meshtlsauthentications", "MeshTLSAuthentication"
)
NETWORK_AUTHENTICATIONS = Resource(
    _POLICY, "v1alpha1", "networkauthentications", "NetworkAuthentication"
)
EGRESS_NETWORKS = Resource(_POLICY, "v1alpha1", "egressnetworks", "EgressNetwork")
RATE_LIMIT_POLICIES = Resource(
    _POLICY, "v1alpha1", "httplocalratelimitpolicies", "HTTPLocalRateLimitPolicy"
)
POLICY_HTTP_ROUTES = Resource(_POLICY, "v1beta3", "httproutes", "HTTPRoute")
_GATEWAY = "gateway.networking.k8s.io"
HTTP_ROUTES = Resource(_GATEWAY, "v1", "httproutes", "HTTPRoute", older=("v1beta1",))
GRPC_ROUTES = Resource(_GATEWAY, "v1", "grpcroutes", "GRPCRoute", older=("v1alpha2",))
TLS_ROUTES = Resource(_GATEWAY, "v1", "tlsroutes", "TLSRoute", older=("v1alpha3", "v1alpha2"))
TCP_ROUTES = Resource(_GATEWAY, "v1", "tcproutes", "TCPRoute", older=("v1alpha2",))
EXTERNAL_WORKLOADS = Resource(
    "workload.linkerd.io", "v1beta1", "externalworkloads", "ExternalWorkload", older=("v1alpha1",)
)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")


def key(obj: Mapping[str, Any]) -> Key:
    meta = metadata(obj)
    return Key(str(meta.get("namespace") or ""), str(meta.get("name") or ""))


def metadata(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(obj.get("metadata"))


def labels(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return mapping(metadata(obj).get("labels"))


def annotations(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return mapping(metadata(obj).get("annotations"))


def resource_version(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("resourceVersion") or "")


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: absent and null read alike."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def spec(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(obj.get("spec"))


def status(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(obj.get("status"))


def created(obj: Mapping[str, Any]) -> datetime | None:
    """`metadata.creationTimestamp`, or None when there is none to read."""
    text = metadata(obj).get("creationTimestamp")
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
