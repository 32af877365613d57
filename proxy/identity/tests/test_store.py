"""Certificates that are put in force, and those that are not."""

import gc
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxy.identity import keypair
from proxy.identity.keypair import Keypair, KeypairError
from proxy.identity.peer import peer_identity, peer_names, proves
from proxy.identity.renewal import Bounds, next_in
from proxy.identity.store import (
    CertificateStore,
    Contexts,
    NotReadyError,
    RefusedCertificateError,
    build,
)
from testkit.control_plane import Authority
from weft.pki import certificate, csr, keys

WEB = "web.emojivoto.serviceaccount.identity.weft.cluster.local"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


def contexts(authority: Authority, name: str) -> Contexts:
    key, chain = authority.key_and_chain(name)
    return build(authority.anchors_pem, chain.decode(), key.decode())


def handshake(
    client: ssl.SSLContext, server: ssl.SSLContext
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=WEB)
    two = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (one, two, one, two):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return one, two


# --- the store ------------------------------------------------------------------------------


def test_a_watcher_that_fails_keeps_a_renewal_from_nobody(authority: Authority) -> None:
    store = CertificateStore(WEB, authority.anchors_pem)
    key, chain = authority.key_and_chain(WEB)
    heard: list[int] = []

    def broken() -> None:
        raise RuntimeError("a bug of its own")

    store.watch(broken)
    store.watch(lambda: heard.append(store.version))
    store.install(chain.decode(), key.decode(), 1234.0)
    store.install(chain.decode(), key.decode(), 5678.0)
    assert heard == [1, 2]


def test_a_certificate_is_put_in_force_for_both_sides(authority: Authority) -> None:
    store = CertificateStore(WEB, authority.anchors_pem)
    key, chain = authority.key_and_chain(WEB)
    with pytest.raises(NotReadyError):
        _ = store.server_context
    heard: list[int] = []
    cancel = store.watch(lambda: heard.append(store.version))
    store.install(chain.decode(), key.decode(), 1234.0)
    first = store.server_context
    store.install(chain.decode(), key.decode(), 5678.0)
    cancel()
    store.install(chain.decode(), key.decode(), 5678.0)
    assert heard == [1, 2]
    assert store.expires_at == 5678.0
    assert store.server_context is not first
    assert repr(store).endswith("version 3>")
    client, server = handshake(store.client_context, store.server_context)
    assert (client.version(), server.version()) == ("TLSv1.3", "TLSv1.3")
    assert peer_identity(client.getpeercert()) == peer_identity(server.getpeercert()) == WEB
    assert client.selected_alpn_protocol() is None
    client, _ = handshake(store.transport_client_context, store.server_context)
    assert client.selected_alpn_protocol() == "transport.l5d.io/v1"


def refused(store: CertificateStore, chain: bytes, key: bytes) -> str:
    with pytest.raises(RefusedCertificateError) as error:
        store.install(chain.decode(), key.decode(), 1.0)
    assert not store.ready
    return str(error.value)


def test_what_cannot_be_used_is_refused_and_changes_nothing(authority: Authority) -> None:
    store = CertificateStore(WEB, authority.anchors_pem)
    key, chain = authority.key_and_chain(WEB)
    other_key, other_chain = authority.key_and_chain("other.local")
    assert "carries other.local and not web" in refused(store, other_chain, other_key)
    assert "KEY_VALUES_MISMATCH" in refused(store, chain, other_key)
    foreign_key, foreign_chain = Authority.make().key_and_chain(WEB)
    assert "CERTIFICATE_VERIFY_FAILED" in refused(store, foreign_chain, foreign_key)
    past = certificate.Lifetime(datetime.now(UTC) - timedelta(2), datetime.now(UTC) - timedelta(1))
    old_key = keys.generate()
    old = certificate.make_leaf([WEB], old_key.public_key(), past, authority.anchor)
    assert "expired" in refused(store, certificate.to_pem(old), keys.to_pem(old_key))
    refused(store, b"no PEM", key)


