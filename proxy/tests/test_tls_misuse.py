"""Certificates and handshakes that prove nothing: refused before a byte of the application is read, or let in
without an identity. Each case ends with a legitimate client that is served."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID

from proxy.authz.policy import default_policy
from proxy.detect.client_hello import ClientHello, read_client_hello
from proxy.tests.attacked import Seen, Victim, drained
from proxy.tests.pair import CLIENT, SERVER, _authority, application, certificates, read_message
from weft.pki import keys
from weft.pki.certificate import Signer, make_anchor, make_issuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUEST = b"GET / HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n"
POD = "10.9.9.9"
NOW = datetime.now(UTC)
OTHER = "web.demo.serviceaccount.identity.weft.other.local"


@dataclass(frozen=True)
class Leaf:
    """What is wrong with a certificate; the defaults are those of a good one."""

    names: tuple[x509.GeneralName, ...] = (x509.DNSName(CLIENT),)
    starts: datetime = NOW - timedelta(minutes=5)
    ends: datetime = NOW + timedelta(hours=1)
    key: Callable[[], Any] = keys.generate
    usages: tuple[x509.ObjectIdentifier, ...] | None = (Usage.SERVER_AUTH, Usage.CLIENT_AUTH)
    signs: bool = True
    """Key usage digitalSignature."""

    def issue(self, signer: Signer) -> tuple[Any, x509.Certificate]:
        key = self.key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")]))
            .issuer_name(signer.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.starts)
            .not_valid_after(self.ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs=self.signs), critical=True)
        )
        if self.names:
            builder = builder.add_extension(x509.SubjectAlternativeName(self.names), critical=False)
        if self.usages is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.usages), critical=False)
        return key, builder.sign(signer.key, hashes.SHA256())


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def stranger() -> Signer:
    key = keys.generate()
    _, lifetime = _authority()
    return Signer(make_anchor("root.weft.cluster.local", key, lifetime), key)


def context_of(key: Any, *chain: x509.Certificate) -> ssl.SSLContext:
    """A client that shows this chain and believes whatever it is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with TemporaryDirectory() as folder:
        file = Path(folder, "chain.pem")
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_bytes(
            private + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
        )
        context.load_cert_chain(file)
    return context


def shown(leaf: Leaf, signer: Signer | None = None) -> ssl.SSLContext:
    key, certificate = leaf.issue(signer or _authority()[0])
    return context_of(key, certificate)


@contextlib.contextmanager
def guarded() -> Iterator[Victim]:
    """A pod that lets in whoever has an identity of the mesh, seen from another pod."""
    seen = Seen()
    policy = default_policy("all-authenticated")
    with (
        application(seen.serve) as port,
        Victim(port, inbound_policy=policy, client_ip=POD) as pair,
    ):
        pair.seen = seen
        yield pair
        # Whatever came before: a client of the mesh is served, as itself.
        seen.requests.clear()
        assert ask(pair, certificates(CLIENT).client_context).startswith(b"HTTP/1.1 200")
        assert b"l5d-client-id: " + CLIENT.encode() in seen.requests[0]
        assert pair.reactor.failures == 0
        pair.eventually(lambda: len(pair.inbound.connections), 0)


def ask(pair: Victim, context: ssl.SSLContext, name: str | None = SERVER) -> bytes:
    """The answer over TLS; nothing when the connection is refused."""
    with (
        pair.connect(inbound=True) as plain,
        contextlib.suppress(ssl.SSLError, OSError),
        context.wrap_socket(plain, server_hostname=name) as sock,
    ):
        sock.sendall(REQUEST)
        head, body, _ = read_message(sock)
        return head + b"\r\n\r\n" + body
    return b""


