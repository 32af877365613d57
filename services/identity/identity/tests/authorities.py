"""Certificates of a small mesh, made for each test session: an anchor, issuers, and their files."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from weft.pki import certificate, keys
from weft.pki.certificate import Lifetime, Signer

NOW = datetime.now(UTC).replace(microsecond=0)
"""Real time, because the running service reads the real clock."""

YEAR = Lifetime(NOW - timedelta(days=1), NOW + timedelta(days=365))


@dataclass(frozen=True)
class Authority:
    """A certificate with its key, as files hold them."""

    signer: Signer

    @property
    def pem(self) -> bytes:
        return certificate.to_pem(self.signer.certificate)

    @property
    def key_pem(self) -> bytes:
        return keys.to_sec1_pem(self.signer.key)


def anchor(name: str = "root.weft.cluster.local") -> Authority:
    key = keys.generate()
    return Authority(Signer(certificate.make_anchor(name, key, YEAR), key))


def issuer(under: Authority, lifetime: Lifetime = YEAR) -> Authority:
    key = keys.generate()
    made = certificate.make_issuer(
        "identity.weft.cluster.local", key.public_key(), lifetime, under.signer
    )
    return Authority(Signer(made, key))


def leaf(under: Authority) -> Authority:
    key = keys.generate()
    return Authority(
        Signer(certificate.make_leaf(["x"], key.public_key(), YEAR, under.signer), key)
    )


ANCHOR = anchor()
ISSUER = issuer(ANCHOR)


P256 = bytes.fromhex("06082a8648ce3d030107")
SM2 = bytes.fromhex("06082a811ccf5501822d")
"""What names a curve in a certificate."""


def unreadable(like: Authority) -> bytes:
    """A certificate, as PEM, that loads; its key is on a curve that nobody here knows."""
    der = certificate.to_der(like.signer.certificate)
    return certificate.to_pem(certificate.from_der(der.replace(P256, SM2)))


@dataclass(frozen=True)
class Files:
    """The mounted Secret and ConfigMap."""

    directory: Path
    trust_roots: Path

    def write(
        self,
        *,
        signing: bytes = ISSUER.pem,
        key: bytes = ISSUER.key_pem,
        anchors: bytes = ANCHOR.pem,
        names: tuple[str, str] = ("crt.pem", "key.pem"),
    ) -> None:
        self.directory.mkdir(exist_ok=True)
        (self.directory / names[0]).write_bytes(signing)
        (self.directory / names[1]).write_bytes(key)
        self.trust_roots.write_bytes(anchors)


def files(where: Path) -> Files:
    return Files(where / "issuer", where / "ca-bundle.crt")


def dns_names(made: x509.Certificate) -> list[str]:
    return certificate.dns_names(made)
