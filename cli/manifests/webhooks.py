"""What the API server is told of every webhook: where it is, and whose objects it is not asked about."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from cli.manifests.credentials import Webhook
from cli.manifests.values import Values
from weft import labels


def client_config(values: Values, service: str, credentials: Webhook) -> dict[str, Any]:
    """The Service to call, and the authority to verify it with."""
    return {
        "service": {"name": service, "namespace": values.namespace, "path": "/", "port": 443},
        "caBundle": b64encode(credentials.authority.encode()).decode(),
    }


def namespace_selector(excluded: Sequence[str]) -> dict[str, Any]:
    """Not the namespaces that opt out, nor those named here."""
    expressions: list[dict[str, Any]] = [
        {"key": labels.ADMISSION_WEBHOOKS_LABEL, "operator": "NotIn", "values": ["disabled"]}
    ]
    if excluded:
        expressions.append(
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(excluded)}
        )
    return {"matchExpressions": expressions}
