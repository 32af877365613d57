"""What an installation and `mesh check` both ask of certificates. Pure: PEM text in, facts or errors out."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from weft.pki.certificate import UNREADABLE

MINIMUM_RSA_BITS = 2048


class CertificateError(ValueError):
    """A certificate or key that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate with the words people know it by."""

    what: str
    """`trust anchor`, `issuer certificate`, ..."""
    parsed: x509.Certificate

    @property
    def name(self) -> str:
        """Its subject's common name, or the whole subject."""
        names = self.parsed.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(names[0].value) if names else self.parsed.subject.rfc4514_string()

    @property
    def expires(self) -> datetime:
        """The end of its validity, in UTC."""
        return self.parsed.not_valid_after_utc

    @property
    def key(self) -> CertificatePublicKeyTypes:
        """Its public key. Raises CertificateError for one of a kind that nobody here can read."""
        try:
            return self.parsed.public_key()
        except UNREADABLE as error:
            raise CertificateError(
                f"{self.what} {self.name} has a key that cannot be read: {error}"
            ) from None

    def check_time(self, now: datetime) -> None:
        """Raises CertificateError unless it is valid at `now`."""
        if now < self.parsed.not_valid_before_utc:
            raise CertificateError(
                f"{self.what} {self.name} is not valid before {rfc3339(self.parsed.not_valid_before_utc)}"
            )
        if now > self.expires:
            raise CertificateError(f"{self.what} {self.name} expired on {rfc3339(self.expires)}")

    def check_algorithm(self, *, p256_only: bool) -> None:
        """Raises CertificateError unless its key is one that proxies verify.

        An issuer must be ECDSA P-256, because proxies accept no other signature on a workload's
        certificate; an anchor may be P-384 or RSA as well.
        """
        key = self.key
        curves: tuple[type[ec.EllipticCurve], ...] = (
            (ec.SECP256R1,) if p256_only else (ec.SECP256R1, ec.SECP384R1)
        )
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, curves):
            return
        if not p256_only and isinstance(key, rsa.RSAPublicKey) and key.key_size >= MINIMUM_RSA_BITS:
            return
        allowed = (
            "ECDSA P-256" if p256_only else "ECDSA P-256, ECDSA P-384 and RSA of at least 2048 bits"
        )
        raise CertificateError(f"{self.what} {self.name} uses {key_name(key)}; allowed: {allowed}")

    def check_authority(self) -> None:
        """Raises CertificateError unless it may sign certificates."""
        try:
            basic = self.parsed.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            basic = None
        if basic is None or not basic.ca:
            raise CertificateError(
                f"{self.what} {self.name} is not a certificate authority (CA:TRUE is missing)"
            )


def key_name(key: object) -> str:
    """A public key's algorithm in words."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA of {key.key_size} bits"
    return type(key).__name__.removeprefix("_").removesuffix("PublicKey")


def read_certificates(what: str, pem: str) -> list[Certificate]:
    """All certificates of a PEM text, at least one. Raises CertificateError."""
    try:
        parsed = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{what}: not a PEM certificate ({error})") from None
    return [Certificate(what, one) for one in parsed]


def check_key(what: str, certificate: Certificate, key_pem: str) -> None:
    """Raises CertificateError unless the private key is the certificate's."""
    try:
        key = load_pem_private_key(key_pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{what}: not an unencrypted PEM private key ({error})") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.key.public_bytes(*form):
        raise CertificateError(
            f"{what}: the key does not belong to {certificate.what} {certificate.name}"
        )


def check_issued(chain: list[Certificate], anchors: list[Certificate]) -> None:
    """Raises CertificateError unless the first certificate leads to an anchor.

    `chain` is the issuer and any intermediates after it; an issuer that is itself an anchor is fine.
    """
    current = chain[0]
    for _ in range(len(chain) + 1):
        if any(current.parsed == anchor.parsed or _signed(current, anchor) for anchor in anchors):
            return
        above = [one for one in chain if one.parsed != current.parsed and _signed(current, one)]
        if not above:
            break
        current = above[0]
    known = ", ".join(anchor.name for anchor in anchors)
    raise CertificateError(
        f"{chain[0].what} {chain[0].name} is not issued by a trust anchor ({known})"
    )


def _signed(child: Certificate, parent: Certificate) -> bool:
    try:
        child.parsed.verify_directly_issued_by(parent.parsed)
    except (*UNREADABLE, TypeError, InvalidSignature):
        return False
    return True


def rfc3339(moment: datetime) -> str:
    """`2026-11-23T06:18:03Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
