"""Workload identities: one DNS-like name per service account.

`<service account>.<namespace>.serviceaccount.identity.<control-plane namespace>.<trust domain>`
is what a proxy asks the identity service to certify, what its certificate carries as the only DNS
name, and what policies name. The form is Linkerd's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CONTROL_PLANE_NAMESPACE = "weft"
TRUST_DOMAIN = "cluster.local"
CLUSTER_DOMAIN = "cluster.local"
TOKEN_AUDIENCE = "identity.l5d.io"  # noqa: S105 (an audience, not a secret)

IDENTITY_COMPONENT = "weft-identity"
DESTINATION_COMPONENT = "weft-destination"
INJECTOR_COMPONENT = "weft-proxy-injector"
WEB_COMPONENT = "weft-web"
TAP_COMPONENT = "weft-tap"
VALIDATOR_SERVICE = "weft-policy-validator"
"""Where the API server asks about policy resources; the destination service answers."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+")
_KIND = ("serviceaccount", "identity")


class NotAnIdentity(ValueError):
    """A name that is not an identity; the message names it and the form it should have."""


def is_dns_label(text: str) -> bool:
    """RFC 1123: up to 63 of a-z, 0-9 and `-`, with no dash at either end."""
    return _LABEL.fullmatch(text) is not None


def is_dns_name(text: str) -> bool:
    """RFC 1123 labels separated by dots, 253 characters at most, no trailing dot."""
    return 0 < len(text) <= 253 and all(is_dns_label(label) for label in text.split("."))


def is_spiffe_id(text: str) -> bool:
    """`spiffe://TRUST-DOMAIN/PATH`, by the SPIFFE specification: no port, no query, no empty or relative part,
    2048 characters at most."""
    parts = text.split("/")
    return (
        len(text) <= 2048
        and _SPIFFE_ID.fullmatch(text) is not None
        and not {".", ".."} & set(parts[3:])
    )


@dataclass(frozen=True, slots=True)
class Workload:
    """Whose identity it is, apart from where: a service account in a namespace."""

    service_account: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.service_account}.{self.namespace}"


@dataclass(frozen=True, slots=True)
class TrustDomain:
    """The part of every identity that says which mesh issued it."""

    control_plane_namespace: str = CONTROL_PLANE_NAMESPACE
    domain: str = TRUST_DOMAIN

    def identity(self, service_account: str, namespace: str) -> str:
        """The identity of a service account. Raises NotAnIdentity when a part is no DNS label."""
        for part, what in ((service_account, "service account"), (namespace, "namespace")):
            if not all(is_dns_label(label) for label in part.split(".")):
                raise NotAnIdentity(
                    f"{part!r} is not a {what} name: allowed are a-z, 0-9, '-' and '.'"
                )
        return ".".join(
            (service_account, namespace, *_KIND, self.control_plane_namespace, self.domain)
        )

    def workload(self, identity: str) -> Workload:
        """Whose identity this is. Raises NotAnIdentity when it is not one of this trust domain."""
        suffix = "." + ".".join((*_KIND, self.control_plane_namespace, self.domain))
        account, dot, namespace = identity.removesuffix(suffix).rpartition(".")
        if not identity.endswith(suffix) or not dot or not is_dns_name(account + "." + namespace):
            raise NotAnIdentity(
                f"{identity!r} is not an identity of this mesh: "
                f"the form is SERVICE-ACCOUNT.NAMESPACE{suffix}"
            )
        return Workload(account, namespace)

    def component(self, name: str) -> str:
        """The identity of a control-plane component, whose service account bears its name."""
        return self.identity(name, self.control_plane_namespace)


def short_identity(identity: str) -> str:
    """`web.emojivoto` for a workload's identity, as tables show it; other names unchanged."""
    head, found, _ = identity.partition("." + ".".join(_KIND) + ".")
    return head if found else identity
