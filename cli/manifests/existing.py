"""The credentials an installation has, read from its own objects; absent parts are empty."""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cli.certificates import CertificateError
from cli.cluster.client import Cluster
from cli.cluster.paths import (
    CONFIG_MAPS,
    MUTATING_WEBHOOKS,
    SECRETS,
    VALIDATING_WEBHOOKS,
    Resource,
    find,
)
from cli.manifests import injector, tap, validator
from cli.manifests.config import TRUST_ROOTS, TRUST_ROOTS_KEY
from cli.manifests.credentials import Identity, Webhook, check_webhook
from cli.manifests.identity import ISSUER_SECRET
from cli.manifests.kinds import API_SERVICES
from cli.manifests.stored import OVERRIDES, OVERRIDES_KEY

RENEW_BEFORE = timedelta(days=60)
"""A webhook's certificate with less time left is made anew: `mesh check` warns from then on."""


@dataclass(frozen=True, slots=True)
class Existing:
    """What is there."""

    identity: Identity
    injector: Webhook
    validator: Webhook
    tap: Webhook


def read_existing(cluster: Cluster, namespace: str) -> Existing:
    """All of it. Raises ClusterError."""
    roots = (find(cluster, CONFIG_MAPS, TRUST_ROOTS, namespace) or {}).get("data") or {}
    issuer = read_secret(cluster, ISSUER_SECRET, namespace)
    registered = (find(cluster, API_SERVICES, f"{tap.VERSION}.{tap.GROUP}") or {}).get("spec")
    return Existing(
        Identity(
            roots.get(TRUST_ROOTS_KEY, ""),
            issuer.get("crt.pem") or issuer.get("tls.crt", ""),
            issuer.get("key.pem") or issuer.get("tls.key", ""),
        ),
        _serving(
            cluster,
            injector.TLS_SECRET,
            namespace,
            _clients(cluster, MUTATING_WEBHOOKS, injector.WEBHOOK_CONFIGURATION),
        ),
        _serving(
            cluster,
            validator.TLS_SECRET,
            namespace,
            _clients(cluster, VALIDATING_WEBHOOKS, validator.WEBHOOK_CONFIGURATION),
        ),
        _serving(cluster, tap.TLS_SECRET, namespace, [registered or {}]),
    )


def read_overrides(cluster: Cluster, namespace: str) -> str | None:
    """The YAML of what was chosen, or None of an installation that does not remember. Raises ClusterError."""
    return read_secret(cluster, OVERRIDES, namespace).get(OVERRIDES_KEY)


def read_secret(cluster: Cluster, name: str, namespace: str) -> dict[str, str]:
    """A Secret's data as text, what is not text left out; empty when there is none. Raises ClusterError."""
    found = find(cluster, SECRETS, name, namespace)
    decoded = {}
    for key, value in ((found or {}).get("data") or {}).items():
        try:
            decoded[key] = b64decode(value).decode()
        except ValueError:
            continue
    return decoded


def usable(webhook: Webhook, now: datetime) -> bool:
    """Whether a webhook's certificate can be kept."""
    try:
        check_webhook(webhook, now + RENEW_BEFORE)
    except CertificateError:
        return False
    return True


def _clients(cluster: Cluster, kind: Resource, name: str) -> list[Mapping[str, Any]]:
    """The `clientConfig`s of a webhook configuration; none when there is none. Raises ClusterError."""
    webhooks = (find(cluster, kind, name) or {}).get("webhooks")
    return [one.get("clientConfig") or {} for one in webhooks or []]


def _serving(
    cluster: Cluster, name: str, namespace: str, clients: Iterable[Mapping[str, Any]]
) -> Webhook:
    """The Secret's certificate, and the authority of those clients that ask in this namespace."""
    data = read_secret(cluster, name, namespace)
    bundles = [
        str(one.get("caBundle") or "")
        for one in clients
        if (one.get("service") or {}).get("namespace") == namespace
    ]
    authority = b64decode(bundles[0]).decode(errors="replace") if bundles else ""
    return Webhook(authority, data.get("tls.crt", ""), data.get("tls.key", ""))