BAD: dict[str, Callable[[], ssl.SSLContext]] = {
    "expired": lambda: shown(Leaf(ends=NOW - timedelta(minutes=1))),
    "not yet valid": lambda: shown(Leaf(starts=NOW + timedelta(minutes=30))),
    "of another authority with the same name": lambda: shown(Leaf(), stranger()),
    "for servers only": lambda: shown(Leaf(usages=(Usage.SERVER_AUTH,))),
    "for signing code": lambda: shown(Leaf(usages=(Usage.CODE_SIGNING,))),
    "for encrypting only": lambda: shown(Leaf(signs=False)),
    "RSA of 1024 bits": lambda: shown(Leaf(key=lambda: rsa.generate_private_key(65_537, 1024))),
    "signed by a workload": lambda: _signed_by_a_workload(),
    "behind an authority that may sign no authorities": lambda: _too_long(),
}


def _signed_by_a_workload() -> ssl.SSLContext:
    anchor, _ = _authority()
    middle_key, middle = Leaf().issue(anchor)
    key, leaf = Leaf(names=(x509.DNSName(OTHER),)).issue(Signer(middle, middle_key))
    return context_of(key, leaf, middle)


def _too_long() -> ssl.SSLContext:
    anchor, lifetime = _authority()
    chain: list[x509.Certificate] = []
    signer = anchor
    for number in range(2):
        key = keys.generate()
        made = make_issuer(f"issuer-{number}", key.public_key(), lifetime, signer)
        signer = Signer(made, key)
        chain.insert(0, made)
    leaf_key, leaf = Leaf().issue(signer)
    return context_of(leaf_key, leaf, *chain)


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_certificate_that_proves_nothing_ends_the_handshake(
    make: Callable[[], ssl.SSLContext],
) -> None:
    with guarded() as pair:
        assert ask(pair, make()) == b""
        assert pair.seen.requests == []
        assert pair.metric("inbound_tcp_errors_total", error="tls-failed") == 1


NAMELESS: dict[str, tuple[x509.GeneralName, ...]] = {
    "no name": (),
    "an address": (x509.IPAddress(ipaddress.ip_address("10.0.0.1")),),
    "a mail address": (x509.RFC822Name("web@demo.test"),),
}


@pytest.mark.parametrize("names", NAMELESS.values(), ids=NAMELESS)
def test_a_certificate_without_a_name_of_the_mesh_is_nobodys(
    names: tuple[x509.GeneralName, ...],
) -> None:
    with guarded() as pair:
        assert ask(pair, shown(Leaf(names=names))).startswith(b"HTTP/1.1 403")
        assert pair.seen.requests == []
        assert pair.metric("inbound_http_authz_deny_total", client_id="") == 1


GOOD: dict[str, Callable[[], ssl.SSLContext]] = {
    "P-384": lambda: shown(Leaf(key=lambda: ec.generate_private_key(ec.SECP384R1()))),
    "P-521": lambda: shown(Leaf(key=lambda: ec.generate_private_key(ec.SECP521R1()))),
    "Ed25519": lambda: shown(Leaf(key=ed25519.Ed25519PrivateKey.generate)),
    "RSA of 2048 bits": lambda: shown(Leaf(key=lambda: rsa.generate_private_key(65_537, 2048))),
    "without extended key usage": lambda: shown(Leaf(usages=None)),
    "behind an issuer": lambda: _behind_an_issuer(),
    "with the anchor sent along": lambda: _with_anchor(),
}


def _behind_an_issuer(*more: x509.Certificate) -> ssl.SSLContext:
    anchor, lifetime = _authority()
    key = keys.generate()
    issuer = make_issuer("issuer", key.public_key(), lifetime, anchor)
    leaf_key, leaf = Leaf().issue(Signer(issuer, key))
    return context_of(leaf_key, leaf, issuer, *more)


def _with_anchor() -> ssl.SSLContext:
    return _behind_an_issuer(_authority()[0].certificate)


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_unusual_but_good_certificates_are_believed(make: Callable[[], ssl.SSLContext]) -> None:
    with guarded() as pair:
        assert ask(pair, make()).startswith(b"HTTP/1.1 200")
        assert b"l5d-client-id: " + CLIENT.encode() in pair.seen.requests[0]


