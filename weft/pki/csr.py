"""A workload's signing request (PKCS#10): making one, and checking one.

A request asks for exactly one DNS name, the workload's identity, with an ECDSA P-256 key.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class MalformedRequest(ValueError):
    """Bytes that are no signing request at all."""


class RefusedRequest(ValueError):
    """A signing request that asks for something it may not have; the message says what."""


def make(key: ec.EllipticCurvePrivateKey, identity: str) -> bytes:
    """DER of a request for `identity`. The common name is left out when it would be too long."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, identity)] if len(identity) <= 64 else []
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(identity)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.DER)


def parse(der: bytes) -> x509.CertificateSigningRequest:
    """Raises MalformedRequest."""
    try:
        return x509.load_der_x509_csr(der)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise MalformedRequest(f"not a DER certificate signing request: {error}") from error


def verify(request: x509.CertificateSigningRequest, identity: str) -> ec.EllipticCurvePublicKey:
    """The key to certify, when the request asks for `identity` and nothing else.

    The checks are Linkerd's: one DNS name and no other kind, a common name that is empty or the
    identity, an ECDSA P-256 key, a signature by that key. Raises RefusedRequest.
    """
    _verify_names(request, identity)
    key = _public_key(request)
    try:
        key.verify(request.signature, request.tbs_certrequest_bytes, ec.ECDSA(_hash_of(request)))
    except InvalidSignature:
        raise RefusedRequest("the signature was not made by the request's own key") from None
    return key


def _verify_names(request: x509.CertificateSigningRequest, identity: str) -> None:
    try:
        subject = request.subject
    except ValueError as error:
        raise RefusedRequest(f"its subject cannot be read: {error}") from error
    common = [str(name.value) for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if common not in ([], [""], [identity]):
        raise RefusedRequest(f"the common name is {common}; allowed is {identity!r} or none")
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise RefusedRequest(f"it names no DNS name; it must name {identity!r}") from None
    except (ValueError, x509.DuplicateExtension) as error:
        raise RefusedRequest(f"its extensions cannot be read: {error}") from error
    other = [type(name).__name__ for name in names if not isinstance(name, x509.DNSName)]
    if other:
        raise RefusedRequest(f"it names a {other[0]}; only one DNS name is allowed")
    asked = names.get_values_for_type(x509.DNSName)
    if asked != [identity]:
        raise RefusedRequest(f"it asks for {asked}; allowed is exactly {identity!r}")


def _public_key(request: x509.CertificateSigningRequest) -> ec.EllipticCurvePublicKey:
    try:
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RefusedRequest(f"its key cannot be read: {error}") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise RefusedRequest("its key is not ECDSA on P-256, the only kind allowed")


def _hash_of(request: x509.CertificateSigningRequest) -> hashes.HashAlgorithm:
    try:
        algorithm = request.signature_hash_algorithm
    except UnsupportedAlgorithm as error:
        raise RefusedRequest(f"its signature cannot be checked: {error}") from error
    if algorithm is None:
        raise RefusedRequest("its signature cannot be checked: no hash algorithm")
    return algorithm