def test_anchors_that_are_none() -> None:
    with pytest.raises(ValueError, match="trust anchors are not PEM"):
        CertificateStore(WEB, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")


def test_a_client_without_certificate_gets_in_without_identity(authority: Authority) -> None:
    store = CertificateStore(WEB, authority.anchors_pem)
    server = contexts(authority, WEB).server
    client, accepted = handshake(store.anonymous_context, server)
    assert proves(client.getpeercert(), WEB)
    assert peer_identity(accepted.getpeercert()) is None


def test_a_client_of_another_mesh_is_refused(authority: Authority) -> None:
    ours, theirs = contexts(authority, WEB), contexts(Authority.make(), WEB)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(theirs.client, ours.server)
    theirs.client.verify_mode = ssl.CERT_NONE
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(theirs.client, ours.server)


def test_no_older_protocol_is_spoken(authority: Authority) -> None:
    ours = contexts(authority, WEB)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        handshake(old, ours.server)


def test_sessions_are_not_resumed(authority: Authority) -> None:
    ours = contexts(authority, WEB)
    assert ours.server.num_tickets == 0
    client, _ = handshake(ours.client, ours.server)
    assert client.session is None or not client.session.has_ticket


def test_the_key_leaves_no_descriptor_behind(authority: Authority) -> None:
    gc.collect()
    before = set(os.listdir("/proc/self/fd"))
    contexts(authority, WEB)
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 1


# --- names ----------------------------------------------------------------------------------


def test_names_of_a_certificate() -> None:
    shown = {
        "subjectAltName": (
            ("DNS", "Web.Local."),
            ("IP Address", "10.0.0.1"),
            ("URI", "spiffe://x/Y"),
        )
    }
    assert peer_names(shown) == ("web.local", "spiffe://x/Y")
    assert peer_identity(shown) == "web.local"
    assert proves(shown, "WEB.local")
    assert proves(shown, "spiffe://x/Y")
    assert not proves(shown, "10.0.0.1")
    assert not proves(shown, "spiffe://x/y")
    assert not proves(shown, "SPIFFE://x/Y")
    assert peer_names(None) == peer_names({}) == ()
    assert peer_identity({}) is None


def test_a_name_of_one_kind_cannot_stand_for_one_of_the_other() -> None:
    shown = {"subjectAltName": (("DNS", "spiffe://x/y"), ("URI", "web.local"), ("URI", "urn:x"))}
    assert peer_names(shown) == ("urn:x",)
    assert not proves(shown, "spiffe://x/y")
    assert not proves(shown, "web.local")


# --- keys -----------------------------------------------------------------------------------


def test_a_key_made_in_memory_asks_for_exactly_its_name() -> None:
    pair = keypair.make(WEB)
    request = csr.parse(pair.request_der)
    assert csr.verify(request, WEB) == keys.from_pem(pair.key_pem.encode()).public_key()
    assert "PRIVATE" not in repr(pair)
    assert keypair.make(WEB) != pair


def test_a_key_that_cannot_be_made_says_why() -> None:
    with pytest.raises(KeypairError, match="no key could be made"):
        keypair.make("näme")


def test_a_directory_with_key_and_request_is_used(tmp_path: Path) -> None:
    assert isinstance(keypair.obtain(str(tmp_path), WEB), Keypair)
    key = keys.generate()
    pem = keys.to_pem(key).decode()
    (tmp_path / keypair.KEY_FILE).write_bytes(
        ssl.PEM_cert_to_DER_cert(pem.replace("PRIVATE KEY", "CERTIFICATE"))
    )
    with pytest.raises(KeypairError, match=r"csr\.der"):
        keypair.obtain(str(tmp_path), WEB)
    (tmp_path / keypair.REQUEST_FILE).write_bytes(csr.make(key, WEB))
    found = keypair.obtain(str(tmp_path), WEB)
    assert keys.from_pem(found.key_pem.encode()).public_key() == key.public_key()
    assert csr.verify(csr.parse(found.request_der), WEB) == key.public_key()


# --- renewal --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expires_at", "wait"),
    [
        (None, 10.0),
        (1_000.0 + 100.0, 70.0),
        (1_000.0 + 5.0, 10.0),
        (1_000.0 - 50.0, 10.0),
        (1_000.0 + 1_000_000.0, 86_400.0),
    ],
)
def test_renewal_at_seventy_percent_within_bounds(expires_at: float | None, wait: float) -> None:
    assert next_in(Bounds(10.0, 86_400.0), 1_000.0, expires_at) == pytest.approx(wait)
