"""The identity service: signs the certificates of all proxies."""

from typing import Any

from cli.manifests.config import TRUST_ROOTS
from cli.manifests.credentials import Identity
from cli.manifests.meshed import deployment, resources
from cli.manifests.objects import (
    Component,
    Rule,
    ServicePort,
    cluster_role,
    controller_container,
    secret,
    service,
    service_account,
)
from cli.manifests.values import Values
from weft.names import IDENTITY_COMPONENT
from weft.ports import IDENTITY

COMPONENT = Component("identity", IDENTITY_COMPONENT)
ISSUER_SECRET = "weft-identity-issuer"  # noqa: S105 (a name)
KEPT_ELSEWHERE = "kubernetes.io/tls"
"""The scheme under which somebody else, such as cert-manager, writes the issuer's Secret."""
RULES = (
    Rule(("authentication.k8s.io",), ("tokenreviews",), ("create",)),
    Rule(("",), ("events",), ("create", "patch")),
)


def render(values: Values, credentials: Identity) -> list[dict[str, Any]]:
    """Everything of the identity service but its RBAC."""
    grpc = ServicePort("grpc", IDENTITY, IDENTITY)
    name = COMPONENT.workload
    return [
        *issuer_secret(values, credentials),
        service(values, name, COMPONENT, grpc),
        service(values, f"{name}-headless", COMPONENT, grpc, headless=True),
        deployment(
            values,
            COMPONENT,
            container(values),
            volumes=(
                {"name": "identity-issuer", "secret": {"secretName": ISSUER_SECRET}},
                {"name": "trust-roots", "configMap": {"name": TRUST_ROOTS}},
            ),
        ),
    ]


def rbac(values: Values) -> list[dict[str, Any]]:
    """May review tokens and write events; reads no object of the cluster."""
    return [service_account(values, COMPONENT), *cluster_role(values, COMPONENT, RULES)]


def issuer_secret(values: Values, credentials: Identity) -> list[dict[str, Any]]:
    """Under both spellings of the keys, Linkerd's and Kubernetes' own; none that somebody else keeps."""
    if values.identity.issuer.scheme == KEPT_ELSEWHERE:
        return []
    crt, key = credentials.issuer_certificate, credentials.issuer_key
    data = {"crt.pem": crt, "key.pem": key, "tls.crt": crt, "tls.key": key}
    return [secret(values, ISSUER_SECRET, data)]


def kept_elsewhere(values: Values) -> list[dict[str, Any]]:
    """The name of the Secret where somebody else keeps it: not ours to make, and not left over either."""
    if values.identity.issuer.scheme != KEPT_ELSEWHERE:
        return []
    return [secret(values, ISSUER_SECRET, {})]


def container(values: Values) -> dict[str, Any]:
    """The service's container."""
    issuer = values.identity.issuer
    return controller_container(
        values,
        COMPONENT,
        ports={"ident-grpc": IDENTITY},
        settings={
            "ADDR": f"0.0.0.0:{IDENTITY}",
            "ISSUANCE_LIFETIME": issuer.issuanceLifetime,
            "CLOCK_SKEW_ALLOWANCE": issuer.clockSkewAllowance,
            "ISSUER_PATH": "/var/run/linkerd/identity/issuer",
            "TRUST_ROOTS_PATH": "/var/run/linkerd/identity/trust-roots/ca-bundle.crt",
        },
        mounts={
            "identity-issuer": "/var/run/linkerd/identity/issuer",
            "trust-roots": "/var/run/linkerd/identity/trust-roots",
        },
        resources=resources(values.identity.resources),
    )
