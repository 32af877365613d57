"""What one proxy tells another ahead of bytes it does not read: the transport header.

On a TLS connection that negotiated the ALPN protocol below, the client first sends

    "transport.l5d.io/v1\r\n\r\n"   23 bytes of ASCII
    length                          4 bytes, big-endian
    transport.l5d.io.Header         `length` bytes of protobuf

and then the application's own bytes. There is no answer. The text says to somebody who expected
HTTP what arrived instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from google.protobuf.message import DecodeError

from weftapi.proxy import transport_header_pb2 as pb

ALPN = "transport.l5d.io/v1"
PREFIX = ALPN.encode() + b"\r\n\r\n"
HEADER_LIMIT = 64 * 1024
"""The most bytes a header may take, prefix and length included."""

_LENGTH_BYTES = 4
_MESSAGE_AT = len(PREFIX) + _LENGTH_BYTES


class TransportHeaderError(ValueError):
    """The bytes are not a transport header. The peer is to blame; close the connection."""


class SessionProtocol(Enum):
    """What follows the header, when the client knows."""

    HTTP1 = "http1"
    HTTP2 = "http2"


@dataclass(frozen=True, slots=True)
class TransportHeader:
    port: int
    """The port the bytes are meant for, on the peer's pod or, with a name, behind it."""
    name: str = ""
    """Empty for the peer's own pod, else the DNS authority a gateway should forward to."""
    session: SessionProtocol | None = None
    """None: bytes that nobody should try to understand."""

    def __post_init__(self) -> None:
        if not 0 < self.port < 1 << 16:
            raise TransportHeaderError(
                f"transport header names port {self.port}: allowed are 1 to 65535"
            )


def encode(header: TransportHeader) -> bytes:
    """Prefix, length and message. Raises TransportHeaderError for a name beyond the limit."""
    message = pb.Header(port=header.port, name=header.name)
    if header.session is not None:
        getattr(message.session_protocol, header.session.value).SetInParent()
    encoded = message.SerializeToString()
    _check_length(len(encoded))
    return PREFIX + len(encoded).to_bytes(_LENGTH_BYTES) + encoded


class TransportHeaderDecoder:
    """Finds the header at the beginning of a connection, however it is cut into pieces.

    Feed it what arrives until it returns the header; `rest` then holds the application's first
    bytes. It refuses at the first byte that cannot belong to a header, and never holds more than
    HEADER_LIMIT bytes of one.
    """

    __slots__ = ("_buffer", "rest")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.rest = b""

    def feed(self, data: bytes) -> TransportHeader | None:
        """The header, or None while it is incomplete. Raises TransportHeaderError."""
        buffer = self._buffer
        buffer += data
        if not PREFIX.startswith(bytes(buffer[: len(PREFIX)])):
            raise TransportHeaderError(f"connection does not begin with {PREFIX!r}")
        if len(buffer) < _MESSAGE_AT:
            return None
        length = int.from_bytes(buffer[len(PREFIX) : _MESSAGE_AT])
        _check_length(length)
        end = _MESSAGE_AT + length
        if len(buffer) < end:
            return None
        header = _decode(bytes(buffer[_MESSAGE_AT:end]))
        self.rest = bytes(buffer[end:])
        buffer.clear()
        return header


def _check_length(length: int) -> None:
    if _MESSAGE_AT + length > HEADER_LIMIT:
        raise TransportHeaderError(
            f"transport header of {length} bytes: allowed are {HEADER_LIMIT - _MESSAGE_AT}"
        )


def _decode(encoded: bytes) -> TransportHeader:
    try:
        message = pb.Header.FromString(encoded)
    except DecodeError as error:
        raise TransportHeaderError(f"transport header is not protobuf: {error}") from error
    kind = message.session_protocol.WhichOneof("kind")
    session = None if kind is None else SessionProtocol(kind)
    return TransportHeader(port=message.port, name=message.name, session=session)
