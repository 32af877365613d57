"""The kinds of objects an installation may be made of, now or in an earlier version, and where they are.

The order is that of deleting: webhooks first, so that no pod is sent to a webhook that is being deleted;
definitions late, because their resources go with them; the namespace last.
"""

from dataclasses import dataclass

from cli.cluster.paths import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    DEFINITIONS,
    DEPLOYMENTS,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    VALIDATING_WEBHOOKS,
    Resource,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    api_version: str
    name: str
    resource: Resource
    namespaced: bool
    everywhere: bool = False
    """Namespaced, and the installation may have some outside its own namespace."""


_RBAC = "rbac.authorization.k8s.io/v1"
_ADMISSION = "admissionregistration.k8s.io/v1"

API_SERVICES = Resource("/apis/apiregistration.k8s.io/v1", "apiservices")
NAMESPACE = Kind("v1", "Namespace", NAMESPACES, namespaced=False)
KINDS: tuple[Kind, ...] = (
    Kind(_ADMISSION, "MutatingWebhookConfiguration", MUTATING_WEBHOOKS, namespaced=False),
    Kind(_ADMISSION, "ValidatingWebhookConfiguration", VALIDATING_WEBHOOKS, namespaced=False),
    Kind("apiregistration.k8s.io/v1", "APIService", API_SERVICES, namespaced=False),
    Kind("apps/v1", "Deployment", DEPLOYMENTS, namespaced=True),
    Kind("apps/v1", "DaemonSet", Resource("/apis/apps/v1", "daemonsets"), namespaced=True),
    Kind("batch/v1", "CronJob", Resource("/apis/batch/v1", "cronjobs"), namespaced=True),
    Kind("policy/v1", "PodDisruptionBudget", Resource("/apis/policy/v1", "poddisruptionbudgets"), namespaced=True),
    Kind("v1", "Service", SERVICES, namespaced=True),
    Kind("v1", "ConfigMap", CONFIG_MAPS, namespaced=True),
    Kind("v1", "Secret", SECRETS, namespaced=True),
    Kind(_RBAC, "RoleBinding", Resource(f"/apis/{_RBAC}", "rolebindings"), namespaced=True, everywhere=True),
    Kind(_RBAC, "Role", Resource(f"/apis/{_RBAC}", "roles"), namespaced=True, everywhere=True),
    Kind(_RBAC, "ClusterRoleBinding", CLUSTER_ROLE_BINDINGS, namespaced=False),
    Kind(_RBAC, "ClusterRole", CLUSTER_ROLES, namespaced=False),
    Kind("v1", "ServiceAccount", SERVICE_ACCOUNTS, namespaced=True),
    Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", DEFINITIONS, namespaced=False),
    NAMESPACE,
)  # fmt: skip
BY_NAME = {(kind.api_version, kind.name): kind for kind in KINDS}
