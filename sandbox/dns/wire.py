"""DNS messages as bytes (RFC 1035; EDNS, RFC 6891).

Reading is strict where it protects (lengths, pointers only backwards, names at most 255 bytes) and
careless where it may be: records after the question are looked at only for EDNS. Writing compresses
names against those already written.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address
from typing import TypeAlias

Name: TypeAlias = tuple[str, ...]
"""Labels, outermost last: ``("web", "default", "svc", "cluster", "local")``."""

HEADER = struct.Struct("!HHHHHH")
MAX_NAME = 255
MAX_LABEL = 63
CLASS_IN, CLASS_ANY = 1, 255
PLAIN_UDP = 512
"""What a client without EDNS can take in one datagram."""


class Type(IntEnum):
    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    ANY = 255


class Rcode(IntEnum):
    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


class WireError(ValueError):
    """Bytes that are no DNS message."""


@dataclass(frozen=True, slots=True)
class Question:
    name: Name
    type: int
    class_: int = CLASS_IN


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asked."""

    id: int
    opcode: int
    recursion_desired: bool
    questions: tuple[Question, ...]
    udp_size: int | None
    """The datagram size the client offers by EDNS; None without EDNS."""


@dataclass(frozen=True, slots=True)
class Srv:
    priority: int
    weight: int
    port: int
    target: Name


@dataclass(frozen=True, slots=True)
class Soa:
    primary: Name
    mailbox: Name
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


Data: TypeAlias = IPv4Address | Name | Srv | Soa | str
"""By type: A an address, CNAME NS and PTR a name, SRV, SOA, TXT a text."""


@dataclass(frozen=True, slots=True)
class Record:
    name: Name
    type: Type
    ttl: int
    data: Data


@dataclass(frozen=True, slots=True)
class Answer:
    rcode: Rcode = Rcode.NOERROR
    answers: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    authoritative: bool = True


def name_of(text: str) -> Name:
    """``"web.default.svc."`` as labels; the root is the empty name."""
    return tuple(label for label in text.rstrip(".").split(".") if label)


def name_text(name: Name) -> str:
    return ".".join(name) + "."


# --- reading ----------------------------------------------------------------


def is_response(message: bytes) -> bool:
    return len(message) >= HEADER.size and bool(message[2] & 0x80)


def read_query(message: bytes) -> Query:
    """Read a query.

    Raises:
        WireError: the bytes are cut, or no query.
    """
    if len(message) < HEADER.size:
        raise WireError(f"{len(message)} bytes are too few for a header")
    number, flags, questions, answers, authority, additional = HEADER.unpack_from(message)
    if flags & 0x8000:
        raise WireError("a response, not a query")
    at, asked = HEADER.size, []
    for _ in range(questions):
        question, at = _read_question(message, at)
        asked.append(question)
    udp_size = _read_edns(message, at, answers + authority + additional)
    return Query(number, flags >> 11 & 0xF, bool(flags & 0x0100), tuple(asked), udp_size)


def _read_question(message: bytes, at: int) -> tuple[Question, int]:
    name, at = read_name(message, at)
    if at + 4 > len(message):
        raise WireError("the question is cut")
    type_, class_ = struct.unpack_from("!HH", message, at)
    return Question(name, type_, class_), at + 4


def read_name(message: bytes, at: int) -> tuple[Name, int]:
    """The name at ``at`` and where it ends.

    A pointer must lead to before the name it stands in, so following them always ends.
    """
    labels: list[str] = []
    size, end, limit = 1, None, at
    while True:
        if at >= len(message):
            raise WireError("a name is cut")
        length = message[at]
        if length == 0:
            return tuple(labels), at + 1 if end is None else end
        if length & 0xC0 == 0xC0:
            if at + 2 > len(message):
                raise WireError("a pointer is cut")
            end = at + 2 if end is None else end
            target = (length & 0x3F) << 8 | message[at + 1]
            if target >= limit:
                raise WireError("a pointer does not lead backwards")
            at = limit = target
            continue
        if length & 0xC0:
            raise WireError(f"label type {length >> 6} is unknown")
        size += length + 1
        if size > MAX_NAME:
            raise WireError(f"a name is longer than {MAX_NAME} bytes")
        label = message[at + 1 : at + 1 + length]
        if len(label) < length:
            raise WireError("a label is cut")
        labels.append(label.decode("latin-1"))
        at += 1 + length


def _read_edns(message: bytes, at: int, records: int) -> int | None:
    for _ in range(records):
        _, at = read_name(message, at)
        if at + 10 > len(message):
            raise WireError("a record is cut")
        type_, class_, _, length = struct.unpack_from("!HHIH", message, at)
        at += 10 + length
        if at > len(message):
            raise WireError("a record's data is cut")
        if type_ == Type.OPT:
            return max(int(class_), PLAIN_UDP)
    return None


