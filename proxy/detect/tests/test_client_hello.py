"""ClientHellos by our own hand and by OpenSSL's, at every split, in records of every size."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.detect.client_hello import (
    HELLO_LIMIT,
    RECORD_LIMIT,
    ClientHello,
    NoHello,
    read_client_hello,
)


def vector(length_bytes: int, data: bytes) -> bytes:
    return len(data).to_bytes(length_bytes) + data


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2) + vector(2, data)


def sni(name: bytes, kind: int = 0) -> bytes:
    return extension(0, vector(2, bytes([kind]) + vector(2, name)))


def alpn(*protocols: bytes) -> bytes:
    return extension(16, vector(2, b"".join(vector(1, protocol) for protocol in protocols)))


def body(
    *extensions: bytes,
    session_id: bytes = b"",
    cipher_suites: bytes = b"\x13\x01",
    compression: bytes = b"\x00",
    tail: bytes = b"",
) -> bytes:
    fixed = b"\x03\x03" + bytes(32) + vector(1, session_id) + vector(2, cipher_suites)
    return fixed + vector(1, compression) + vector(2, b"".join(extensions)) + tail


def message(hello: bytes) -> bytes:
    return b"\x01" + vector(3, hello)


def records(handshake: bytes, size: int = 1 << 14, version: bytes = b"\x03\x01") -> bytes:
    pieces = [handshake[at : at + size] for at in range(0, len(handshake), size)]
    return b"".join(b"\x16" + version + vector(2, piece) for piece in pieces)


HELLO = records(message(body(sni(b"web.emojivoto.test"), alpn(b"h2", b"http/1.1"))))
EXPECTED = ClientHello("web.emojivoto.test", (b"h2", b"http/1.1"))


def openssl_hello(server_name: str | None, protocols: list[str]) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(protocols)
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=server_name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_hello_at_every_split() -> None:
    for size in range(len(HELLO)):
        assert read_client_hello(HELLO[:size]) is NoHello.NEED_MORE, size
    assert read_client_hello(HELLO) == EXPECTED
    assert read_client_hello(HELLO + b"\x17\x03\x03more") == EXPECTED


@pytest.mark.parametrize("name", ["web.emojivoto.test", None])
@pytest.mark.parametrize("protocols", [["transport.l5d.io/v1"], ["h2", "http/1.1"], []])
def test_hello_of_openssl_at_every_split(name: str | None, protocols: list[str]) -> None:
    hello = openssl_hello(name, protocols)
    for size in range(len(hello)):
        assert read_client_hello(hello[:size]) is NoHello.NEED_MORE, size
    assert read_client_hello(hello) == ClientHello(name, tuple(p.encode() for p in protocols))


def test_records_of_every_size() -> None:
    handshake = message(body(sni(b"web.emojivoto.test"), alpn(b"h2", b"http/1.1")))
    smallest = -(-len(handshake) // RECORD_LIMIT)
    for size in range(smallest, len(handshake) + 1):
        assert read_client_hello(records(handshake, size)) == EXPECTED, size


def test_fragmented_hello_at_every_split() -> None:
    hello = records(message(body(sni(b"web.emojivoto.test"))), 7)
    for size in range(len(hello)):
        assert read_client_hello(hello[:size]) is NoHello.NEED_MORE, size
    assert read_client_hello(hello) == ClientHello("web.emojivoto.test")


def test_too_many_records_are_malformed() -> None:
    handshake = message(body(sni(b"web.emojivoto.test")))
    assert len(handshake) > RECORD_LIMIT
    assert read_client_hello(records(handshake, 1)) is NoHello.MALFORMED


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ((), ClientHello(None)),
        ((sni(b"web"),), ClientHello("web")),
        ((sni(b"Web.Emojivoto.TEST"),), ClientHello("web.emojivoto.test")),
        ((sni(b"web.test."),), ClientHello("web.test")),
        ((sni(b"a_b.test"),), ClientHello("a_b.test")),
        ((alpn(b"h2"),), ClientHello(None, (b"h2",))),
        ((alpn(b"h2"), sni(b"web")), ClientHello("web", (b"h2",))),
        ((extension(43, b"\x02\x03\x04"), extension(0xFAFA, b""), sni(b"w")), ClientHello("w")),
        ((alpn(b"\xff" * 255),), ClientHello(None, (b"\xff" * 255,))),
    ],
)
def test_extensions(extensions: tuple[bytes, ...], expected: ClientHello) -> None:
    assert read_client_hello(records(message(body(*extensions)))) == expected


def test_hello_without_extensions_at_all() -> None:
    """As TLS 1.2 allows."""
    assert read_client_hello(records(message(body()[:-2]))) == ClientHello(None)


def test_longest_session_id() -> None:
    assert read_client_hello(records(message(body(session_id=bytes(32))))) == ClientHello(None)


@pytest.mark.parametrize(
    "hello",
    [
        pytest.param(body(session_id=bytes(33)), id="session id too long"),
        pytest.param(body(cipher_suites=b""), id="no cipher suites"),
        pytest.param(body(cipher_suites=b"\x13\x01\x13"), id="half a cipher suite"),
        pytest.param(body(compression=b""), id="no compression method"),
        pytest.param(body(tail=b"\x00"), id="bytes after the extensions"),
        pytest.param(body()[:-1], id="half a length of extensions"),
        pytest.param(body(sni(b"web"))[:-1], id="extensions cut short"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\x03\x03", id="version alone"),
        pytest.param(body(sni(b"web"), sni(b"web")), id="same extension twice"),
        pytest.param(body(sni(b"")), id="empty name"),
        pytest.param(body(sni(b"a..b")), id="empty label"),
        pytest.param(body(sni(b"a b")), id="space in name"),
        pytest.param(body(sni(b"web\x00.test")), id="zero byte in name"),
        pytest.param(body(sni("grüße.test".encode())), id="name not ASCII"),
        pytest.param(body(sni(b"a" * 64)), id="label too long"),
        pytest.param(body(sni(b"a." * 128)), id="name too long"),
        pytest.param(body(sni(b"web", kind=1)), id="name of unknown kind"),
        pytest.param(body(extension(0, b"")), id="no list of names"),
        pytest.param(body(extension(0, vector(2, b""))), id="empty list of names"),
        pytest.param(
            body(extension(0, vector(2, 2 * (b"\x00" + vector(2, b"web"))))), id="two names"
        ),
        pytest.param(body(sni(b"web")[:-1]), id="name cut short"),
        pytest.param(body(extension(0, vector(2, b"\x00\x00\x01w") + b"x")), id="after the names"),
        pytest.param(body(extension(16, b"")), id="no list of protocols"),
        pytest.param(body(extension(16, vector(2, b""))), id="empty list of protocols"),
        pytest.param(body(alpn(b"h2", b"")), id="empty protocol"),
        pytest.param(body(extension(16, vector(2, b"\x03h2"))), id="protocol cut short"),
        pytest.param(body(extension(16, vector(2, b"\x02h2") + b"x")), id="after the protocols"),
        pytest.param(body(b"\x00\x2b\x00"), id="half an extension"),
    ],
)
def test_malformed_body(hello: bytes) -> None:
    assert read_client_hello(records(message(hello))) is NoHello.MALFORMED


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", NoHello.NEED_MORE),
        (b"\x16", NoHello.NEED_MORE),
        (b"\x16\x03", NoHello.NEED_MORE),
        (b"\x16\x03\x00", NoHello.NEED_MORE),
        (b"\x16\x03\x04", NoHello.NEED_MORE),
        (b"\x16\x03\x05", NoHello.NOT_TLS),
        (b"\x16\x02", NoHello.NOT_TLS),
        (b"\x15", NoHello.NOT_TLS),
        (b"\x17\x03\x03", NoHello.NOT_TLS),
        (b"\x80\x2e\x01\x03\x01", NoHello.NOT_TLS),
        (b"GET / HTTP/1.1\r\n", NoHello.NOT_TLS),
        (b"PRI * HTTP/2.0", NoHello.NOT_TLS),
        (b"\x00", NoHello.NOT_TLS),
        (b"\x16\x03\x01\x00\x00", NoHello.MALFORMED),
        (b"\x16\x03\x01\x40\x00", NoHello.NEED_MORE),
        (b"\x16\x03\x01\x40\x01", NoHello.MALFORMED),
        (b"\x16\x03\x01\x00\x04\x01", NoHello.NEED_MORE),
        (b"\x16\x03\x01\x00\x04\x02", NoHello.NOT_TLS),
        (b"\x16\x03\x01\x00\x02\x01\x00\x17", NoHello.MALFORMED),
        (b"\x16\x03\x01\x00\x02\x01\x00\x16\x04", NoHello.MALFORMED),
    ],
)
def test_boundary(head: bytes, expected: NoHello) -> None:
    assert read_client_hello(head) is expected


def padded(size: int) -> bytes:
    """A hello that takes `size` bytes in one record."""
    overhead = len(records(message(body(sni(b"web"), extension(21, b"")))))
    return records(message(body(sni(b"web"), extension(21, bytes(size - overhead)))))


def test_hello_as_large_as_the_limit() -> None:
    hello = padded(HELLO_LIMIT)
    assert len(hello) == HELLO_LIMIT
    assert read_client_hello(hello[:-1]) is NoHello.NEED_MORE
    assert read_client_hello(hello) == ClientHello("web")


def test_hello_beyond_the_limit_is_refused_by_its_length() -> None:
    assert read_client_hello(padded(HELLO_LIMIT + 1)[:9]) is NoHello.MALFORMED


def test_headers_of_records_count_towards_the_limit() -> None:
    hello = records(padded(HELLO_LIMIT)[5:], 1024)
    assert len(hello) > HELLO_LIMIT
    assert read_client_hello(hello[: HELLO_LIMIT - 1]) is NoHello.NEED_MORE
    assert read_client_hello(hello[:HELLO_LIMIT]) is NoHello.MALFORMED
    assert read_client_hello(hello) is NoHello.MALFORMED


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Random bytes, and hellos with some of their bytes changed."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=64))
    size = draw(st.integers(3, 200))
    hello = bytearray(records(message(body(sni(b"web.test"), alpn(b"h2"))), size))
    for _ in range(draw(st.integers(0, 3))):
        hello[draw(st.integers(0, len(hello) - 1))] = draw(st.integers(0, 255))
    return bytes(hello)


@given(heads())
def test_an_answer_once_given_stays(head: bytes) -> None:
    """For every prefix: NEED_MORE up to some point, then one and the same answer."""
    answers = [read_client_hello(head[:size]) for size in range(len(head) + 1)]
    decided = [answer for answer in answers if answer is not NoHello.NEED_MORE]
    assert answers == [NoHello.NEED_MORE] * (len(answers) - len(decided)) + decided
    assert len(set(decided)) <= 1


NAMES = st.from_regex(r"[a-z0-9_-]{1,20}(\.[a-z0-9_-]{1,20}){0,5}", fullmatch=True)


@given(
    st.none() | NAMES,
    st.lists(st.binary(min_size=1, max_size=20), max_size=4),
    st.integers(10, 400),
)
def test_what_is_written_is_read(name: str | None, protocols: list[bytes], size: int) -> None:
    extensions = [] if name is None else [sni(name.encode())]
    if protocols:
        extensions.append(alpn(*protocols))
    hello = records(message(body(*extensions)), size)
    assert read_client_hello(hello) == ClientHello(name, tuple(protocols))
