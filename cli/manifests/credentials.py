"""The certificates an installation needs: made on the spot, or read from files and checked.

Trust anchor and issuer are two: proxies trust the anchor, the identity service signs with the issuer,
so that the issuer can be replaced without touching any proxy. The key of an anchor made here is
forgotten at once; who wants to renew the issuer later brings an anchor of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cli.certificates import (
    CertificateError,
    check_issued,
    check_key,
    read_certificates,
)
from cli.failure import CommandError
from cli.manifests.values import Serving, Values
from weft.names import INJECTOR_COMPONENT, TAP_COMPONENT, VALIDATOR_SERVICE
from weft.pki import keys
from weft.pki.certificate import Lifetime, Signer, make_anchor, make_issuer, make_leaf, to_pem

LIFETIME = timedelta(days=365)
CLOCK_SKEW = timedelta(hours=1)
"""Made certificates begin this much in the past: nodes' clocks are not this machine's."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the identity service needs, as PEM."""

    trust_anchors: str
    issuer_certificate: str
    """Empty, as its key, when somebody else keeps the issuer."""
    issuer_key: str


NO_IDENTITY = Identity("", "", "")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A server certificate and the authority the API server shall verify it with, as PEM."""

    authority: str
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """All secrets of an installation."""

    identity: Identity
    injector: Webhook
    validator: Webhook
    tap: Webhook | None = None
    """None leaves tap out of the installation."""


SERVED_BY = {
    "proxyInjector": INJECTOR_COMPONENT,
    "policyValidator": VALIDATOR_SERVICE,
    "tap": TAP_COMPONENT,
}
"""Section of the values -> the Service whose name a serving certificate is for."""
IDENTITY_NAMES = {
    "identityTrustAnchorsPEM": "--identity-trust-anchors-file",
    "identity.issuer.tls.crtPEM": "--identity-issuer-certificate-file",
    "identity.issuer.tls.keyPEM": "--identity-issuer-key-file",
}
"""The values that are the mesh's identity, and the flags that read them from files."""


def identity_files(paths: Mapping[str, str | None]) -> dict[str, Any]:
    """The given files as a layer of values. `paths` are by flag. Raises CommandError."""
    layer: dict[str, Any] = {}
    for name, flag in IDENTITY_NAMES.items():
        path = paths.get(flag)
        if path is None:
            continue
        *sections, last = name.split(".")
        place = layer
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = _read(path)
    return layer


def given_identity(values: Values) -> Identity:
    """What the values say, each part possibly empty."""
    tls = values.identity.issuer.tls
    return Identity(values.identityTrustAnchorsPEM, tls.crtPEM, tls.keyPEM)


def obtain_identity(values: Values, now: datetime) -> Identity:
    """As the values say, or made. Raises CommandError."""
    given = given_identity(values)
    if given == NO_IDENTITY:
        return make_identity(values.namespace, values.trust_domain, now)
    parts = (given.trust_anchors, given.issuer_certificate, given.issuer_key)
    missing = [
        f"{flag} (value {name})"
        for (name, flag), part in zip(IDENTITY_NAMES.items(), parts, strict=True)
        if not part
    ]
    if missing:
        raise CommandError(
            f"a trust anchor and issuer of your own need all three files: {', '.join(missing)} missing"
        )
    try:
        check_identity(given, now)
    except CertificateError as error:
        raise CommandError(str(error)) from None
    return given


def obtain(values: Values, identity: Identity, now: datetime) -> Credentials:
    """All of them: the serving certificates as the values say, or made. Raises CommandError."""
    return Credentials(
        identity,
        obtain_webhook(values, "proxyInjector", values.proxyInjector, now),
        obtain_webhook(values, "policyValidator", values.policyValidator, now),
        obtain_webhook(values, "tap", values.tap, now),
    )


def obtain_webhook(values: Values, section: str, given: Serving, now: datetime) -> Webhook:
    """One component's serving certificate as the values say, or made. Raises CommandError."""
    webhook = Webhook(given.caBundle, given.crtPEM, given.keyPEM)
    if webhook == Webhook("", "", ""):
        return make_webhook(SERVED_BY[section], values.namespace, now)
    try:
        check_webhook(webhook, now)
    except CertificateError as error:
        raise CommandError(f"values {section}.caBundle, crtPEM and keyPEM: {error}") from None
    return webhook


def check_webhook(webhook: Webhook, now: datetime) -> None:
    """Raises CertificateError unless the API server would accept the webhook's certificate."""
    authorities = read_certificates("webhook authority", webhook.authority)
    chain = read_certificates("webhook certificate", webhook.certificate)
    for certificate in (*authorities, *chain):
        certificate.check_time(now)
    check_key("webhook key", chain[0], webhook.key)
    check_issued(chain, authorities)


def check_identity(identity: Identity, now: datetime) -> None:
    """Raises CertificateError unless proxies would accept what this issuer signs."""
    anchors = read_certificates("trust anchor", identity.trust_anchors)
    chain = read_certificates("issuer certificate", identity.issuer_certificate)
    for anchor in anchors:
        anchor.check_authority()
        anchor.check_algorithm(p256_only=False)
        anchor.check_time(now)
    chain[0].check_authority()
    chain[0].check_algorithm(p256_only=True)
    for certificate in chain:
        certificate.check_time(now)
    check_key("issuer key", chain[0], identity.issuer_key)
    check_issued(chain, anchors)


def make_identity(namespace: str, trust_domain: str, now: datetime) -> Identity:
    """A trust anchor and an issuer, ECDSA P-256, valid for a year."""
    anchor_key, issuer_key = keys.generate(), keys.generate()
    lifetime = Lifetime(now - CLOCK_SKEW, now + LIFETIME)
    anchor = make_anchor(f"root.{namespace}.{trust_domain}", anchor_key, lifetime)
    issuer = make_issuer(
        f"identity.{namespace}.{trust_domain}",
        issuer_key.public_key(),
        lifetime,
        Signer(anchor, anchor_key),
    )
    return Identity(
        to_pem(anchor).decode(), to_pem(issuer).decode(), keys.to_pem(issuer_key).decode()
    )


def make_webhook(service: str, namespace: str, now: datetime) -> Webhook:
    """A certificate for `<service>.<namespace>.svc` and the authority made for it alone."""
    host = f"{service}.{namespace}.svc"
    authority_key, key = keys.generate(), keys.generate()
    lifetime = Lifetime(now - CLOCK_SKEW, now + LIFETIME)
    authority = make_anchor(f"webhook-ca.{host}", authority_key, lifetime)
    leaf = make_leaf([host], key.public_key(), lifetime, Signer(authority, authority_key))
    return Webhook(to_pem(authority).decode(), to_pem(leaf).decode(), keys.to_pem(key).decode())


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not PEM: it holds bytes that are not ASCII") from None
