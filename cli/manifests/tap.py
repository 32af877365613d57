"""tap: live requests, as an API that the API server itself serves from this component.

The API server authenticates every caller and passes on who it is, so access to tap is granted by
Kubernetes' own roles; ClusterRole `<namespace>-weft-tap-admin` holds what a viewer needs and is bound
to nobody.
"""

from base64 import b64encode
from typing import Any

from cli.manifests.credentials import Webhook
from cli.manifests.meshed import deployment, resources
from cli.manifests.objects import (
    READ,
    Component,
    Rule,
    ServicePort,
    cluster_role,
    controller_container,
    metadata,
    said,
    service,
    service_account,
    tls_secret,
)
from cli.manifests.values import Values
from weft import labels
from weft.names import TAP_COMPONENT, TrustDomain
from weft.ports import TAP

COMPONENT = Component("tap", TAP_COMPONENT)
TLS_SECRET = "weft-tap-k8s-tls"  # noqa: S105 (a name)
TLS_PATH = "/var/run/linkerd/tls"
GROUP = "tap.linkerd.io"
VERSION = "v1alpha1"
RULES = (
    Rule(("",), ("nodes", "pods", "services"), READ),
    Rule(("apps",), ("replicasets",), READ),
    Rule(("batch",), ("jobs",), READ),
)
WATCH_EVERYTHING = Rule((GROUP,), ("*",), ("watch",))
_RBAC = "rbac.authorization.k8s.io"


def identity(values: Values) -> str:
    """Who may tap proxies."""
    return TrustDomain(values.namespace, values.trust_domain).component(TAP_COMPONENT)


def render(values: Values, credentials: Webhook) -> list[dict[str, Any]]:
    """Everything of tap but its RBAC and the API's registration."""
    return [
        tls_secret(values, TLS_SECRET, credentials),
        service(values, COMPONENT.workload, COMPONENT, ServicePort("apiserver", 443, TAP)),
        deployment(
            values,
            COMPONENT,
            container(values),
            volumes=({"name": "tls", "secret": {"secretName": TLS_SECRET}},),
            annotations={labels.OPAQUE_PORTS: str(TAP)},
        ),
    ]


def container(values: Values) -> dict[str, Any]:
    """The tap container."""
    return controller_container(
        values,
        COMPONENT,
        ports={"apiserver": TAP},
        settings={
            "ADDR": f"0.0.0.0:{TAP}",
            "TLS_PATH": TLS_PATH,
            "REDACTED_HEADERS": values.tap.redactedHeaders,
            "REDACTED_PARAMETERS": values.tap.redactedParameters,
            **said({"REDACTED_PATHS": values.tap.redactedPaths}),
        },
        mounts={"tls": TLS_PATH},
        resources=resources(values.tap.resources),
    )


def rbac(values: Values) -> list[dict[str, Any]]:
    """May read pods and their owners, ask access reviews, and learn how the API server names callers."""
    return [
        service_account(values, COMPONENT),
        *cluster_role(values, COMPONENT, RULES),
        _binding(
            values, "ClusterRoleBinding", f"{values.namespace}-{TAP_COMPONENT}-auth-delegator",
            ("ClusterRole", "system:auth-delegator"),
        ),
        _binding(
            values, "RoleBinding", f"{values.namespace}-{TAP_COMPONENT}-auth-reader",
            ("Role", "extension-apiserver-authentication-reader"),
        ),
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": metadata(
                values,
                f"{values.namespace}-{TAP_COMPONENT}-admin",
                namespaced=False,
                component=COMPONENT,
            ),
            "rules": [WATCH_EVERYTHING.render()],
        },
    ]  # fmt: skip


def api_service(values: Values, credentials: Webhook) -> dict[str, Any]:
    """Which API the API server shall serve from here, and how it verifies us."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": metadata(values, f"{VERSION}.{GROUP}", namespaced=False, component=COMPONENT),
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "groupPriorityMinimum": 1000,
            "versionPriority": 100,
            "service": {"name": COMPONENT.workload, "namespace": values.namespace, "port": 443},
            "caBundle": b64encode(credentials.authority.encode()).decode(),
        },
    }


def _binding(values: Values, kind: str, name: str, role: tuple[str, str]) -> dict[str, Any]:
    """Binds a role that Kubernetes brings to tap's ServiceAccount; the RoleBinding is kube-system's."""
    found = metadata(values, name, namespaced=False, component=COMPONENT)
    if kind == "RoleBinding":
        found["namespace"] = "kube-system"
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": kind,
        "metadata": found,
        "roleRef": {"apiGroup": _RBAC, "kind": role[0], "name": role[1]},
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": COMPONENT.workload,
                "namespace": values.namespace,
            }
        ],
    }
