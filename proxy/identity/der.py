"""As much of DER as is needed to take apart what a SPIRE agent sends, strictly.

Certificates come one after another without anything between them. Whatever is not a whole number of
elements, each of them a SEQUENCE with its length in the shortest form, is refused before OpenSSL sees it.
"""

from __future__ import annotations

SEQUENCE = 0x30
_INTEGER = 0x02
_OCTETS = 0x04
_LONG = 0x80
_MAX_LENGTH_BYTES = 3
"""Sixteen megabytes; the messages these come in are smaller."""

P256 = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
"""AlgorithmIdentifier of an elliptic-curve key on P-256 (RFC 5480)."""


class DerError(ValueError):
    """Bytes that are not what they should be; the message says what is wrong where."""


def certificates(data: bytes, *, most: int) -> list[bytes]:
    """Each of at least one and at most so many SEQUENCEs that fill `data`. Raises DerError."""
    found: list[bytes] = []
    offset = 0
    while offset < len(data):
        if len(found) == most:
            raise DerError(f"more than {most} certificates")
        end = _end(data, offset, SEQUENCE)
        found.append(data[offset:end])
        offset = end
    if not found:
        raise DerError("no certificate")
    return found


def verify_p256_key(data: bytes) -> None:
    """Check that `data` is a PKCS#8 private key on P-256, unencrypted, and nothing else (RFC 5958).

    That the key itself is sound is left to OpenSSL. Raises DerError.
    """
    if not data:
        raise DerError("no key")
    if _end(data, 0, SEQUENCE) != len(data):
        raise DerError("bytes after the key")
    offset = _content(data, 0)
    version = _end(data, offset, _INTEGER)
    if data[offset:version] not in (b"\x02\x01\x00", b"\x02\x01\x01"):
        raise DerError("not a PKCS#8 key of version 0 or 1")
    algorithm = _end(data, version, SEQUENCE)
    if data[version:algorithm] != P256:
        raise DerError("the key is not ECDSA on P-256, the only kind allowed")
    _end(data, algorithm, _OCTETS)


def _end(data: bytes, offset: int, tag: int) -> int:
    """Where the element that begins at `offset` ends."""
    if offset >= len(data):
        raise DerError(f"cut off at byte {offset}")
    if data[offset] != tag:
        raise DerError(f"byte {offset} is {data[offset]:#04x} where {tag:#04x} should be")
    end = _content(data, offset) + _length(data, offset)
    if end > len(data):
        raise DerError(f"the element at byte {offset} ends {end - len(data)} bytes behind the data")
    return end


def _content(data: bytes, offset: int) -> int:
    first = data[offset + 1] if offset + 1 < len(data) else 0
    return offset + 2 + (first & ~_LONG if first & _LONG else 0)


def _length(data: bytes, offset: int) -> int:
    if offset + 1 >= len(data):
        raise DerError(f"cut off at byte {offset + 1}")
    first = data[offset + 1]
    if not first & _LONG:
        return first
    size = first & ~_LONG
    digits = data[offset + 2 : offset + 2 + size]
    if not 0 < size <= _MAX_LENGTH_BYTES or len(digits) < size:
        raise DerError(f"the length at byte {offset + 1} is cut off, indefinite or too large")
    length = int.from_bytes(digits, "big")
    if digits[0] == 0 or length < _LONG:
        raise DerError(f"the length at byte {offset + 1} is not in its shortest form")
    return length
