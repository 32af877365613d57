"""The codec: whole, cut everywhere, and at random."""

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.dns import wire
from sandbox.dns.wire import (
    Answer,
    Data,
    Name,
    Query,
    Question,
    Rcode,
    Record,
    Soa,
    Srv,
    Type,
    WireError,
)

WEB = wire.name_of("web.default.svc.cluster.local")

labels = st.text(st.characters(max_codepoint=255), min_size=1, max_size=20)
names = st.lists(labels, max_size=6).map(tuple)
questions = st.builds(Question, names, st.integers(0, 65535), st.integers(0, 65535))
queries = st.builds(
    Query,
    id=st.integers(0, 65535),
    opcode=st.integers(0, 15),
    recursion_desired=st.booleans(),
    questions=st.lists(questions, max_size=3).map(tuple),
    udp_size=st.none() | st.integers(512, 65535),
)
addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
short = st.integers(0, 65535)


def test_a_query_as_dig_sends_it() -> None:
    message = bytes.fromhex(
        "1a2b012000010000000000010377656207646566617565740373766307636c7573746572056c6f63616c00"
        "0001000100002904d000000000000c000a0008f7e1d2c3b4a59687"
    ).replace(b"defauet", b"default")
    query = wire.read_query(message)
    assert query == Query(0x1A2B, 0, True, (Question(WEB, Type.A),), 1232)


@given(queries)
def test_a_query_survives_the_wire(query: Query) -> None:
    assert wire.read_query(wire.write_query(query)) == query


@given(queries)
def test_every_cut_of_a_query_is_an_error_or_the_query_without_what_follows(query: Query) -> None:
    whole = wire.write_query(query)
    for length in range(len(whole)):
        with pytest.raises(WireError):
            wire.read_query(whole[:length])


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_raise_wire_error(message: bytes) -> None:
    for read in (wire.read_query, wire.read_addresses):
        try:
            read(message)
        except WireError:
            continue


@given(st.binary(min_size=0, max_size=60), queries, st.data())
def test_a_damaged_query_does_no_more_either(
    damage: bytes, query: Query, data: st.DataObject
) -> None:
    whole = bytearray(wire.write_query(query))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at : at + len(damage)] = damage
    try:
        wire.read_query(bytes(whole))
    except WireError:
        return


def message(*parts: bytes, questions: int = 1) -> bytes:
    return wire.HEADER.pack(7, 0x0100, questions, 0, 0, 0) + b"".join(parts)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (b"\xc0\x0c", "backwards"),
        (b"\xc0\xff", "backwards"),
        (b"\x03web\xc0\x0c", "backwards"),
        (b"\x03web\xc0\x10", "backwards"),
        (b"\xc0", "cut"),
        (b"\x05web", "cut"),
        (b"\x40a\x00", "label type 1"),
        (b"\x80a\x00", "label type 2"),
        ((b"\x3f" + b"a" * 63) * 4 + b"\x00", "longer than 255"),
    ],
)
def test_a_name_that_lies_is_refused(name: bytes, complaint: str) -> None:
    with pytest.raises(WireError, match=complaint):
        wire.read_query(message(name, struct.pack("!HH", 1, 1)))


def test_the_longest_name_is_read() -> None:
    name = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\x00"
    assert len(name) == 255
    (question,) = wire.read_query(message(name, struct.pack("!HH", 1, 1))).questions
    assert [len(label) for label in question.name] == [63, 63, 63, 61]


def test_a_pointer_backwards_is_followed() -> None:
    first = b"\x03web\x05local\x00" + struct.pack("!HH", 1, 1)
    second = b"\x03api\xc0\x10" + struct.pack("!HH", 28, 1)
    found = wire.read_query(message(first, second, questions=2)).questions
    assert [question.name for question in found] == [("web", "local"), ("api", "local")]


def test_a_response_is_no_query() -> None:
    with pytest.raises(WireError, match="response"):
        wire.read_query(wire.HEADER.pack(1, 0x8180, 0, 0, 0, 0))


QUERY = Query(9, 0, True, (Question(WEB, Type.A),), None)


def test_an_answer_as_bytes() -> None:
    answer = Answer(answers=(Record(WEB, Type.A, 5, IPv4Address("10.96.0.9")),))
    assert wire.write_answer(QUERY, answer) == (
        bytes.fromhex("0009 8580 0001 0001 0000 0000")
        + b"\x03web\x07default\x03svc\x07cluster\x05local\x00"
        + bytes.fromhex("0001 0001")
        + bytes.fromhex("c00c 0001 0001 00000005 0004 0a600009")
    )


@pytest.mark.parametrize(
    ("type_", "data", "end"),
    [
        (Type.CNAME, WEB, "c00c"),
        (Type.PTR, ("a", *WEB), "0161c00c"),
        (Type.SRV, Srv(0, 100, 80, WEB), "0000 0064 0050 c00c"),
        (Type.TXT, "1.1.0", "05312e312e30"),
        (Type.SOA, Soa(WEB, ("h", *WEB), 1, 2, 3, 4, 5), "c00c 0168c00c" + "".join(f"{n:08x}" for n in range(1, 6))),
    ],
)  # fmt: skip
def test_each_kind_of_data(type_: Type, data: Data, end: str) -> None:
    written = wire.write_answer(QUERY, Answer(answers=(Record(WEB, type_, 5, data),)))
    expected = bytes.fromhex(end)
    assert written.endswith(struct.pack("!H", len(expected)) + expected)


def test_an_answer_too_large_says_so_instead() -> None:
    records = tuple(Record(WEB, Type.A, 5, IPv4Address(n)) for n in range(100))
    short_answer = wire.write_answer(QUERY, Answer(answers=records), wire.PLAIN_UDP)
    assert len(short_answer) <= wire.PLAIN_UDP
    assert short_answer[2] & 0x02
    assert short_answer[6:8] == b"\0\0"
    assert not wire.write_answer(QUERY, Answer(answers=records))[2] & 0x02


def test_edns_is_answered_with_edns() -> None:
    query = Query(9, 0, True, (Question(WEB, Type.A),), 4096)
    assert wire.write_answer(query, Answer()).endswith(bytes.fromhex("00 0029 04d0 00000000 0000"))


@given(st.lists(addresses, max_size=20), names.filter(bool), names)
def test_addresses_are_read_back_past_any_alias(
    found: list[IPv4Address], name: Name, alias: Name
) -> None:
    records = [Record(name, Type.CNAME, 5, alias)]
    records += [Record(alias, Type.A, 5, address) for address in found]
    query = Query(1, 0, True, (Question(name, Type.A),), None)
    whole = wire.write_answer(query, Answer(answers=tuple(records)))
    assert wire.read_addresses(whole) == (Rcode.NOERROR, tuple(found))


def test_an_error_keeps_number_opcode_and_wish_for_recursion() -> None:
    refused = wire.write_error(wire.HEADER.pack(77, 0x2900, 9, 9, 9, 9) + b"junk", Rcode.FORMERR)
    assert refused == wire.HEADER.pack(77, 0xA981, 0, 0, 0, 0)
