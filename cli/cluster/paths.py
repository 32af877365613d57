"""The REST paths of the resources the CLI reads."""

from dataclasses import dataclass

from cli.cluster.client import Cluster, Json, segment
from cli.cluster.errors import NotFound

VERSION = "/version"


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object: where its collection is."""

    prefix: str
    """`/api/v1` or `/apis/<group>/<version>`."""
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The path of a collection, or of one object."""
        parts = [self.prefix]
        if namespace is not None:
            parts += ["namespaces", segment(namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(segment(name))
        return "/".join(parts)


NAMESPACES = Resource("/api/v1", "namespaces")
NODES = Resource("/api/v1", "nodes")
PODS = Resource("/api/v1", "pods")
SERVICES = Resource("/api/v1", "services")
CONFIG_MAPS = Resource("/api/v1", "configmaps")
SECRETS = Resource("/api/v1", "secrets")
SERVICE_ACCOUNTS = Resource("/api/v1", "serviceaccounts")
DEPLOYMENTS = Resource("/apis/apps/v1", "deployments")
REPLICA_SETS = Resource("/apis/apps/v1", "replicasets")
JOBS = Resource("/apis/batch/v1", "jobs")
CLUSTER_ROLES = Resource("/apis/rbac.authorization.k8s.io/v1", "clusterroles")
CLUSTER_ROLE_BINDINGS = Resource("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings")
DEFINITIONS = Resource("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions")
MUTATING_WEBHOOKS = Resource(
    "/apis/admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"
)
VALIDATING_WEBHOOKS = Resource(
    "/apis/admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"
)
ACCESS_REVIEWS = Resource("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews")


def find(
    cluster: Cluster, resource: Resource, name: str, namespace: str | None = None
) -> Json | None:
    """One object, or None when it does not exist. Raises ClusterError for anything else."""
    try:
        return cluster.get(resource.path(namespace, name))
    except NotFound:
        return None


def items(
    cluster: Cluster, resource: Resource, namespace: str | None = None, selector: str = ""
) -> list[Json]:
    """The objects of a collection, all pages of it. Raises ClusterError."""
    query = {"limit": "500"}
    if selector:
        query["labelSelector"] = selector
    found: list[Json] = []
    while True:
        page = cluster.get(resource.path(namespace), **query)
        found += page.get("items") or []
        following = (page.get("metadata") or {}).get("continue")
        if not following:
            return found
        query["continue"] = following
