"""Certificates of this mesh and of a foreign one, and TLS clients that show them or none."""

from __future__ import annotations

import base64
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from weft.names import CONTROL_PLANE_NAMESPACE
from weft.pki import certificate, keys

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mesh.cluster import Cluster

ISSUER = "weft-identity-issuer"
ROOTS = "weft-identity-trust-roots"


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate with the chain above it, and the key to it; PEM."""

    chain: bytes
    key: bytes


def anchors(cluster: Cluster) -> str:
    """The trust anchors of the installed mesh, PEM."""
    found = cluster.read("configmap", ROOTS, "-n", CONTROL_PLANE_NAMESPACE)
    return str(found["data"]["ca-bundle.crt"])


def member(cluster: Cluster, identity: str) -> Credential:
    """What a workload of this mesh would show: signed by the mesh's own issuer."""
    data = cluster.read("secret", ISSUER, "-n", CONTROL_PLANE_NAMESPACE)["data"]
    chain = base64.b64decode(data["crt.pem"])
    key = keys.from_pem(base64.b64decode(data["key.pem"]))
    return _leaf(identity, certificate.Signer(certificate.from_pem(chain)[0], key), chain)


def stranger(identity: str) -> Credential:
    """The same name, vouched for by a mesh of another trust anchor."""
    key = keys.generate()
    anchor = certificate.make_anchor("root.elsewhere", key, _valid_now())
    return _leaf(identity, certificate.Signer(anchor, key), certificate.to_pem(anchor))


def expired_issuer() -> Credential:
    """An issuer with nothing wrong but its time: an anchor of its own, valid until an hour ago."""
    key = keys.generate()
    anchor = certificate.Signer(
        certificate.make_anchor("root.weft.cluster.local", key, _valid_now()), key
    )
    issuer_key = keys.generate()
    now = datetime.now(UTC)
    past = certificate.Lifetime(now - timedelta(days=2), now - timedelta(hours=1))
    issuer = certificate.make_issuer(
        "identity.weft.cluster.local", issuer_key.public_key(), past, anchor
    )
    return Credential(certificate.to_pem(issuer), keys.to_sec1_pem(issuer_key))


@dataclass(frozen=True, slots=True)
class Authority:
    """A trust anchor and an issuer below it, as files for `mesh upgrade`."""

    anchor: Path
    issuer: Path
    key: Path


def new_authority(folder: Path, issuer: str) -> Authority:
    """One that nobody trusts yet. `issuer` is the common name of its issuer."""
    anchor_key, issuer_key = keys.generate(), keys.generate()
    anchor = certificate.make_anchor("root.weft.cluster.local", anchor_key, _valid_now())
    signer = certificate.Signer(anchor, anchor_key)
    made = Authority(folder / "anchor.crt", folder / "issuer.crt", folder / "issuer.key")
    made.anchor.write_bytes(certificate.to_pem(anchor))
    made.issuer.write_bytes(
        certificate.to_pem(
            certificate.make_issuer(issuer, issuer_key.public_key(), _valid_now(), signer)
        )
    )
    made.key.write_bytes(keys.to_sec1_pem(issuer_key))
    return made


def client(*, trusts: str | None, shows: Credential | None = None) -> ssl.SSLContext:
    """A TLS client. `trusts` are the anchors it verifies the server with; None accepts any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusts is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=trusts)
    if shows is not None:
        show(context, shows)
    return context


def show(context: ssl.SSLContext, credential: Credential) -> None:
    """Make this the certificate that the context shows; OpenSSL reads it from files only."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(credential.chain + credential.key)
        file.flush()
        context.load_cert_chain(file.name)


def _leaf(identity: str, issuer: certificate.Signer, chain: bytes) -> Credential:
    key = keys.generate()
    leaf = certificate.make_leaf([identity], key.public_key(), _valid_now(), issuer)
    return Credential(certificate.to_pem(leaf) + chain, keys.to_pem(key))


def _valid_now() -> certificate.Lifetime:
    """Long enough for `mesh check` to be content with an issuer."""
    now = datetime.now(UTC)
    return certificate.Lifetime(now - timedelta(minutes=5), now + timedelta(days=365))
