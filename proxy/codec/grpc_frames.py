"""gRPC's length-prefixed messages: one flag byte, four length bytes, then the message.

See gRPC over HTTP/2, "Length-Prefixed-Message". Compression is never offered, so a message whose
flag says that it is compressed is a fault of the sender.
"""

from __future__ import annotations

import struct

_PREFIX = struct.Struct(">BI")
PREFIX_SIZE = _PREFIX.size

MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message: tens of thousands of endpoints; more is refused, not buffered."""


class FrameError(ValueError):
    """Bytes that are not a message this side can take; the message says which rule they break."""


def encode(message: bytes) -> bytes:
    """One uncompressed message with its prefix."""
    return _PREFIX.pack(0, len(message)) + message


class Decoder:
    """Bytes in, whole messages out, however the bytes are cut."""

    __slots__ = ("_buffer", "_max_message")

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._buffer = bytearray()
        self._max_message = max_message

    def feed(self, data: bytes) -> list[bytes]:
        """The messages complete with these bytes. Raises FrameError; no use after that."""
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        start = 0
        while len(buffer) - start >= _PREFIX.size:
            compressed, length = _PREFIX.unpack_from(buffer, start)
            if compressed:
                raise FrameError(f"message with flag {compressed}: compression was not offered")
            if length > self._max_message:
                raise FrameError(f"message of {length} bytes: allowed are {self._max_message}")
            end = start + _PREFIX.size + length
            if len(buffer) < end:
                break
            messages.append(bytes(buffer[start + _PREFIX.size : end]))
            start = end
        del buffer[:start]
        return messages

    @property
    def is_between_messages(self) -> bool:
        """Whether a stream may end here."""
        return not self._buffer
