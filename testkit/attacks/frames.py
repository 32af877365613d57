"""HTTP/2 frames by hand, and requests that HTTP/2 carries but HTTP/1 would read differently.

Each attack is what follows the connection's preface. It ends the connection with a GOAWAY, or its one
stream with a reset, or it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE = range(9)
CONTINUATION = 9
END_STREAM, END_HEADERS, PADDED, PRIORITIZED, ACK = 1, 4, 8, 32, 1


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


BEGINNING = PREFACE + frame(SETTINGS, 0, 0)
"""What every client says first."""


def read_frames(data: bytes) -> list[tuple[int, int, bytes]]:
    """Kind, stream and payload of every complete frame."""
    found = []
    at = 0
    while at + 9 <= len(data):
        end = at + 9 + int.from_bytes(data[at : at + 3], "big")
        if end > len(data):
            break
        found.append(
            (data[at + 3], int.from_bytes(data[at + 5 : at + 9], "big"), data[at + 9 : end])
        )
        at = end
    return found


def number(prefix: int, first: int, value: int) -> bytes:
    """An HPACK integer (RFC 7541 section 5.1) in a byte that begins with the bits of `first`."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    out = [first | most]
    value -= most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _text(data: bytes) -> bytes:
    return number(7, 0, len(data)) + data


def field(name: bytes, value: bytes) -> bytes:
    """A header that no table remembers, its name spelled out and unchecked."""
    return b"\x00" + _text(name) + _text(value)


def remembered(name: bytes, value: bytes) -> bytes:
    """A header that the decoder must keep: the newest entry of its table is `NEWEST`."""
    return b"\x40" + _text(name) + _text(value)


NEWEST = b"\xbe"
METHOD_GET, METHOD_POST, SCHEME, ROOT = b"\x82", b"\x83", b"\x86", b"\x84"


def authority(value: bytes) -> bytes:
    return b"\x01" + _text(value)


def path(value: bytes) -> bytes:
    return b"\x04" + _text(value)


V = authority(b"v")
GET = METHOD_GET + SCHEME + ROOT + V
POST = METHOD_POST + SCHEME + ROOT + V


def request(block: bytes, *, stream: int = 1, ends: bool = True) -> bytes:
    return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block)


class End(Enum):
    """What becomes of an attack."""

    CONNECTION = auto()
    """GOAWAY, with any code but NO_ERROR, and the connection is closed."""
    STREAM = auto()
    """The stream is reset with PROTOCOL_ERROR, or answered with 4xx; the connection goes on."""
    SERVED = auto()
    """The application gets it, without whatever was wrong with it."""


@dataclass(frozen=True, slots=True)
class Attack:
    sent: bytes
    end: End


def _ends(end: End, **attacks: bytes) -> dict[str, Attack]:
    return {name.replace("_", " "): Attack(sent, end) for name, sent in attacks.items()}


def _sized(*lengths: bytes) -> bytes:
    block = POST + b"".join(field(b"content-length", one) for one in lengths)
    return request(block, ends=False) + frame(DATA, END_STREAM, 1, b"abcdef")


_OPEN = request(POST, ends=False)


def _trailers(*fields: bytes) -> bytes:
    return _OPEN + request(b"".join(fields))


