"""A certificate as text, laid out as `openssl x509 -text` does, because people know where to look."""

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from cli.certificates import key_name

USAGES = (
    ("digital_signature", "Digital Signature"),
    ("key_encipherment", "Key Encipherment"),
    ("key_cert_sign", "Certificate Sign"),
    ("crl_sign", "CRL Sign"),
)
PURPOSES = {
    "serverAuth": "TLS Web Server Authentication",
    "clientAuth": "TLS Web Client Authentication",
}


def describe(der: bytes) -> str:
    """The text. Raises ValueError when the bytes are no certificate."""
    return "\n".join(_lines(x509.load_der_x509_certificate(der))) + "\n"


def _lines(certificate: x509.Certificate) -> Iterator[str]:
    serial = certificate.serial_number
    yield "Certificate:"
    yield "    Data:"
    yield "        Version: 3 (0x2)"
    yield f"        Serial Number: {serial} ({serial:#x})"
    yield f"    Signature Algorithm: {certificate.signature_algorithm_oid._name}"
    yield f"        Issuer: {certificate.issuer.rfc4514_string()}"
    yield "        Validity"
    yield f"            Not Before: {_time(certificate.not_valid_before_utc)}"
    yield f"            Not After : {_time(certificate.not_valid_after_utc)}"
    yield f"        Subject: {certificate.subject.rfc4514_string()}"
    yield "        Subject Public Key Info:"
    key = certificate.public_key()
    yield f"            Public Key Algorithm: {key_name(key)}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        yield f"                Public-Key: ({key.key_size} bit)"
    yield "        X509v3 extensions:"
    for extension in certificate.extensions:
        value = _extension(extension.value)
        if value is not None:
            title, text = value
            yield f"            X509v3 {title}:{' critical' if extension.critical else ''}"
            yield f"                {text}"


def _extension(value: x509.ExtensionType) -> tuple[str, str] | None:
    match value:
        case x509.KeyUsage():
            return "Key Usage", ", ".join(text for name, text in USAGES if getattr(value, name))
        case x509.ExtendedKeyUsage():
            names = [one._name for one in value]
            return "Extended Key Usage", ", ".join(PURPOSES.get(name, name) for name in names)
        case x509.BasicConstraints():
            return "Basic Constraints", f"CA:{str(value.ca).upper()}"
        case x509.SubjectAlternativeName():
            return "Subject Alternative Name", ", ".join(
                f"{_kind(one)}:{one.value}" for one in value
            )
        case x509.SubjectKeyIdentifier():
            return "Subject Key Identifier", value.digest.hex(":").upper()
        case x509.AuthorityKeyIdentifier() if value.key_identifier:
            return "Authority Key Identifier", value.key_identifier.hex(":").upper()
    return None


def _kind(name: x509.GeneralName) -> str:
    return "DNS" if isinstance(name, x509.DNSName) else "URI"


def _time(moment: datetime) -> str:
    return moment.strftime("%b %e %H:%M:%S %Y UTC")
