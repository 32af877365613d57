"""Certificates: making authorities, issuers and leaves, and saying what one holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric import ec


UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What any part of a certificate may raise when it is looked at: loading reads no more than the frame."""


class UnreadableCertificate(ValueError):
    """Bytes that hold no certificate; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """From when to when a certificate is valid; both times carry a time zone."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class Signer:
    """A certificate authority that can sign: its certificate and the key to it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_anchor(name: str, key: ec.EllipticCurvePrivateKey, lifetime: Lifetime) -> x509.Certificate:
    """A self-signed authority."""
    builder = _builder(name, key.public_key(), lifetime).issuer_name(_name(name))
    return _authority(builder, path_length=None).sign(key, hashes.SHA256())


def make_issuer(
    name: str, key: ec.EllipticCurvePublicKey, lifetime: Lifetime, anchor: Signer
) -> x509.Certificate:
    """An intermediate authority that signs leaves and no further authorities."""
    builder = _builder(name, key, lifetime).issuer_name(anchor.certificate.subject)
    return _authority(_under(builder, anchor), path_length=0).sign(anchor.key, hashes.SHA256())


def make_leaf(
    names: Sequence[str],
    key: ec.EllipticCurvePublicKey,
    lifetime: Lifetime,
    issuer: Signer,
    *,
    uris: Sequence[str] = (),
    serial: int | None = None,
) -> x509.Certificate:
    """A certificate for servers and clients that carries `names` as its DNS names, then `uris`."""
    common_name = names[0] if names and len(names[0]) <= 64 else ""
    builder = _builder(common_name, key, lifetime, serial)
    builder = _under(builder.issuer_name(issuer.certificate.subject), issuer)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_leaves=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName(
                [*map(x509.DNSName, names), *map(x509.UniformResourceIdentifier, uris)]
            ),
            critical=not common_name,  # RFC 5280, 4.2.1.6: the only name there is must be read
        )
    )
    return builder.sign(issuer.key, hashes.SHA256())


def to_pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def to_der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def from_pem(pem: bytes) -> list[x509.Certificate]:
    """Every certificate of a bundle, at least one. Raises UnreadableCertificate."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except UNREADABLE as error:
        raise UnreadableCertificate(f"no PEM certificate can be read: {error}") from error


def from_der(der: bytes) -> x509.Certificate:
    """Raises UnreadableCertificate."""
    try:
        return x509.load_der_x509_certificate(der)
    except UNREADABLE as error:
        raise UnreadableCertificate(f"not a DER certificate: {error}") from error


def dns_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def _builder(
    name: str, key: ec.EllipticCurvePublicKey, lifetime: Lifetime, serial: int | None = None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key)
        .serial_number(x509.random_serial_number() if serial is None else serial)
        .not_valid_before(lifetime.not_before)
        .not_valid_after(lifetime.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _under(builder: x509.CertificateBuilder, signer: Signer) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
    return builder.add_extension(identifier, critical=False)


def _authority(
    builder: x509.CertificateBuilder, *, path_length: int | None
) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return builder.add_extension(constraints, critical=True).add_extension(
        _usage(signs_leaves=True), critical=True
    )


def _usage(*, signs_leaves: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_leaves,
        content_commitment=False,
        key_encipherment=not signs_leaves,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_leaves,
        crl_sign=signs_leaves,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    if not common_name:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
