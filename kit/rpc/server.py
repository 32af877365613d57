"""A grpc.aio server: bound, counted, and answering every failure with a status.

Handlers raise `kit.rpc.status` errors; anything else they raise is logged and answered INTERNAL
without its text. Proxies ping idle connections every few seconds, so the server's defence against
pings is set wider than gRPC's default, which would end their connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

import grpc
import grpc.aio
from prometheus_client import REGISTRY, CollectorRegistry, Counter

from kit import tracing
from kit.rpc.status import RpcError
from weft.addresses import SocketAddress

log = logging.getLogger(__name__)

_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on the port is an error, not a silent sharer
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_time_ms", 60_000),  # finds clients that vanished without a word
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_receive_message_length", 1 << 20),
)

Register = Callable[[grpc.aio.Server], None]


class Metrics:
    """Counts of calls, named as go-grpc-prometheus names them."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        by_method = ("grpc_type", "grpc_service", "grpc_method")
        self.started = Counter(
            "grpc_server_started_total", "Calls begun.", by_method, registry=registry
        )
        self.handled = Counter(
            "grpc_server_handled_total",
            "Calls ended, by code.",
            (*by_method, "grpc_code"),
            registry=registry,
        )
        self.sent = Counter(
            "grpc_server_msg_sent_total", "Messages sent.", by_method, registry=registry
        )


class _Guard(grpc.aio.ServerInterceptor):
    """Counts each call and turns what handlers raise into statuses."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = await continuation(handler_call_details)
        if handler is None:  # no such method: gRPC answers UNIMPLEMENTED
            return None
        path = handler_call_details.method
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(path, handler.unary_unary),
                handler.request_deserializer,
                handler.response_serializer,
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(path, handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return handler

    def _unary(self, path: str, inner: Any) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            with _Call(self._metrics, "unary", path) as counted:
                try:
                    with tracing.call(path.removeprefix("/"), lambda: _metadata(context)):
                        response = await inner(request, context)
                    counted.sent()
                    return response
                except Exception as error:
                    await _abort(context, counted, error)

        return call

    def _stream(self, path: str, inner: Any) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            with _Call(self._metrics, "server_stream", path) as counted:
                try:
                    async for response in inner(request, context):
                        yield response
                        counted.sent()
                except Exception as error:
                    await _abort(context, counted, error)

        return call


def _metadata(context: grpc.aio.ServicerContext[Any, Any]) -> list[tuple[str, str | bytes]]:
    return list(context.invocation_metadata() or ())


class _Call:
    """One call being counted; leaving the block counts its end."""

    def __init__(self, metrics: Metrics, kind: str, path: str) -> None:
        _, service, method = path.split("/")
        self._labels = (kind, service, method)
        self._metrics = metrics
        self.path = path
        self.code = "OK"

    def sent(self) -> None:
        self._metrics.sent.labels(*self._labels).inc()

    def __enter__(self) -> Self:
        self._metrics.started.labels(*self._labels).inc()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, asyncio.CancelledError | GeneratorExit):
            self.code = "CANCELLED"
        self._metrics.handled.labels(*self._labels, self.code).inc()


async def _abort(
    context: grpc.aio.ServicerContext[Any, Any], call: _Call, error: Exception
) -> None:
    if isinstance(error, RpcError):
        call.code = error.code.name
        log.debug("refused", extra={"method": call.path, "code": call.code, "why": str(error)})
        await context.abort(error.code, str(error))
    call.code = "INTERNAL"
    log.error("a handler failed", extra={"method": call.path}, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, "unexpected error")


@asynccontextmanager
async def serve(
    address: SocketAddress,
    register: Iterable[Register],
    *,
    metrics: Metrics,
    grace: float = 5.0,
) -> AsyncIterator[SocketAddress]:
    """Serves until the block ends, then gives calls `grace` seconds to finish.

    Yields the bound address. Raises OSError when the address cannot be bound.
    """
    server = grpc.aio.server(interceptors=[_Guard(metrics)], options=_OPTIONS)
    for one in register:
        one(server)
    try:
        port = server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from error
    await server.start()
    bound = SocketAddress(address.ip, port)
    log.info("serving gRPC", extra={"address": str(bound)})
    try:
        yield bound
    finally:
        await server.stop(grace)
