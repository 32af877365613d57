"""Peers that change their TLS keys: now and then, as the standard lets them, or all the time."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from proxy.identity.store import client_context
from proxy.tests.pair import SERVER, Pair, application, certificates, read_message
from proxy.tests.policies import Script, status

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

_HANDSHAKE, _APPLICATION_DATA = b"\x16", b"\x17"
_KEY_UPDATE = b"\x18\0\0\x01\x01"
"""With `update_requested`: it is to be answered."""


class Writer:
    """The client's half of a connection, in place of OpenSSL, which would not change keys for us."""

    def __init__(self, sock: ssl.SSLSocket, secrets: Path) -> None:
        """`secrets`: the key log of the connection (SSLKEYLOGFILE)."""
        assert sock.cipher() == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)
        lines = (line.split() for line in secrets.read_text().splitlines())
        (secret,) = (line[2] for line in lines if line[0] == "CLIENT_TRAFFIC_SECRET_0")
        self._sock = sock
        self._use(bytes.fromhex(secret))

    def _use(self, secret: bytes) -> None:
        self._secret = secret
        self._cipher = AESGCM(_expand(secret, b"key", 32))
        self._iv = int.from_bytes(_expand(secret, b"iv", 12))
        self._sequence = 0

    def record(self, kind: bytes, content: bytes) -> bytes:
        header = b"\x17\x03\x03" + (len(content) + 17).to_bytes(2)
        nonce = (self._iv ^ self._sequence).to_bytes(12)
        self._sequence += 1
        return header + self._cipher.encrypt(nonce, content + kind, header)

    def key_update(self) -> bytes:
        update = self.record(_HANDSHAKE, _KEY_UPDATE)
        self._use(_expand(self._secret, b"traffic upd", 48))
        return update

    def send(self, data: bytes) -> None:
        """Past OpenSSL."""
        socket.socket.sendall(self._sock, data)


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1)."""
    label = b"tls13 " + label
    info = length.to_bytes(2) + bytes([len(label)]) + label + b"\0"
    return HKDFExpand(SHA384(), length, info).derive(secret)


def connect(pair: Pair, secrets: Path) -> tuple[ssl.SSLSocket, Writer]:
    context = client_context(certificates(SERVER).trust_anchors)
    context.keylog_filename = str(secrets)
    sock = context.wrap_socket(pair.connect(inbound=True), server_hostname=SERVER)
    return sock, Writer(sock, secrets)


def answered(pair: Pair) -> float:
    """Bytes sent to the client."""
    return pair.metric("tcp_write_bytes_total", direction="inbound", peer="src")


def test_new_keys_are_answered_while_nothing_else_is_said(tmp_path: Path) -> None:
    with application(Script(200)) as port, Pair(port) as pair:
        sock, writer = connect(pair, tmp_path / "secrets")
        with sock:
            # OpenSSL answers one when it is shown what follows it.
            writer.send(writer.key_update())
            for _ in range(3):
                before = answered(pair)
                writer.send(writer.key_update())
                pair.becomes(lambda before=before: answered(pair) > before)  # type: ignore[misc]
            writer.send(writer.record(_APPLICATION_DATA, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"))
            assert status(read_message(sock)[0]) == 200


def test_a_peer_that_does_nothing_but_change_its_keys_is_sent_away(tmp_path: Path) -> None:
    """It reads none of the answers, which must not gather."""
    with application(Script(200)) as port, Pair(port) as pair:
        sock, writer = connect(pair, tmp_path / "secrets")
        with sock:
            with contextlib.suppress(OSError):
                writer.send(b"".join(writer.key_update() for _ in range(2_000)))
            pair.eventually(lambda: len(pair.inbound.connections), 0)
        assert pair.reactor.failures == 0
