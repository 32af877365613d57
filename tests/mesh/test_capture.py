"""The parts that read captures, without a cluster: real handshakes, frames in any order."""

from __future__ import annotations

import random
import socket
import ssl
import struct

import pytest

from tests.mesh import trust
from tests.mesh.capture import Flow, Segment, parse_frame, reassemble
from tests.mesh.tls_records import (
    Content,
    NotTls,
    chooses_tls13,
    offers_tls13,
    server_name,
    split_records,
)

FLOW = Flow(("10.0.0.1", 40000), ("10.0.0.2", 8080))


def frame(sequence: int, payload: bytes, *, syn: bool = False) -> bytes:
    tcp = struct.pack(">HHIIBBHHH", 40000, 8080, sequence, 0, 5 << 4, 2 if syn else 16, 0, 0, 0)
    addresses = socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.0.2")
    length = 20 + len(tcp) + len(payload)
    ip = struct.pack(">BBHIBBH", 0x45, 0, length, 0, 64, 6, 0) + addresses
    return bytes(12) + b"\x08\x00" + ip + tcp + payload


def test_a_frame_is_read_without_its_padding() -> None:
    assert parse_frame(frame(7, b"hello") + b"\0\0\0") == Segment(FLOW, 7, False, b"hello")
    assert parse_frame(b"\xff" * 60) is None
    assert parse_frame(b"") is None


def test_streams_come_together_from_any_order_with_repeats_and_a_wrap_around() -> None:
    start = 2**32 - 3
    parts = [
        Segment(FLOW, (start + 1 + at) % 2**32, False, b"0123456789"[at : at + 4])
        for at in range(0, 10, 2)
    ]
    random.Random(1).shuffle(parts)
    (stream,) = reassemble([Segment(FLOW, start, True, b""), *parts, *parts])
    assert stream.data == b"0123456789"
    assert stream.whole


def test_a_gap_or_a_missing_beginning_is_not_whole() -> None:
    begin = Segment(FLOW, 0, True, b"")
    (gap,) = reassemble([begin, Segment(FLOW, 5, False, b"x")])
    (late,) = reassemble([Segment(FLOW, 5, False, b"x"), Segment(FLOW, 4, False, b"w")])
    assert not gap.whole
    assert (late.data, late.whole) == (b"x", False)


def handshake(version: ssl.TLSVersion) -> tuple[bytes, bytes]:
    """What client and server send in a handshake and one message each way."""
    credential = trust.stranger("web.test")
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.show(server_context, credential)
    client_context = trust.client(trusts=None)
    client_context.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname="web.test")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    sent = [b"", b""]

    def step(side: ssl.SSLObject) -> bool:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    done = [False, False]
    while not all(done):
        for at, (side, out) in enumerate(((client, to_server), (server, to_client))):
            done[at] = done[at] or step(side)
            data = out.read()
            sent[at] += data
            out.write(data)
    return sent[0], sent[1]


def test_hellos_say_the_version_and_the_name() -> None:
    client, server = (split_records(data) for data in handshake(ssl.TLSVersion.TLSv1_3))
    assert offers_tls13(client[0])
    assert server_name(client[0]) == "web.test"
    assert chooses_tls13(server[0])


def test_tls12_is_seen_as_such() -> None:
    client, server = (split_records(data) for data in handshake(ssl.TLSVersion.TLSv1_2))
    assert not offers_tls13(client[0])
    assert not chooses_tls13(server[0])


def test_records_cut_short_are_left_out_wherever_the_cut_is() -> None:
    data, _ = handshake(ssl.TLSVersion.TLSv1_3)
    whole = split_records(data)
    for end in range(len(data)):
        found = split_records(data[:end])
        assert found == whole[: len(found)]
        assert len(found) < len(whole)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0", b"\x17\x02", b"\0" * 9])
def test_plaintext_is_no_record(data: bytes) -> None:
    with pytest.raises(NotTls):
        split_records(data)


def test_data_is_no_hello() -> None:
    (record,) = split_records(b"\x17\x03\x03\x00\x02hi")
    assert record.content is Content.APPLICATION_DATA
    with pytest.raises(NotTls):
        offers_tls13(record)
