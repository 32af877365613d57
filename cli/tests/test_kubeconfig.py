"""Kubeconfigs that are read without the `kubernetes` library: the same access, and what is left to it."""

import base64
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

from cli.cluster.client import RestCluster
from cli.cluster.kubeconfig import context_namespace, read_plain
from cli.options import Globals
from weft.pki import keys
from weft.pki.certificate import Lifetime, Signer, make_anchor, make_leaf, to_pem

LIFETIME = Lifetime(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1))
SERVER = "https://127.0.0.1:1/"


class Authority:
    """An authority, and pairs of certificate and key signed by it."""

    def __init__(self) -> None:
        self._key = keys.generate()
        self._anchor = make_anchor("root.weft.cluster.local", self._key, LIFETIME)
        self.pem = to_pem(self._anchor)

    def pair(self, name: str) -> tuple[bytes, bytes]:
        key = keys.generate()
        leaf = make_leaf(
            [name], key.public_key(), LIFETIME, Signer(self._anchor, self._key), serial=7
        )
        return to_pem(leaf), keys.to_pem(key)


def data(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def write(folder: Path, cluster: dict[str, Any], user: dict[str, Any], **more: Any) -> Globals:
    file = folder / "config"
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [
            {"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "shop"}},
            {"name": "d", "context": {"cluster": "k"}},
        ],
        "clusters": [{"name": "k", "cluster": cluster}], "users": [{"name": "u", "user": user}],
    } | more  # fmt: skip
    file.write_text(yaml.safe_dump(document))
    return Globals(kubeconfig=str(file))


def shake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> dict[str, Any] | None:
    """The client's certificate as the server sees it, after a handshake without a network."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname=name)
    far = server.wrap_bio(up, down, server_side=True)
    waiting = [near, far]
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    return far.getpeercert()


@pytest.mark.parametrize("form", ["data", "files"])
def test_certificates_are_shown_and_demanded(tmp_path: Path, form: str) -> None:
    authority = Authority()
    (tmp_path / "ca").write_bytes(authority.pem)
    material: dict[str, bytes] = dict(
        zip(("client-certificate", "client-key"), authority.pair("ann.example"), strict=True)
    )
    cluster: dict[str, Any] = {"server": SERVER, "certificate-authority": "ca"}
    user: dict[str, Any] = {}
    if form == "data":
        cluster = {"server": SERVER, "certificate-authority-data": data(authority.pem)}
    for name, pem in material.items():
        (tmp_path / name).write_bytes(pem)
        user |= {f"{name}-data": data(pem)} if form == "data" else {name: name}
    plain = read_plain(write(tmp_path, cluster, user))
    assert plain is not None
    context = RestCluster(plain).tls
    assert context is not None

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = authority.pair("api.example")
    (tmp_path / "server").write_bytes(certificate + key)
    server.load_cert_chain(tmp_path / "server")
    server.load_verify_locations(cadata=authority.pem.decode())
    server.verify_mode = ssl.CERT_REQUIRED
    seen = shake(context, server, "api.example")
    assert seen is not None
    assert ("DNS", "ann.example") in seen["subjectAltName"]
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(context, server, "other.example")


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({}, {}),
        ({}, {"token": "secret"}),
        ({"insecure-skip-tls-verify": True}, {"token": "secret"}),
        ({"tls-server-name": "api.example", "extensions": []}, {}),
    ],
)
@pytest.mark.parametrize("context", [None, "c", "d"])
def test_the_access_is_the_one_the_library_finds(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], context: str | None
) -> None:
    chosen = write(tmp_path, {"server": SERVER} | cluster, user)
    plain = read_plain(Globals(kubeconfig=chosen.kubeconfig, context=context))
    library = Configuration()
    load_kube_config(  # type: ignore[no-untyped-call]
        config_file=chosen.kubeconfig, context=context, client_configuration=library
    )
    assert plain is not None
    ours, theirs = RestCluster(plain), RestCluster(library)
    assert ours.server == theirs.server
    assert ours.headers() == theirs.headers()
    assert (plain.verify_ssl, plain.tls_server_name) == (
        library.verify_ssl,
        library.tls_server_name,
    )


@pytest.mark.parametrize(
    ("cluster", "user", "more"),
    [
        ({}, {"exec": {"command": "x"}}, {}),
        ({}, {"auth-provider": {"name": "oidc"}}, {}),
        ({}, {"tokenFile": "t"}, {}),
        ({}, {"username": "a", "password": "b"}, {}),
        ({"proxy-url": "http://127.0.0.1:1"}, {}, {}),
        ({"server": 5}, {}, {}),
        ({"server": ""}, {}, {}),
        ({"certificate-authority": "absent"}, {}, {}),
        ({"certificate-authority-data": "no base64!"}, {}, {}),
        ({"insecure-skip-tls-verify": "yes"}, {}, {}),
        ({}, {"token": 5}, {}),
        ({}, {"client-certificate-data": data(b"x")}, {}),
        ({}, {}, {"current-context": "nope"}),
        ({}, {}, {"current-context": 5}),
        ({}, {}, {"clusters": []}),
        ({}, {}, {"users": "x"}),
        ({}, {}, {"clusters": ["x"]}),
    ],
)
def test_what_is_not_plain_is_left_to_the_library(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], more: dict[str, Any]
) -> None:
    assert read_plain(write(tmp_path, {"server": SERVER} | cluster, user, **more)) is None


def test_several_files_are_left_to_the_library(tmp_path: Path) -> None:
    chosen = write(tmp_path, {"server": SERVER}, {})
    (tmp_path / "second").write_text("{}")
    both = Globals(kubeconfig=f"{chosen.kubeconfig}:{tmp_path / 'second'}")
    assert read_plain(both) is None
    absent = Globals(kubeconfig=f"{chosen.kubeconfig}:{tmp_path / 'absent'}")
    assert read_plain(absent) is not None


def test_commands_with_a_plain_file_do_not_import_the_library(tmp_path: Path) -> None:
    chosen = write(tmp_path, {"server": SERVER}, {"token": "secret"})
    program = (
        "import sys\n"
        "from cli.cluster.client import connect\n"
        "from cli.cluster.current_namespace import current_namespace\n"
        "from cli.options import Globals\n"
        f"chosen = Globals(kubeconfig={chosen.kubeconfig!r})\n"
        "connect(chosen), print(current_namespace(chosen), 'kubernetes' in sys.modules)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout  # fmt: skip
    assert said.split() == ["shop", "False"]


def test_a_file_is_parsed_once_for_namespace_and_access_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []
    load = yaml.load

    def counted(content: bytes, **more: Any) -> Any:
        parsed.append(content)
        return load(content, **more)

    monkeypatch.setattr(yaml, "load", counted)
    for token in ("first", "second"):
        chosen = write(tmp_path, {"server": SERVER}, {"token": token})
        plain = read_plain(chosen)
        assert plain is not None
        assert plain.token == token
        assert context_namespace(chosen) == "shop"
    assert len(parsed) == 2
