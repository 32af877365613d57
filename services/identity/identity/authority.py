"""What the authority puts its name to: one leaf for one identity, no longer than its own chain.

Pure: the time and the serial number are arguments.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from weft.pki.certificate import Lifetime, Signer, make_leaf


@dataclass(frozen=True, slots=True)
class Terms:
    """How long certificates last."""

    lifetime: timedelta = timedelta(hours=24)
    skew: timedelta = timedelta(seconds=20)


@dataclass(frozen=True)
class Issuer:
    """Credentials that sign: the certificate and its key, and what stands above it, root excluded."""

    signer: Signer
    intermediates: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The signing certificate first."""
        return (self.signer.certificate, *self.intermediates)

    @property
    def expires(self) -> datetime:
        """When the first certificate of the chain expires."""
        return min(one.not_valid_after_utc for one in self.chain)

    def __repr__(self) -> str:
        subject = self.signer.certificate.subject.rfc4514_string()
        return f"<Issuer {subject} until {self.expires.isoformat()}>"


@dataclass(frozen=True)
class Issued:
    """A leaf and the chain that a peer needs to trust it."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    @property
    def valid_until(self) -> datetime:
        return self.leaf.not_valid_after_utc


def lifetime(issuer: Issuer, terms: Terms, *, now: datetime) -> Lifetime:
    """From a little before now to the end of the terms, or of the issuer's chain if that is sooner."""
    wanted = now + terms.lifetime + terms.skew
    return Lifetime(
        (now - terms.skew).replace(microsecond=0),
        min(wanted, issuer.expires).replace(microsecond=0),
    )


def issue(
    issuer: Issuer,
    identity: str,
    key: ec.EllipticCurvePublicKey,
    *,
    serial: int,
    now: datetime,
    terms: Terms,
) -> Issued:
    """Signs a leaf that names `identity` and nothing else."""
    leaf = make_leaf(
        [identity], key, lifetime(issuer, terms, now=now), issuer.signer, serial=serial
    )
    return Issued(leaf, issuer.chain)