REQUESTS: dict[str, Attack] = {
    **_ends(
        End.CONNECTION,
        capitals_in_a_name=request(GET + field(b"X-Up", b"a")),
        colon_in_a_name=request(GET + field(b"x:y", b"a")),
        line_break_in_a_name=request(GET + field(b"x\r\ny", b"a")),
        line_break_in_a_value=request(GET + field(b"x", b"a\r\nb: c")),
        NUL_in_a_value=request(GET + field(b"x", b"a\0b")),
        unknown_pseudo_header=request(GET + field(b":foo", b"a")),
        space_in_the_method=request(field(b":method", b"GET /x") + SCHEME + ROOT + V),
        line_break_in_the_method=request(field(b":method", b"GET\r\nx") + SCHEME + ROOT + V),
    ),
    **_ends(
        End.STREAM,
        connection=request(GET + field(b"connection", b"close")),
        transfer_encoding=request(GET + field(b"transfer-encoding", b"chunked")),
        upgrade=request(GET + field(b"upgrade", b"websocket")),
        keep_alive=request(GET + field(b"keep-alive", b"1")),
        proxy_connection=request(GET + field(b"proxy-connection", b"close")),
        te_other_than_trailers=request(GET + field(b"te", b"gzip")),
        more_data_than_declared=_sized(b"3"),
        less_data_than_declared=_sized(b"9"),
        no_data_where_some_is_declared=request(POST + field(b"content-length", b"9")),
        length_that_is_none=_sized(b"x"),
        length_with_a_plus=_sized(b"+6"),
        two_lengths=_sized(b"6", b"3"),
        pseudo_header_after_others=request(METHOD_GET + SCHEME + ROOT + field(b"a", b"b") + V),
        two_paths=request(GET + ROOT),
        no_path=request(METHOD_GET + SCHEME + V),
        empty_path=request(METHOD_GET + SCHEME + path(b"") + V),
        path_without_a_slash=request(METHOD_GET + SCHEME + path(b"abc") + V),
        URI_for_a_path=request(METHOD_GET + SCHEME + path(b"http://evil/") + V),
        space_in_the_path=request(METHOD_GET + SCHEME + path(b"/a b") + V),
        request_line_in_the_path=request(
            METHOD_GET + SCHEME + path(b"/ HTTP/1.1\r\nHost: x\r\n\r\nGET /smuggled") + V
        ),
        no_method=request(SCHEME + ROOT + V),
        no_scheme=request(METHOD_GET + ROOT + V),
        line_break_in_the_authority=request(
            METHOD_GET + SCHEME + ROOT + authority(b"v\r\nx-evil: y")
        ),
        user_in_the_authority=request(METHOD_GET + SCHEME + ROOT + authority(b"a@v")),
        space_in_the_authority=request(METHOD_GET + SCHEME + ROOT + authority(b"a v")),
        two_hosts=request(METHOD_GET + SCHEME + ROOT + field(b"host", b"a") + field(b"host", b"b")),
        trailers_that_do_not_end=_OPEN + request(field(b"a", b"b"), ends=False),
        transfer_encoding_in_trailers=_trailers(field(b"transfer-encoding", b"chunked")),
        depends_on_itself=frame(
            HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, b"\0\0\0\x01\x10" + GET
        ),
    ),
    **_ends(
        End.SERVED,
        authority_and_host_differ=request(GET + field(b"host", b"evil")),
        fragment_in_the_path=request(METHOD_GET + SCHEME + path(b"/#evil") + V),
        length_in_trailers=_trailers(field(b"content-length", b"evil")),
        identity_in_trailers=_trailers(field(b"l5d-client-id", b"evil")),
        authorization_in_trailers=_trailers(field(b"authorization", b"evil")),
        pseudo_header_in_trailers=_trailers(b"\x88"),
        identity_of_the_mesh=request(GET + field(b"l5d-client-id", b"evil")),
        unknown_frames=frame(0xFA, 0, 0, b"abc") * 10 + request(GET),
    ),
}
"""Wherever a value is `evil`, the application must not see it."""

RULES: dict[str, Attack] = _ends(
    End.CONNECTION,
    even_stream=request(GET, stream=2),
    streams_backwards=request(GET, stream=5) + request(GET, stream=3),
    headers_on_no_stream=request(GET, stream=0),
    data_on_no_stream=frame(DATA, 0, 0, b"x"),
    data_before_headers=frame(DATA, 0, 7, b"x"),
    data_after_the_end=request(GET) + frame(DATA, END_STREAM, 1, b"x"),
    push_from_a_client=frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + GET),
    more_padding_than_payload=_OPEN + frame(DATA, PADDED | END_STREAM, 1, b"\xffab"),
    window_opened_by_nothing=frame(WINDOW_UPDATE, 0, 0, bytes(4)),
    window_of_a_stream_opened_by_nothing=_OPEN + frame(WINDOW_UPDATE, 0, 1, bytes(4)),
    window_beyond_its_limit=frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2,
    settings_of_another_length=frame(SETTINGS, 0, 0, b"abc"),
    settings_on_a_stream=frame(SETTINGS, 0, 1),
    acknowledgement_with_a_payload=frame(SETTINGS, ACK, 0, b"abcdef"),
    acknowledgement_of_nothing=frame(SETTINGS, ACK, 0) * 2,
    window_setting_beyond_its_limit=frame(SETTINGS, 0, 0, b"\0\x04\xff\xff\xff\xff"),
    push_setting_that_is_no_flag=frame(SETTINGS, 0, 0, b"\0\x02\0\0\0\x05"),
    frame_size_setting_too_small=frame(SETTINGS, 0, 0, b"\0\x05\0\0\0\x01"),
    ping_of_another_length=frame(PING, 0, 0, b"abc"),
    reset_before_headers=frame(RST_STREAM, 0, 9, bytes(4)),
    continuation_of_nothing=frame(CONTINUATION, END_HEADERS, 1, GET),
    ping_within_a_header_block=frame(HEADERS, END_STREAM, 1, GET) + frame(PING, 0, 0, bytes(8)),
    frame_larger_than_allowed=b"\xff\xff\xff\0\0\0\0\0\x01" + bytes(65_536),
    index_of_no_entry=request(b"\xff\xff\xff\xff\x0f"),
    table_larger_than_allowed=request(b"\x3f\xe1\xff\x03" + GET),
    end_of_string_in_huffman_code=request(GET + b"\x00\x81\xff\x01a"),
    header_block_cut_short=request(GET + b"\x00\x05ab"),
    noise=b"\x00\xff\xff" * 30,
)
