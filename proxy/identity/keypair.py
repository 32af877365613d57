"""The key of this proxy and the signing request for it, made in memory at start.

The only module of the proxy that wants `cryptography`, which is slow to import and large once
imported. `make` therefore runs it in a child process that hands back a few hundred bytes and ends:
the key then lives in this process alone.

A directory that already holds `key.p8` and `csr.der` (Linkerd's `proxy-identity` wrapper writes
them) is used instead; a directory with only one of the two is a mistake.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path

KEY_FILE = "key.p8"
REQUEST_FILE = "csr.der"


class KeypairError(Exception):
    """There is no usable key; the message says which file or step failed."""


@dataclass(frozen=True, slots=True)
class Keypair:
    """`repr` shows nothing of the key."""

    key_pem: str
    """PKCS#8."""
    request_der: bytes
    """PKCS#10: the identity as common name (if it fits) and as the one DNS name."""

    def __repr__(self) -> str:
        return "<Keypair>"


def obtain(directory: str, identity: str) -> Keypair:
    """The key of the directory if it has one, else one made now. Raises KeypairError."""
    key, request = Path(directory, KEY_FILE), Path(directory, REQUEST_FILE)
    if not key.exists() and not request.exists():
        return make(identity)
    try:
        return Keypair(key_to_pem(key.read_bytes()), request.read_bytes())
    except OSError as error:
        raise KeypairError(f"{error.filename}: {error.strerror}") from error


def make(identity: str) -> Keypair:
    """A fresh ECDSA P-256 key, made in a child process. Raises KeypairError.

    To be called before any thread is started: the child is a fork.
    """
    readable, writable = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        _serve(writable, identity)
    os.close(writable)
    with os.fdopen(readable, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    key, separator, request = answer.partition(b"\0")
    if status != 0 or not separator:
        raise KeypairError(
            f"no key could be made: {key.decode(errors='replace') or 'child failed'}"
        )
    return Keypair(key.decode("ascii"), request)


def _serve(writable: int, identity: str) -> None:
    """The child: write key, a zero byte and the request, or what went wrong. Never returns."""
    try:
        from weft.pki import csr, keys

        key = keys.generate()
        answer, code = keys.to_pem(key) + b"\0" + csr.make(key, identity), 0
    except BaseException as error:
        answer, code = f"{type(error).__name__}: {error}".encode(), 1
    os.write(writable, answer)
    os._exit(code)


def key_to_pem(der: bytes) -> str:
    """PKCS#8 in DER as PEM."""
    body = base64.encodebytes(der).decode("ascii")
    return f"-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n"
