"""The transport header: known bytes, every split, the limit, and what must be refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codec.transport_header import (
    ALPN,
    HEADER_LIMIT,
    PREFIX,
    SessionProtocol,
    TransportHeader,
    TransportHeaderDecoder,
    TransportHeaderError,
    encode,
)

VECTORS = [
    (TransportHeader(80), b"\x08\x50"),
    (TransportHeader(65535), b"\x08\xff\xff\x03"),
    (TransportHeader(4143, "web.ns"), b"\x08\xaf\x20\x12\x06web.ns"),
    (TransportHeader(80, session=SessionProtocol.HTTP1), b"\x08\x50\x1a\x02\x0a\x00"),
    (TransportHeader(80, session=SessionProtocol.HTTP2), b"\x08\x50\x1a\x02\x12\x00"),
]
"""Messages written out by hand from the encoding of protobuf."""


def framed(message: bytes) -> bytes:
    return PREFIX + len(message).to_bytes(4) + message


def decode(data: bytes) -> tuple[TransportHeader | None, bytes]:
    decoder = TransportHeaderDecoder()
    return decoder.feed(data), decoder.rest


def test_prefix() -> None:
    assert ALPN == "transport.l5d.io/v1"
    assert PREFIX == b"transport.l5d.io/v1\r\n\r\n"
    assert len(PREFIX) == 23


@pytest.mark.parametrize(("header", "message"), VECTORS)
def test_vector(header: TransportHeader, message: bytes) -> None:
    assert encode(header) == framed(message)
    assert decode(framed(message)) == (header, b"")


@pytest.mark.parametrize(("header", "message"), VECTORS)
def test_every_split_in_two(header: TransportHeader, message: bytes) -> None:
    data = framed(message) + b"SELECT 1"
    for cut in range(len(data) + 1):
        decoder = TransportHeaderDecoder()
        got = decoder.feed(data[:cut])
        rest = decoder.rest
        if got is None:
            assert cut < len(framed(message))
            got, rest = decoder.feed(data[cut:]), decoder.rest
        else:
            assert cut >= len(framed(message))
            rest += data[cut:]
        assert (got, rest) == (header, b"SELECT 1")


def test_byte_by_byte() -> None:
    decoder = TransportHeaderDecoder()
    *beginning, last = encode(TransportHeader(5432, "db.ns.svc.cluster.local"))
    for byte in beginning:
        assert decoder.feed(bytes([byte])) is None
    assert decoder.feed(bytes([last])) == TransportHeader(5432, "db.ns.svc.cluster.local")
    assert decoder.rest == b""


def test_nothing_yet() -> None:
    assert decode(b"") == (None, b"")


@pytest.mark.parametrize("at", range(len(PREFIX)))
def test_wrong_prefix_is_refused_at_its_first_wrong_byte(at: int) -> None:
    decoder = TransportHeaderDecoder()
    assert decoder.feed(PREFIX[:at]) is None
    with pytest.raises(TransportHeaderError, match="does not begin with"):
        decoder.feed(b"\x00")


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (b"", "port 0"),
        (b"\x08\x00", "port 0"),
        (b"\x08\x80\x80\x04", "port 65536"),
        (b"\x08" + b"\xff" * 9 + b"\x01", "port -1"),
        (b"\x12\x03web", "port 0"),
        (b"\x08", "not protobuf"),
        (b"\x08\x50\x12\x04web", "not protobuf"),
        (b"\x08\x50\x12\x01\xff", "not protobuf"),
        (b"\x08\x50\x1a\x02\x0a", "not protobuf"),
    ],
)
def test_refused_message(message: bytes, complaint: str) -> None:
    with pytest.raises(TransportHeaderError, match=complaint):
        decode(framed(message))


def test_unknown_fields_and_an_empty_session_are_tolerated() -> None:
    assert decode(framed(b"\x08\x50\x1a\x00\x78\x01")) == (TransportHeader(80), b"")


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_port_out_of_range_is_not_encoded(port: int) -> None:
    with pytest.raises(TransportHeaderError, match=f"port {port}: allowed are 1 to 65535"):
        TransportHeader(port)


LONGEST = HEADER_LIMIT - len(PREFIX) - 4


def test_longest_header() -> None:
    name = "n" * (LONGEST - 6)  # two bytes of port, four of the name's tag and length
    data = encode(TransportHeader(80, name))
    assert len(data) == HEADER_LIMIT
    assert decode(data) == (TransportHeader(80, name), b"")


def test_longer_headers_are_refused_before_they_arrive() -> None:
    with pytest.raises(TransportHeaderError, match=f"allowed are {LONGEST}"):
        decode(PREFIX + (LONGEST + 1).to_bytes(4))
    with pytest.raises(TransportHeaderError, match=f"allowed are {LONGEST}"):
        encode(TransportHeader(80, "n" * (LONGEST - 5)))


@given(
    st.builds(
        TransportHeader,
        port=st.integers(1, 65535),
        name=st.text(max_size=60),
        session=st.none() | st.sampled_from(SessionProtocol),
    ),
    st.binary(max_size=20),
    st.lists(st.integers(1, 40), max_size=20),
)
def test_what_is_encoded_is_decoded(
    header: TransportHeader, after: bytes, sizes: list[int]
) -> None:
    data = encode(header) + after
    decoder = TransportHeaderDecoder()
    got = None
    for size in [*sizes, len(data)]:
        piece, data = data[:size], data[size:]
        got = decoder.feed(piece)
        if got is not None:
            break
    assert got == header
    assert decoder.rest + data == after


@given(st.binary(max_size=40))
def test_random_messages_are_decoded_or_refused(message: bytes) -> None:
    try:
        header, rest = decode(framed(message))
    except TransportHeaderError:
        return
    assert header is not None
    assert rest == b""
    assert decode(encode(header)) == (header, b"")
