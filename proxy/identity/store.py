"""`CertificateStore`: the TLS contexts of this proxy, replaced whole whenever a certificate comes.

TLS 1.3 only, no session tickets: every handshake proves both identities anew. Names are not
checked by OpenSSL but by the caller, after the handshake, against what the control plane promised
(`proxy.identity.peer.proves`), because the name in a certificate is an identity and not a host.

`ssl` loads keys from files only. The key must never reach a disk, so it goes through an anonymous
file in memory (memfd) that exists while the context is built.
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.identity.peer import peer_names, proves
from proxy.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from proxy.watchers import Cancel

TRANSPORT_ALPN = "transport.l5d.io/v1"
"""Offered when a connection begins with a transport header; told to servers by the client."""


class RefusedCertificateError(Exception):
    """A certificate that must not be put in force; the message says why."""


class NotReadyError(Exception):
    """A context was asked for before the first certificate arrived."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """Contexts of one certificate; connections keep the ones they began with."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    transport_client: ssl.SSLContext


class CertificateStore:
    """The identity of this proxy and the contexts that prove it."""

    def __init__(self, local_name: str, trust_anchors: str, server_name: str | None = None) -> None:
        """`trust_anchors` is a PEM bundle. Raises ValueError when it holds no certificate."""
        self.local_name = local_name
        """A DNS name or a SPIFFE ID."""
        self.server_name = server_name or local_name
        """What clients ask for by SNI when they mean this proxy: the local name, if that is a DNS name."""
        self.trust_anchors = trust_anchors
        self.expires_at: float | None = None
        """Seconds since the epoch at which the present certificate ends."""
        self.version = 0
        """Bumped on every renewal."""
        self._contexts: Contexts | None = None
        self._watchers = Watchers(f"certificate of {local_name}")
        self.anonymous_context = client_context(trust_anchors)
        """Trusts the anchors but shows no certificate: only for asking for the first one."""

    @property
    def ready(self) -> bool:
        """Whether a certificate has been issued."""
        return self._contexts is not None

    @property
    def contexts(self) -> Contexts:
        """Raises NotReadyError before the first certificate."""
        if self._contexts is None:
            raise NotReadyError(f"{self.local_name} has no certificate yet")
        return self._contexts

    @property
    def server_context(self) -> ssl.SSLContext:
        """Asks for a client certificate, lets clients without one in (the policy decides)."""
        return self.contexts.server

    @property
    def client_context(self) -> ssl.SSLContext:
        """Shows our certificate; no ALPN."""
        return self.contexts.client

    @property
    def transport_client_context(self) -> ssl.SSLContext:
        """As `client_context`, offering the transport header protocol by ALPN."""
        return self.contexts.transport_client

    def install(
        self, chain_pem: str, key_pem: str, expires_at: float | None = None, *, bundle_pem: str = ""
    ) -> None:
        """Put a certificate in force for new handshakes, after proving that it works.

        `chain_pem` begins with our own certificate; `expires_at` is seconds since the epoch, None
        for the end the certificate itself gives. `bundle_pem` is trusted beside the trust anchors
        for as long as this certificate is the present one.
        Raises RefusedCertificateError, and changes nothing, unless the chain stands on one of them,
        is current, belongs to the key and carries our name.
        """
        try:
            contexts = build(f"{self.trust_anchors}\n{bundle_pem}", chain_pem, key_pem)
            ends = _prove(contexts, self.local_name, self.server_name)
        except ssl.SSLError as error:
            raise RefusedCertificateError(str(error)) from error
        except ValueError as error:  # the anchors themselves were read before
            raise RefusedCertificateError(f"with its trust bundle, {error}") from error
        self._contexts = contexts
        self.expires_at = ends if expires_at is None else expires_at
        self.version += 1
        self._watchers.notify()

    def watch(self, callback: Callable[[], None]) -> Cancel:
        """Run `callback` after every renewal until cancelled."""
        return self._watchers.add(callback)

    def __repr__(self) -> str:
        state = f"version {self.version}" if self.ready else "no certificate yet"
        return f"<CertificateStore {self.local_name}: {state}>"


def build(trust_anchors: str, chain_pem: str, key_pem: str) -> Contexts:
    """The three contexts of one certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.verify_mode = ssl.CERT_OPTIONAL
    server.num_tickets = 0
    server.set_alpn_protocols([TRANSPORT_ALPN])
    client = client_context(trust_anchors)
    transport = client_context(trust_anchors)
    transport.set_alpn_protocols([TRANSPORT_ALPN])
    _strict(server, trust_anchors)
    for context in (server, client, transport):
        _load_key(context, chain_pem, key_pem)
    return Contexts(server, client, transport)


def client_context(trust_anchors: str) -> ssl.SSLContext:
    """A client that trusts only the anchors, and leaves names to the caller."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    _strict(context, trust_anchors)
    return context


def _prove(contexts: Contexts, name: str, server_name: str) -> float:
    """Shake hands with ourselves: if both sides agree to our name, so will our peers. When the certificate
    ends, in seconds since the epoch.

    One handshake checks chain, anchors, time, key and name by the very code that peers use, which
    no separate verification could promise. Raises ssl.SSLError or RefusedCertificateError.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = contexts.client.wrap_bio(to_client, to_server, server_hostname=server_name)
    server = contexts.server.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):  # hello, its answer, both finished
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    for side in (client, server):
        certificate = side.getpeercert()
        if not proves(certificate, name):
            names = ", ".join(peer_names(certificate)) or "no name"
            raise RefusedCertificateError(f"it carries {names} and not {name}")
    if len([uri for uri in peer_names(certificate) if ":" in uri]) > 1:
        raise RefusedCertificateError("it carries more than one URI name")  # X509-SVID, section 2
    return _end(client.getpeercert())


def _end(certificate: Mapping[str, object] | None) -> float:
    assert certificate is not None
    ends = certificate["notAfter"]
    assert isinstance(ends, str)
    return ssl.cert_time_to_seconds(ends)


def _strict(context: ssl.SSLContext, trust_anchors: str) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_verify_locations(cadata=trust_anchors)
    except ssl.SSLError as error:
        raise ValueError(f"the trust anchors are not PEM certificates: {error}") from error


def _load_key(context: ssl.SSLContext, chain_pem: str, key_pem: str) -> None:
    descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, (key_pem + chain_pem).encode("ascii"))
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