def read_addresses(message: bytes) -> tuple[Rcode, tuple[IPv4Address, ...]]:
    """The A records of a response, whatever aliases led to them.

    Raises:
        WireError: the bytes are cut, or no response.
    """
    if not is_response(message):
        raise WireError("no response")
    _, flags, questions, answers, _, _ = HEADER.unpack_from(message)
    at = HEADER.size
    for _ in range(questions):
        _, at = _read_question(message, at)
    found: list[IPv4Address] = []
    for _ in range(answers):
        _, at = read_name(message, at)
        if at + 10 > len(message):
            raise WireError("a record is cut")
        type_, _, _, length = struct.unpack_from("!HHIH", message, at)
        data = message[at + 10 : at + 10 + length]
        at += 10 + length
        if len(data) < length:
            raise WireError("a record's data is cut")
        if type_ == Type.A and length == 4:
            found.append(IPv4Address(data))
    code = flags & 0xF
    return Rcode(code) if code in Rcode.__members__.values() else Rcode.SERVFAIL, tuple(found)


# --- writing ----------------------------------------------------------------


class _Writer:
    def __init__(self) -> None:
        self.out = bytearray()
        self._seen: dict[Name, int] = {}

    def name(self, name: Name) -> None:
        for position in range(len(name)):
            rest = name[position:]
            if (known := self._seen.get(rest)) is not None:
                self.out += struct.pack("!H", 0xC000 | known)
                return
            if len(self.out) < 0x4000:
                self._seen[rest] = len(self.out)
            label = name[position].encode("latin-1")
            if not 0 < len(label) <= MAX_LABEL:
                raise WireError(f"label {name[position]!r} is not 1 to {MAX_LABEL} bytes")
            self.out.append(len(label))
            self.out += label
        self.out.append(0)

    def question(self, question: Question) -> None:
        self.name(question.name)
        self.out += struct.pack("!HH", question.type, question.class_)

    def record(self, record: Record) -> None:
        self.name(record.name)
        self.out += struct.pack("!HHIH", record.type, CLASS_IN, record.ttl, 0)
        start = len(self.out)
        self._data(record.data)
        struct.pack_into("!H", self.out, start - 2, len(self.out) - start)

    def _data(self, data: Data) -> None:
        match data:
            case IPv4Address():
                self.out += data.packed
            case Srv():
                self.out += struct.pack("!HHH", data.priority, data.weight, data.port)
                self.name(data.target)
            case Soa():
                self.name(data.primary)
                self.name(data.mailbox)
                times = (data.serial, data.refresh, data.retry, data.expire, data.minimum)
                self.out += struct.pack("!IIIII", *times)
            case str():
                text = data.encode()
                self.out.append(len(text))
                self.out += text
            case _:
                self.name(data)


def write_answer(query: Query, answer: Answer, limit: int = 65535) -> bytes:
    """The response to ``query``; with the TC bit and no records when it exceeds ``limit``."""
    whole = _write(query, answer, truncated=False)
    if len(whole) <= limit:
        return whole
    empty = Answer(answer.rcode, authoritative=answer.authoritative)
    return _write(query, empty, truncated=True)


def _write(query: Query, answer: Answer, truncated: bool) -> bytes:
    flags = 0x8000 | query.opcode << 11 | answer.rcode
    flags |= 0x0400 * answer.authoritative | 0x0200 * truncated
    flags |= 0x0100 * query.recursion_desired | 0x0080
    writer = _Writer()
    edns = query.udp_size is not None
    sections = (answer.answers, answer.authority, answer.additional)
    counts = [len(section) for section in sections]
    counts[2] += edns
    writer.out += HEADER.pack(query.id, flags, len(query.questions), *counts)
    for question in query.questions:
        writer.question(question)
    for section in sections:
        for record in section:
            writer.record(record)
    if edns:
        writer.out += struct.pack("!BHHIH", 0, Type.OPT, 1232, 0, 0)
    return bytes(writer.out)


def write_error(message: bytes, rcode: Rcode) -> bytes:
    """A bare refusal of a message whose question could not be read; needs its 12-byte header."""
    number, flags = struct.unpack_from("!HH", message)
    return HEADER.pack(number, 0x8080 | flags & 0x7900 | rcode, 0, 0, 0, 0)


def write_query(query: Query) -> bytes:
    writer = _Writer()
    flags = query.opcode << 11 | 0x0100 * query.recursion_desired
    edns = query.udp_size is not None
    writer.out += HEADER.pack(query.id, flags, len(query.questions), 0, 0, int(edns))
    for question in query.questions:
        writer.question(question)
    if query.udp_size is not None:
        writer.out += struct.pack("!BHHIH", 0, Type.OPT, query.udp_size, 0, 0)
    return bytes(writer.out)