def test_of_several_names_the_first_is_the_client() -> None:
    both = (
        x509.UniformResourceIdentifier("spiffe://root.weft.test/ns/demo/sa/web"),
        x509.DNSName(OTHER),
    )
    with guarded() as pair:
        assert ask(pair, shown(Leaf(names=both))).startswith(b"HTTP/1.1 200")
        (head,) = pair.seen.requests
        assert head.count(b"l5d-client-id: ") == 1
        assert b"l5d-client-id: spiffe://root.weft.test/ns/demo/sa/web" in head


# --- handshakes -----------------------------------------------------------------------------


def anonymous() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_without_a_certificate_where_one_is_demanded() -> None:
    with guarded() as pair:
        assert ask(pair, anonymous()).startswith(b"HTTP/1.1 403")
        assert pair.seen.requests == []


def test_an_older_protocol_is_refused() -> None:
    context = shown(Leaf())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with guarded() as pair:
        assert ask(pair, context) == b""
        assert pair.metric("inbound_tcp_errors_total", error="tls-failed") == 1


def test_the_name_of_another_workload_is_not_ours_to_end() -> None:
    """It passes through as it is, under the policy for clients without identity."""
    with guarded() as pair:
        assert ask(pair, shown(Leaf()), OTHER) == b""
        assert pair.seen.requests == []
        assert pair.metric("inbound_tcp_authz_deny_total", tls="opaque", sni=OTHER) == 1


def test_without_a_server_name_nothing_is_ended() -> None:
    with guarded() as pair:
        assert ask(pair, shown(Leaf()), None) == b""
        assert pair.seen.requests == []


@pytest.mark.parametrize("protocols", [["h2"], ["http/1.1"], ["x"], ["transport.l5d.io/v1"]])
def test_another_application_protocol_does_not_change_what_is_spoken(protocols: list[str]) -> None:
    """The header's protocol counts on the proxy's own port only."""
    context = shown(Leaf())
    context.set_alpn_protocols(protocols)
    with guarded() as pair:
        answer = ask(pair, context)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 200")


def test_no_session_can_be_taken_up_again_and_so_no_early_data_sent() -> None:
    """There is no ticket: nothing can be sent, and replayed, before a handshake is complete, and no
    client can go on as another."""
    context = shown(Leaf())
    with guarded() as pair:
        with (
            pair.connect(inbound=True) as plain,
            context.wrap_socket(plain, server_hostname=SERVER) as sock,
        ):
            sock.sendall(REQUEST)
            read_message(sock)
            session = sock.session
        assert session is None or not session.has_ticket
        with (
            pair.connect(inbound=True) as plain,
            context.wrap_socket(plain, server_hostname=SERVER, session=session) as sock,
        ):
            assert not sock.session_reused


def test_a_chain_larger_than_a_record_is_read_or_refused_and_nothing_hangs() -> None:
    key, leaf = Leaf(
        names=(x509.DNSName(CLIENT), *(x509.DNSName(f"n{at}.example") for at in range(3_000)))
    ).issue(_authority()[0])
    with guarded() as pair:
        answer = ask(pair, context_of(key, leaf, *[_authority()[0].certificate] * 20))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 200")


def test_a_hello_that_stops_after_any_byte_is_given_up() -> None:
    outgoing = ssl.MemoryBIO()
    tls = shown(Leaf()).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=SERVER)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    assert isinstance(read_client_hello(hello), ClientHello)
    with guarded() as pair:
        for cut in range(1, len(hello), 61):
            with pair.connect(inbound=True) as sock:
                sock.sendall(hello[:cut])
                sock.shutdown(socket.SHUT_WR)
                assert drained(sock) == b""
        assert pair.seen.requests == []


def test_plaintext_after_the_handshake_is_no_request() -> None:
    with guarded() as pair:
        with (
            pair.connect(inbound=True) as plain,
            plain.dup() as kept,
            contextlib.suppress(ssl.SSLError, OSError),
            shown(Leaf()).wrap_socket(plain, server_hostname=SERVER) as sock,
        ):
            kept.sendall(REQUEST)
            assert sock.recv(100) == b""
        assert pair.seen.requests == []
