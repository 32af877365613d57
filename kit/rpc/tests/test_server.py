"""Handlers' errors as statuses, counts, and the life of the server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from kit.rpc import client, status
from kit.rpc.server import Metrics, serve
from weft.addresses import SocketAddress

ANY = SocketAddress("127.0.0.1", 0)
SAMPLES = {"grpc_service": "test.Echo"}


async def unary(request: bytes, _: object) -> bytes:
    _raise_if_named(request)
    return request


async def stream(request: bytes, _: object) -> AsyncIterator[bytes]:
    yield request
    _raise_if_named(request)
    yield request


def _raise_if_named(request: bytes) -> None:
    if request == b"boom":
        raise RuntimeError("a secret")
    if kind := getattr(status, request.decode(), None):
        raise kind("why")


def register(server: grpc.aio.Server) -> None:
    handlers: dict[str, Any] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))


def run(script: Any) -> CollectorRegistry:
    registry = CollectorRegistry()

    async def main() -> None:
        async with (
            serve(ANY, [register], metrics=Metrics(registry), grace=0.1) as bound,
            client.channel(str(bound)) as channel,
        ):
            await script(channel)

    asyncio.run(main())
    return registry


def handled(registry: CollectorRegistry, kind: str, method: str, code: str) -> float | None:
    labels = {**SAMPLES, "grpc_type": kind, "grpc_method": method, "grpc_code": code}
    return registry.get_sample_value("grpc_server_handled_total", labels)


def test_answers_are_counted() -> None:
    async def script(channel: Any) -> None:
        assert await channel.unary_unary("/test.Echo/Unary")(b"hello") == b"hello"
        seen = [one async for one in channel.unary_stream("/test.Echo/Stream")(b"hello")]
        assert seen == [b"hello", b"hello"]

    registry = run(script)
    assert handled(registry, "unary", "Unary", "OK") == 1
    assert handled(registry, "server_stream", "Stream", "OK") == 1
    labels = {**SAMPLES, "grpc_type": "server_stream", "grpc_method": "Stream"}
    assert registry.get_sample_value("grpc_server_msg_sent_total", labels) == 2
    assert registry.get_sample_value("grpc_server_started_total", labels) == 1


@pytest.mark.parametrize(
    ("request_bytes", "code", "details"),
    [
        (b"InvalidArgument", grpc.StatusCode.INVALID_ARGUMENT, "why"),
        (b"NotFound", grpc.StatusCode.NOT_FOUND, "why"),
        (b"FailedPrecondition", grpc.StatusCode.FAILED_PRECONDITION, "why"),
        (b"Unavailable", grpc.StatusCode.UNAVAILABLE, "why"),
        (b"Unimplemented", grpc.StatusCode.UNIMPLEMENTED, "why"),
        (b"Unknown", grpc.StatusCode.UNKNOWN, "why"),
        (b"Internal", grpc.StatusCode.INTERNAL, "why"),
        (b"boom", grpc.StatusCode.INTERNAL, "unexpected error"),
    ],
)
def test_errors_become_statuses(request_bytes: bytes, code: grpc.StatusCode, details: str) -> None:
    async def script(channel: Any) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/test.Echo/Unary")(request_bytes)
        assert (caught.value.code(), caught.value.details()) == (code, details)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in channel.unary_stream("/test.Echo/Stream")(request_bytes):
                pass
        assert (caught.value.code(), caught.value.details()) == (code, details)

    registry = run(script)
    assert handled(registry, "unary", "Unary", code.name) == 1
    assert handled(registry, "server_stream", "Stream", code.name) == 1


def test_an_unknown_method_is_unimplemented() -> None:
    async def script(channel: Any) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/test.Echo/Nothing")(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    run(script)


def test_a_taken_port_is_an_error() -> None:
    async def script() -> None:
        metrics = Metrics(CollectorRegistry())
        async with serve(ANY, [register], metrics=metrics, grace=0.1) as bound:
            with pytest.raises(OSError, match="cannot listen"):
                async with serve(bound, [register], metrics=metrics):
                    pass

    asyncio.run(script())
