"""The control plane's namespace.

It is excluded from injection, because its pods are rendered with their proxies, and from the
restricted Pod Security level, because the init container holds NET_ADMIN and NET_RAW.
"""

from typing import Any

from cli.manifests.values import Values
from weft import labels


def render(values: Values) -> list[dict[str, Any]]:
    """The Namespace, unless whoever installs makes it."""
    if not values.installNamespace:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": values.namespace,
                "annotations": {labels.INJECT: labels.INJECT_DISABLED},
                "labels": {
                    **values.commonLabels,
                    labels.IS_CONTROL_PLANE_LABEL: "true",
                    labels.ADMISSION_WEBHOOKS_LABEL: "disabled",
                    labels.CONTROL_PLANE_NS_LABEL: values.namespace,
                    "pod-security.kubernetes.io/enforce": "privileged",
                },
            },
        }
    ]
