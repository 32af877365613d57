"""TLS records of a captured stream, read without a key (RFC 8446, sections 4.1 and 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

_SUPPORTED_VERSIONS = 43
_SERVER_NAME = 0
TLS13 = 0x0304


class NotTls(ValueError):
    """Bytes that are no sequence of TLS records; the message says where and what was found."""


class Content(IntEnum):
    """What a record says it carries."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


class Hello(IntEnum):
    CLIENT = 1
    SERVER = 2


@dataclass(frozen=True, slots=True)
class Record:
    content: Content
    payload: bytes


def split_records(data: bytes) -> list[Record]:
    """Whole records; one that a capture's end cut short is left out. Raises NotTls."""
    records, at = [], 0
    while at < len(data):
        head = data[at : at + 5]
        if len(head) >= 2 and (head[0] not in set(Content) or head[1] != 3):
            raise NotTls(f"byte {at} begins no TLS record: {head!r}")
        if len(head) < 5:
            break
        end = at + 5 + int.from_bytes(head[3:5], "big")
        if end <= len(data):
            records.append(Record(Content(head[0]), data[at + 5 : end]))
        at = end
    return records


def offers_tls13(record: Record) -> bool:
    """Whether a ClientHello lists TLS 1.3. Raises NotTls when it is no ClientHello."""
    versions = _extensions(record, Hello.CLIENT).get(_SUPPORTED_VERSIONS, b"\0")
    return TLS13.to_bytes(2, "big") in _pairs(versions[1:])


def chooses_tls13(record: Record) -> bool:
    """Whether a ServerHello settles on TLS 1.3. Raises NotTls when it is no ServerHello."""
    return _extensions(record, Hello.SERVER).get(_SUPPORTED_VERSIONS) == TLS13.to_bytes(2, "big")


def server_name(record: Record) -> str:
    """The name a ClientHello asks for; empty when it names none. Raises NotTls."""
    return _extensions(record, Hello.CLIENT).get(_SERVER_NAME, b"")[5:].decode("ascii")


def _extensions(record: Record, hello: Hello) -> dict[int, bytes]:
    body = record.payload
    if record.content is not Content.HANDSHAKE or body[:1] != bytes([hello]):
        raise NotTls(f"not a {hello.name.lower()} hello: {record.content.name} {body[:8]!r}")
    at = 4 + 2 + 32  # type and length, version, random
    at += 1 + body[at]  # session id
    if hello is Hello.CLIENT:
        at += 2 + int.from_bytes(body[at : at + 2], "big")  # cipher suites
        at += 1 + body[at]  # compression methods
    else:
        at += 2 + 1  # the one suite, the one method
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    at += 2
    found = {}
    while at < end:
        kind, length = (int.from_bytes(body[at + i : at + i + 2], "big") for i in (0, 2))
        found[kind] = body[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def _pairs(data: bytes) -> list[bytes]:
    return [data[at : at + 2] for at in range(0, len(data), 2)]
