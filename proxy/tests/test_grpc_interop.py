"""gRPC's interoperability cases through both proxies, with gRPC's own client and server.

The cases and their sizes are those of gRPC's interop test descriptions, in our own words; messages are
plain bytes: what they mean is nobody's business between the two ends.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from proxy.codec.http2 import Http2Settings
from proxy.tests.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "interop.Test"
REQUEST_SIZES = (27_182, 8, 1_828, 45_904)
RESPONSE_SIZES = (31_415, 9, 2_653, 58_979)
LARGE_REQUEST, LARGE_RESPONSE = 271_828, 314_159
INITIAL = "x-interop-initial"
TRAILING = "x-interop-trailing-bin"
STRANGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
DEADLINE = 20.0
"""Seconds no case may take; none comes near on an idle machine."""


class Server:
    """What the application serves. It notes which calls it saw cancelled."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.cancelled = threading.Semaphore(0)

    def empty(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        assert request == b""
        return b""

    def unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Answers with a message of the size that the request's first four bytes say."""
        echo_metadata(context)
        return bytes(int.from_bytes(request[:4], "big"))

    def status(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Fails with the code and the message of the request."""
        code, _, message = request.partition(b" ")
        context.abort(CODES[int(code)], message.decode())
        raise AssertionError("abort raises")

    def collect(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        self._watch(context)
        return str(sum(map(len, requests))).encode()

    def stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        for size in request.split(b","):
            yield bytes(int(size))

    def ping_pong(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """One answer for each request, of the size that it asks for."""
        echo_metadata(context)
        self._watch(context)
        for request in requests:
            yield bytes(int.from_bytes(request[:4], "big"))

    def half_duplex(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """Nothing until the client is done, then all at once."""
        for request in list(requests):
            yield bytes(int.from_bytes(request[:4], "big"))

    def sleep(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Answers only when nobody waits any more."""
        gone = threading.Event()
        context.add_callback(gone.set)
        self.begun.release()
        gone.wait(DEADLINE)
        self.cancelled.release()
        return b""

    def _watch(self, context: grpc.ServicerContext) -> None:
        context.add_callback(self.cancelled.release)
        self.begun.release()


CODES = {code.value[0]: code for code in grpc.StatusCode}


def echo_metadata(context: grpc.ServicerContext) -> None:
    sent = dict(context.invocation_metadata())
    if INITIAL in sent:
        context.send_initial_metadata(((INITIAL, sent[INITIAL]),))
    if TRAILING in sent:
        context.set_trailing_metadata(((TRAILING, sent[TRAILING]),))


def sized(response: int, request: int = 4) -> bytes:
    """A request of some size that asks for a response of some size."""
    return response.to_bytes(4, "big").ljust(request, b"\0")


@dataclass
class Rig:
    pair: Pair
    channel: grpc.Channel
    server: Server

    def unary(self, name: str) -> Any:
        return self.call("unary_unary", f"/{SERVICE}/{name}")

    def call(self, shape: str, path: str) -> Any:
        """What is called for calls of a shape (`stream_unary` and so on), with bytes for messages."""
        return getattr(self.channel, shape)(path)

    def settled(self) -> None:
        """Nothing of the call is left in either proxy."""
        pair = self.pair
        pair.eventually(lambda: (pair.outbound.in_flight, pair.inbound.in_flight), (0, 0))
        assert pair.reactor.failures == 0


@contextmanager
def serving(server: Server) -> Iterator[int]:
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Empty": grpc.unary_unary_rpc_method_handler(server.empty),
        "Unary": grpc.unary_unary_rpc_method_handler(server.unary),
        "Status": grpc.unary_unary_rpc_method_handler(server.status),
        "Collect": grpc.stream_unary_rpc_method_handler(server.collect),
        "Stream": grpc.unary_stream_rpc_method_handler(server.stream),
        "PingPong": grpc.stream_stream_rpc_method_handler(server.ping_pong),
        "HalfDuplex": grpc.stream_stream_rpc_method_handler(server.half_duplex),
        "Sleep": grpc.unary_unary_rpc_method_handler(server.sleep),
    }
    serving = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
    serving.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = serving.add_insecure_port("127.0.0.1:0")
    serving.start()
    try:
        yield port
    finally:
        serving.stop(0).wait()


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """One pair and one channel for all cases: each must leave them as it found them."""
    server = Server()
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    with (
        serving(server) as port,
        Pair(port) as pair,
        grpc.insecure_channel(f"127.0.0.1:{pair.outbound_port}", options=options) as channel,
    ):
        yield Rig(pair, channel, server)


def test_empty_unary(rig: Rig) -> None:
    assert rig.unary("Empty")(b"", timeout=DEADLINE) == b""
    rig.settled()


def test_large_unary(rig: Rig) -> None:
    request = sized(LARGE_RESPONSE, LARGE_REQUEST)
    assert rig.unary("Unary")(request, timeout=DEADLINE) == bytes(LARGE_RESPONSE)
    rig.settled()


def test_client_streaming(rig: Rig) -> None:
    call = rig.call("stream_unary", f"/{SERVICE}/Collect")
    assert call(map(bytes, REQUEST_SIZES), timeout=DEADLINE) == b"74922"
    rig.settled()


def test_server_streaming(rig: Rig) -> None:
    call = rig.call("unary_stream", f"/{SERVICE}/Stream")
    asked = ",".join(map(str, RESPONSE_SIZES)).encode()
    assert [len(one) for one in call(asked, timeout=DEADLINE)] == list(RESPONSE_SIZES)
    rig.settled()


class Sending:
    """A request stream that goes on as the test says."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def send(self, message: bytes) -> None:
        self._queue.put(message)

    def end(self) -> None:
        self._queue.put(None)

    def __iter__(self) -> Iterator[bytes]:
        while (message := self._queue.get(timeout=DEADLINE)) is not None:
            yield message


def test_ping_pong(rig: Rig) -> None:
    sending = Sending()
    call = rig.call("stream_stream", f"/{SERVICE}/PingPong")(iter(sending), timeout=DEADLINE)
    for request, response in zip(REQUEST_SIZES, RESPONSE_SIZES, strict=True):
        sending.send(sized(response, request))
        assert next(call) == bytes(response)
    sending.end()
    assert list(call) == []
    assert call.code() is grpc.StatusCode.OK
    rig.settled()


def test_empty_stream(rig: Rig) -> None:
    call = rig.call("stream_stream", f"/{SERVICE}/PingPong")(iter(()), timeout=DEADLINE)
    assert list(call) == []
    assert call.code() is grpc.StatusCode.OK
    rig.settled()


def test_half_duplex(rig: Rig) -> None:
    call = rig.call("stream_stream", f"/{SERVICE}/HalfDuplex")
    requests = [sized(size) for size in RESPONSE_SIZES]
    assert [len(one) for one in call(iter(requests), timeout=DEADLINE)] == list(RESPONSE_SIZES)
    rig.settled()


def test_cancel_after_begin(rig: Rig) -> None:
    sending = Sending()
    begun, cancelled = _drained(rig.server.begun), _drained(rig.server.cancelled)
    call = rig.call("stream_unary", f"/{SERVICE}/Collect").future(iter(sending), timeout=DEADLINE)
    assert begun.acquire(timeout=DEADLINE)
    call.cancel()
    assert call.code() is grpc.StatusCode.CANCELLED
    assert cancelled.acquire(timeout=DEADLINE)
    sending.end()
    rig.settled()


def test_cancel_after_first_response(rig: Rig) -> None:
    sending = Sending()
    cancelled = _drained(rig.server.cancelled)
    call = rig.call("stream_stream", f"/{SERVICE}/PingPong")(iter(sending), timeout=DEADLINE)
    sending.send(sized(RESPONSE_SIZES[0], REQUEST_SIZES[0]))
    assert next(call) == bytes(RESPONSE_SIZES[0])
    call.cancel()
    assert call.code() is grpc.StatusCode.CANCELLED
    assert cancelled.acquire(timeout=DEADLINE)
    sending.end()
    rig.settled()


def test_timeout_on_a_sleeping_server(rig: Rig) -> None:
    cancelled = _drained(rig.server.cancelled)
    with pytest.raises(grpc.RpcError) as caught:
        rig.unary("Sleep")(b"", timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert cancelled.acquire(timeout=DEADLINE)
    rig.settled()


@pytest.mark.parametrize("code", [code for code in CODES if code])
def test_status_code_and_message(rig: Rig, code: int) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rig.unary("Status")(b"%d test status message" % code, timeout=DEADLINE)
    assert caught.value.code() is CODES[code]
    assert caught.value.details() == "test status message"
    rig.settled()


def test_special_status_message(rig: Rig) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rig.unary("Status")(b"2 " + STRANGE.encode(), timeout=DEADLINE)
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert caught.value.details() == STRANGE
    rig.settled()


@pytest.mark.parametrize("path", [f"/{SERVICE}/Nothing", "/interop.Nobody/Empty"])
def test_unimplemented_method_and_service(rig: Rig, path: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rig.call("unary_unary", path)(b"", timeout=DEADLINE)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    rig.settled()


@pytest.mark.parametrize("streaming", [False, True])
def test_custom_metadata(rig: Rig, *, streaming: bool) -> None:
    metadata = ((INITIAL, "a value"), (TRAILING, b"\xab\xab\xab\0"))
    if streaming:
        call = rig.call("stream_stream", f"/{SERVICE}/PingPong")(
            iter([sized(10)]), metadata=metadata, timeout=DEADLINE
        )
        assert [len(one) for one in call] == [10]
    else:
        response, call = rig.unary("Unary").with_call(
            sized(10), metadata=metadata, timeout=DEADLINE
        )
        assert len(response) == 10
    assert dict(call.initial_metadata())[INITIAL] == "a value"
    assert dict(call.trailing_metadata())[TRAILING] == b"\xab\xab\xab\0"
    rig.settled()


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_messages(rig: Rig, algorithm: grpc.Compression) -> None:
    request = sized(LARGE_RESPONSE, LARGE_REQUEST)
    response = rig.unary("Unary")(request, timeout=DEADLINE, compression=algorithm)
    assert response == bytes(LARGE_RESPONSE)
    rig.settled()


def test_many_at_once(rig: Rig) -> None:
    """Concurrent large calls, as many as gRPC's test of that name makes."""
    request = sized(LARGE_RESPONSE, LARGE_REQUEST)
    futures = [rig.unary("Unary").future(request, timeout=DEADLINE) for _ in range(50)]
    assert [len(one.result()) for one in futures] == [LARGE_RESPONSE] * 50
    rig.settled()


def test_small_messages_one_after_another_are_no_flood(rig: Rig) -> None:
    """The client sends a PING for each, more than it may if it did nothing else."""
    small = rig.unary("Unary")
    for _ in range(3 * Http2Settings().noise):
        assert small(sized(7), timeout=DEADLINE) == bytes(7)
    rig.settled()


def test_they_are_counted_as_what_they_were(rig: Rig) -> None:
    def counted(side: str) -> float:
        return rig.pair.metric(
            "response_total", direction=side, grpc_status="5", classification="success"
        )

    before = {side: counted(side) for side in ("inbound", "outbound")}
    with pytest.raises(grpc.RpcError):
        rig.unary("Status")(b"5 gone", timeout=DEADLINE)
    assert {side: counted(side) for side in before} == {side: before[side] + 1 for side in before}


def _drained(semaphore: threading.Semaphore) -> threading.Semaphore:
    """The semaphore, at zero: what earlier cases left is forgotten."""
    while semaphore.acquire(blocking=False):
        pass
    return semaphore
