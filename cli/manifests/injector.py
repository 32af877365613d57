"""The proxy-injector: the webhook that adds proxies to pods, and how the API server calls it."""

from typing import Any

from cli.manifests.config import CONFIG
from cli.manifests.credentials import Webhook
from cli.manifests.meshed import deployment, resources
from cli.manifests.objects import (
    Component,
    Rule,
    ServicePort,
    cluster_role,
    controller_container,
    metadata,
    role,
    service,
    service_account,
    tls_secret,
)
from cli.manifests.values import Values
from cli.manifests.webhooks import client_config, namespace_selector
from proxy_injector.unmeshed.find import NOT_SENT_LABELS
from weft import labels
from weft.names import INJECTOR_COMPONENT
from weft.ports import INJECTOR

COMPONENT = Component("proxy-injector", INJECTOR_COMPONENT)
TLS_SECRET = "weft-proxy-injector-k8s-tls"  # noqa: S105 (a name)
WEBHOOK_CONFIGURATION = "weft-proxy-injector-webhook-config"
WEBHOOK = "weft-proxy-injector.linkerd.io"
TLS_PATH = "/var/run/linkerd/tls"
CONFIG_PATH = "/var/run/linkerd/config"
LEADER_RULES = (Rule(("coordination.k8s.io",), ("leases",), ("create", "get", "patch")),)
"""One replica looks after pods that run unmeshed: the one that holds the Lease."""
RULES = (
    Rule(("",), ("namespaces", "replicationcontrollers"), ("get",)),
    Rule(("apps",), ("deployments", "replicasets", "daemonsets", "statefulsets"), ("get",)),
    Rule(("batch",), ("cronjobs", "jobs"), ("get",)),
    Rule(("",), ("events",), ("create", "patch")),
)
LOOKING_RULES = (Rule(("",), ("namespaces", "pods"), ("list", "watch")),)
RESTARTING_RULES = (Rule(("",), ("pods/eviction",), ("create",)),)


def render(values: Values, credentials: Webhook) -> list[dict[str, Any]]:
    """Everything of the injector but its RBAC and the webhook configuration."""
    https = ServicePort("proxy-injector", 443, INJECTOR)
    return [
        tls_secret(values, TLS_SECRET, credentials),
        service(values, COMPONENT.workload, COMPONENT, https),
        deployment(
            values,
            COMPONENT,
            container(values),
            volumes=(
                {"name": "tls", "secret": {"secretName": TLS_SECRET}},
                {"name": "config", "configMap": {"name": CONFIG}},
            ),
            annotations={labels.OPAQUE_PORTS: str(INJECTOR)},
        ),
    ]


def rbac(values: Values) -> list[dict[str, Any]]:
    """May look up namespaces and owners, and write events; more only for what is to be done about pods that
    run unmeshed."""
    choice = values.proxyInjector.unmeshedPods
    looking = LOOKING_RULES if choice != "ignore" else ()
    restarting = RESTARTING_RULES if choice == "restart" else ()
    return [
        service_account(values, COMPONENT),
        *cluster_role(values, COMPONENT, (*RULES, *looking, *restarting)),
        *(role(values, COMPONENT, LEADER_RULES) if choice != "ignore" else ()),
    ]


def container(values: Values) -> dict[str, Any]:
    """The webhook's container."""
    return controller_container(
        values,
        COMPONENT,
        ports={"injector": INJECTOR},
        settings={
            "ADDR": f"0.0.0.0:{INJECTOR}",
            "TLS_PATH": TLS_PATH,
            "CONFIG_PATH": f"{CONFIG_PATH}/values",
            "UNMESHED_PODS": values.proxyInjector.unmeshedPods,
        },
        mounts={"tls": TLS_PATH, "config": CONFIG_PATH},
        resources=resources(values.proxyInjector.resources),
    )


def webhook(values: Values, credentials: Webhook) -> dict[str, Any]:
    """Which objects the API server sends to the webhook, and how it verifies it."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": metadata(values, WEBHOOK_CONFIGURATION, namespaced=False, component=COMPONENT),
        "webhooks": [
            {
                "name": WEBHOOK,
                "admissionReviewVersions": ["v1", "v1beta1"],
                "clientConfig": client_config(values, COMPONENT.workload, credentials),
                "failurePolicy": values.webhookFailurePolicy,
                "namespaceSelector": namespace_selector(values.proxyInjector.excludedNamespaces),
                "objectSelector": {
                    "matchExpressions": [
                        {"key": label, "operator": "DoesNotExist"} for label in NOT_SENT_LABELS
                    ]
                },
                "reinvocationPolicy": "Never",
                "rules": [
                    {
                        "operations": ["CREATE"],
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "resources": ["pods", "services"],
                        "scope": "Namespaced",
                    }
                ],
                "sideEffects": "None",
                "timeoutSeconds": values.proxyInjector.timeoutSeconds,
            }
        ],
    }
