"""Certificates of the cluster's parts and the kubeconfigs made of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.kubernetes.cluster.places import API_SERVER, KUBERNETES_IP, NODE, NODE_IP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kubernetes.cluster.places import Places

_LIFETIME = timedelta(days=30)
_KUBERNETES_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a certificate is for: file name, common name, group, and the names it serves under."""

    file: str
    common_name: str
    group: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


_SERVERS = (
    Subject(
        "apiserver",
        "kube-apiserver",
        names=_KUBERNETES_NAMES,
        addresses=("127.0.0.1", KUBERNETES_IP, NODE_IP),
    ),
    Subject("kubelet-server", NODE, names=(NODE,), addresses=(NODE_IP, "127.0.0.1")),
)
_CLIENTS = (
    Subject("apiserver-kubelet-client", "apiserver-kubelet-client", "system:masters"),
    Subject("admin", "admin", "system:masters"),
    Subject("controller-manager", "system:kube-controller-manager"),
    Subject("scheduler", "system:kube-scheduler"),
    Subject("proxy", "system:kube-proxy"),
    Subject("kubelet", f"system:node:{NODE}", "system:nodes"),
)
USERS = ("admin", "controller-manager", "scheduler", "proxy", "kubelet")


def make(places: Places) -> None:
    """Everything the cluster's parts need, in `places.pki`; kubeconfigs in `places.run`."""
    places.pki.mkdir(parents=True)
    authority = _authority(places.pki, "ca")
    for subject in (*_SERVERS, *_CLIENTS):
        _leaf(places.pki, subject, *authority)
    front = _authority(places.pki, "front-proxy-ca")
    _leaf(places.pki, Subject("front-proxy-client", "front-proxy-client"), *front)
    _token_key(places.pki)
    for user in USERS:
        places.kubeconfig(user).write_text(_kubeconfig(places.pki, user))


def _authority(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(folder, name, certificate, key)
    return certificate, key


def _leaf(
    folder: Path,
    subject: Subject,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name)]
    if subject.group:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.group))
    serves = bool(subject.names or subject.addresses)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if serves else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(x509.Name(attributes), authority.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if serves:
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in subject.names]
        names += [x509.IPAddress(ip_address(one)) for one in subject.addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    _write(folder, subject.file, builder.sign(authority_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )


def _token_key(folder: Path) -> None:
    """The API server signs service-account tokens with RSA, as everywhere."""
    key = rsa.generate_private_key(65537, 2048)
    (folder / "sa.key").write_bytes(_pem(key))
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "sa.pub").write_bytes(public)


def _write(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(_pem(key))


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _kubeconfig(folder: Path, user: str) -> str:
    files = {"client-certificate": f"{folder}/{user}.crt", "client-key": f"{folder}/{user}.key"}
    cluster = {"server": API_SERVER, "certificate-authority": f"{folder}/ca.crt"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "weft-test", "cluster": cluster}],
        "users": [{"name": user, "user": files}],
        "contexts": [{"name": "weft-test", "context": {"cluster": "weft-test", "user": user}}],
        "current-context": "weft-test",
    }
    return str(yaml.safe_dump(config))
