"""Channels to our own gRPC services."""

import grpc.aio

_OPTIONS = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 10_000),
    ("grpc.enable_http_proxy", 0),  # a proxy named in the environment is not for the mesh
)


def channel(target: str) -> grpc.aio.Channel:
    """A plaintext channel: inside a pod the proxy adds mutual TLS. Close it, or use `async with`."""
    return grpc.aio.insecure_channel(target, options=_OPTIONS)
