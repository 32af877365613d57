"""What the gRPC programs share: a server, its metrics, an orderly end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message_factory import GetMessageClass
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from demo import settings
from demo.ending import LINGER_SECONDS, asked_to_stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = Callable[[Any, Context], Awaitable[Any]]

REGISTRY = CollectorRegistry()
_HANDLED = Counter(
    "grpc_server_handled_total",
    "RPCs completed, by method and status code.",
    ["grpc_service", "grpc_method", "grpc_code"],
    registry=REGISTRY,
)
_SECONDS = Histogram(
    "grpc_server_handling_seconds",
    "How long RPCs took.",
    ["grpc_service", "grpc_method"],
    registry=REGISTRY,
)

GRACE_SECONDS = 5.0


class Handlers(grpc.GenericRpcHandler):
    """The methods of one service, counted and timed. `methods` maps each name to its handler."""

    def __init__(self, service: ServiceDescriptor, methods: Mapping[str, Handler]) -> None:
        self._paths = {
            f"/{service.full_name}/{name}": _metered(service.methods_by_name[name], handler)
            for name, handler in methods.items()
        }

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        return self._paths.get(handler_call_details.method)


def _metered(method: MethodDescriptor, handler: Handler) -> grpc.RpcMethodHandler[Any, Any]:
    labels = (method.containing_service.full_name, method.name)

    async def metered(request: Any, context: Context) -> Any:
        started = time.perf_counter()
        code = grpc.StatusCode.UNKNOWN
        try:
            response = await handler(request, context)
            code = grpc.StatusCode.OK
            return response
        finally:
            _HANDLED.labels(*labels, code.name).inc()
            _SECONDS.labels(*labels).observe(time.perf_counter() - started)

    made: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
        metered,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )
    return made


async def serve(handlers: Handlers) -> None:
    """Serve on GRPC_PORT, metrics on PROM_PORT when set, until SIGTERM or SIGINT."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers,))
    bound = server.add_insecure_port(f"0.0.0.0:{settings.port('GRPC_PORT')}")
    metrics = settings.port("PROM_PORT", 0)
    if metrics:
        start_http_server(metrics, registry=REGISTRY)
    await server.start()
    print(f"serving gRPC on port {bound}", flush=True)
    await asked_to_stop()
    await asyncio.sleep(LINGER_SECONDS)
    await server.stop(GRACE_SECONDS)
