"""The policy validator: how the API server asks the destination service whether a resource is right."""

from typing import Any

from cli.manifests.credentials import Webhook
from cli.manifests.objects import Component, ServicePort, metadata, service, tls_secret
from cli.manifests.policies import KINDS
from cli.manifests.values import Values
from cli.manifests.webhooks import client_config, namespace_selector
from weft.names import DESTINATION_COMPONENT, VALIDATOR_SERVICE
from weft.ports import VALIDATOR

SERVED_BY = Component("destination", DESTINATION_COMPONENT)
TLS_SECRET = "weft-policy-validator-k8s-tls"  # noqa: S105 (a name)
WEBHOOK_CONFIGURATION = "weft-policy-validator-webhook-config"
WEBHOOK = "weft-policy-validator.linkerd.io"
TIMEOUT_SECONDS = 10


def render(values: Values, credentials: Webhook) -> list[dict[str, Any]]:
    """The certificate, and the name under which the destination service is asked."""
    https = ServicePort("policy-https", 443, VALIDATOR)
    return [
        tls_secret(values, TLS_SECRET, credentials),
        service(values, VALIDATOR_SERVICE, SERVED_BY, https),
    ]


def webhook(values: Values, credentials: Webhook) -> dict[str, Any]:
    """Which objects the API server asks about, statuses apart. Not those of the control plane's own namespace: nothing there
    waits for the control plane."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": metadata(values, WEBHOOK_CONFIGURATION, namespaced=False, component=SERVED_BY),
        "webhooks": [
            {
                "name": WEBHOOK,
                "admissionReviewVersions": ["v1", "v1beta1"],
                "clientConfig": client_config(values, VALIDATOR_SERVICE, credentials),
                "failurePolicy": values.webhookFailurePolicy,
                "namespaceSelector": namespace_selector([values.namespace]),
                "rules": [
                    {
                        "operations": ["CREATE", "UPDATE"],
                        "apiGroups": [group],
                        "apiVersions": ["*"],
                        "resources": list(resources),
                        "scope": "Namespaced",
                    }
                    for group, resources in KINDS.items()
                ],
                "sideEffects": "None",
                "timeoutSeconds": TIMEOUT_SECONDS,
            }
        ],
    }
