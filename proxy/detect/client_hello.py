"""The server name and ALPN protocols of a TLS ClientHello, read without taking part in TLS.

The inbound proxy ends TLS that is addressed to its own identity and passes any other TLS on
untouched, so it must know the server name before it answers. The outbound proxy chooses the route
of TLS that its application speaks in the same way.

A ClientHello is one handshake message (RFC 8446, 4.1.2) that may be cut over several records (5.1),
each of which may arrive in several pieces. The judgement runs over all bytes received so far and is
quick to say no: the first byte already tells most other protocols apart. What it leaves out: it
does not judge versions, cipher suites or key shares - that is for whoever answers the hello.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

HELLO_LIMIT = 8192
"""The most bytes a hello may take, records' headers included. A larger one is malformed."""

RECORD_LIMIT = 64
"""The most records a hello may be cut into; more serve only to make its reader work."""

_RECORD_HEADER = 5
_RECORD_MAX = 1 << 14
_CLIENT_HELLO = 1
_MESSAGE_HEADER = 4
_SERVER_NAME = 0
_HOST_NAME = 0
_ALPN = 16

# RFC 6066, 3 wants a DNS name in A-labels; underscores occur in practice.
_NAME = re.compile(rb"[0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63})*\.?")
_NAME_MAX = 254


@dataclass(frozen=True, slots=True)
class ClientHello:
    server_name: str | None
    """In lower case without a trailing dot; None when the client sent none."""
    alpn: tuple[bytes, ...] = ()
    """The protocols the client offers, the one it prefers first."""


class NoHello(Enum):
    NOT_TLS = auto()
    """The bytes do not begin a TLS handshake."""
    NEED_MORE = auto()
    """So far they do, but the hello is not complete."""
    MALFORMED = auto()
    """They begin a TLS handshake that breaks TLS's rules or a limit above."""


def read_client_hello(head: bytes) -> ClientHello | NoHello:
    """Judge a connection by `head`, everything it has sent so far. More may follow the hello.

    Only NEED_MORE may turn into another answer when more bytes arrive.
    """
    try:
        return _parse_body(_join_records(head[:HELLO_LIMIT]))
    except _StopError as stop:
        return stop.verdict


class _StopError(Exception):
    """There is no hello to return, and why. Never leaves this module."""

    def __init__(self, verdict: NoHello) -> None:
        self.verdict = verdict


def _join_records(head: bytes) -> bytes:
    """The hello's body, freed of the headers of records and message."""
    message = bytearray()
    at = 0
    for _ in range(RECORD_LIMIT):
        header = head[at : at + _RECORD_HEADER]
        if not _may_be_handshake_record(header):
            raise _StopError(NoHello.MALFORMED if at else NoHello.NOT_TLS)
        if len(header) < _RECORD_HEADER:
            raise _incomplete(head)
        length = int.from_bytes(header[3:])
        if not 0 < length <= _RECORD_MAX:
            raise _StopError(NoHello.MALFORMED)
        at += _RECORD_HEADER
        message += head[at : at + length]
        at += length
        if message and message[0] != _CLIENT_HELLO:
            raise _StopError(NoHello.NOT_TLS)
        if len(message) >= _MESSAGE_HEADER:
            end = _MESSAGE_HEADER + int.from_bytes(message[1:_MESSAGE_HEADER])
            if len(message) >= end:
                return bytes(message[_MESSAGE_HEADER:end])
            if end > HELLO_LIMIT - _RECORD_HEADER:
                raise _StopError(NoHello.MALFORMED)
        if at > len(head):
            raise _incomplete(head)
    raise _StopError(NoHello.MALFORMED)


def _may_be_handshake_record(header: bytes) -> bool:
    """`header` may be cut short. The version of the record is 3.x for every TLS there is."""
    return b"\x16\x03".startswith(header[:2]) and header[2:3] <= b"\x04"


def _incomplete(head: bytes) -> _StopError:
    return _StopError(NoHello.NEED_MORE if len(head) < HELLO_LIMIT else NoHello.MALFORMED)


class _Reader:
    """Takes fields off the front of a byte string; a field that overruns it is malformed."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise _StopError(NoHello.MALFORMED)
        field = self._data[self._at : end]
        self._at = end
        return field

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def vector(self, length_bytes: int, *, least: int = 0, most: int = 1 << 16) -> bytes:
        """A field that begins with its own length, which must be within bounds."""
        length = self.number(length_bytes)
        if not least <= length <= most:
            raise _StopError(NoHello.MALFORMED)
        return self.take(length)


def _parse_body(body: bytes) -> ClientHello:
    reader = _Reader(body)
    reader.take(2)  # legacy_version
    reader.take(32)  # random
    reader.vector(1, most=32)  # legacy_session_id
    cipher_suites = reader.vector(2, least=2)
    reader.vector(1, least=1)  # legacy_compression_methods
    # Before TLS 1.3 a hello may end here.
    extensions = _extensions(reader.vector(2)) if reader else {}
    if reader or len(cipher_suites) % 2:
        raise _StopError(NoHello.MALFORMED)
    server_name = extensions.get(_SERVER_NAME)
    alpn = extensions.get(_ALPN)
    return ClientHello(
        server_name=None if server_name is None else _host_name(server_name),
        alpn=() if alpn is None else _protocols(alpn),
    )


def _extensions(block: bytes) -> dict[int, bytes]:
    extensions: dict[int, bytes] = {}
    reader = _Reader(block)
    while reader:
        kind = reader.number(2)
        if kind in extensions:  # forbidden by RFC 8446, 4.2: two readers might heed different ones
            raise _StopError(NoHello.MALFORMED)
        extensions[kind] = reader.vector(2)
    return extensions


def _host_name(extension: bytes) -> str:
    """RFC 6066, 3: a list of names of which only one kind, and one of each kind, is ever used."""
    reader = _Reader(extension)
    names = _Reader(reader.vector(2, least=1))
    kind = names.number(1)
    name = names.vector(2, least=1, most=_NAME_MAX)
    if reader or names or kind != _HOST_NAME or _NAME.fullmatch(name) is None:
        raise _StopError(NoHello.MALFORMED)
    return name.decode("ascii").lower().removesuffix(".")


def _protocols(extension: bytes) -> tuple[bytes, ...]:
    """RFC 7301, 3.1."""
    reader = _Reader(extension)
    names = _Reader(reader.vector(2, least=2))
    protocols = []
    while names:
        protocols.append(names.vector(1, least=1))
    if reader:
        raise _StopError(NoHello.MALFORMED)
    return tuple(protocols)
