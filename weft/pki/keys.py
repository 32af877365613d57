"""ECDSA P-256 keys: the one key type of the mesh's workloads and issuers."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


class UnusableKey(ValueError):
    """Bytes that are no usable private key; the message says what is allowed."""


def generate() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS#8, unencrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def to_sec1_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """`EC PRIVATE KEY`, the form Linkerd's issuer secrets hold."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def from_pem(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """PKCS#8 or SEC1, unencrypted, on P-256. Raises UnusableKey."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise UnusableKey(f"not an unencrypted PEM private key: {error}") from error
    return _require_p256(key)


def from_der(der: bytes) -> ec.EllipticCurvePrivateKey:
    """PKCS#8 DER on P-256. Raises UnusableKey."""
    try:
        key = serialization.load_der_private_key(der, password=None)
    except (ValueError, TypeError) as error:
        raise UnusableKey(f"not an unencrypted DER private key: {error}") from error
    return _require_p256(key)


def _require_p256(key: object) -> ec.EllipticCurvePrivateKey:
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise UnusableKey("the private key is not ECDSA on P-256, the only kind allowed")
