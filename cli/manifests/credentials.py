"""The certificates an installation needs: made on the spot, or read from files and checked.

Trust anchor and issuer are two: proxies trust the anchor, the identity service signs with the issuer,
so that the issuer can be replaced without touching any proxy. The key of an anchor made here is
forgotten at once; who wants to renew the issuer later brings an anchor of their own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cli.certificates import (
    CertificateError,
    check_issued,
    check_key,
    read_certificates,
)
from cli.failure import CommandError
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
    issuer_key: str


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


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """The three files of `--identity-*`; all or none are given."""

    trust_anchors: str | None
    issuer_certificate: str | None
    issuer_key: str | None

    def given(self) -> list[str]:
        """The flags of the files that are missing while others are given; empty when consistent."""
        named = {
            "--identity-trust-anchors-file": self.trust_anchors,
            "--identity-issuer-certificate-file": self.issuer_certificate,
            "--identity-issuer-key-file": self.issuer_key,
        }
        missing = [flag for flag, path in named.items() if path is None]
        return [] if len(missing) == len(named) else missing

    @property
    def any(self) -> bool:
        """Whether files are given at all."""
        return self.trust_anchors is not None


def obtain_identity(
    files: IdentityFiles, namespace: str, trust_domain: str, now: datetime
) -> Identity:
    """From the files, or made. Raises CommandError."""
    if missing := files.given():
        raise CommandError(
            f"a trust anchor and issuer of your own need all three files: {', '.join(missing)} missing"
        )
    if not files.any:
        return make_identity(namespace, trust_domain, now)
    identity = Identity(
        _read(files.trust_anchors), _read(files.issuer_certificate), _read(files.issuer_key)
    )
    try:
        check_identity(identity, now)
    except CertificateError as error:
        raise CommandError(str(error)) from None
    return identity


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


def _read(path: str | None) -> str:
    assert path is not None
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not PEM: it holds bytes that are not ASCII") from None
