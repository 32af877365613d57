"""`destination.proto` to plain values: endpoints, and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.codec.http2 import KEEP_ALIVE_TIMEOUT, KeepAlive
from proxy.control import translate
from proxy.control.watch import UnusableMessageError
from proxy.discovery.endpoints import Endpoint, Hint
from proxy.discovery.profile import (
    AllOf,
    AllStatuses,
    AnyOf,
    AnyStatus,
    Condition,
    MethodIs,
    Not,
    NotStatus,
    PathRegex,
    Profile,
    ProfileRoute,
    StatusCondition,
    StatusIn,
)
from proxy.identity.peer import canonical
from proxy.stack.budget import RetryBudget
from weft.ports import MAX_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weft.addresses import SocketAddress
    from weftapi.proxy import destination_pb2

Labels = tuple[tuple[str, str], ...]


# --- endpoints ------------------------------------------------------------------------------


def endpoints(message: destination_pb2.WeightedAddrSet) -> list[Endpoint]:
    """Every address of the set, each with the set's labels and its own."""
    return [endpoint(one, message.metric_labels) for one in message.addrs]


def endpoint(
    message: destination_pb2.WeightedAddr, shared: Mapping[str, str] | None = None
) -> Endpoint:
    identity, server_name = _identity(message)
    hint = message.protocol_hint
    transport = hint.opaque_transport.inbound_port if hint.HasField("opaque_transport") else 0
    if transport > MAX_PORT:
        raise UnusableMessageError(f"{transport} is not a port for opaque transport")
    return Endpoint(
        address=translate.socket_address(message.addr),
        weight=message.weight,
        identity=identity,
        server_name=server_name,
        hint=_HINTS[hint.WhichOneof("protocol")],
        transport_port=transport or None,
        labels=prefixed("dst_", {**(shared or {}), **message.metric_labels}),
        authority_override=message.authority_override.authority_override or None,
        resource=_resource(message),
        keep_alive=_keep_alive(message.http2.keep_alive),
    )


def _keep_alive(message: destination_pb2.Http2ClientParams.KeepAlive) -> KeepAlive | None:
    """Zero and unset mean the client's own default, which is not to ask."""
    interval = translate.seconds(message.interval)
    if interval <= 0:
        return None
    timeout = translate.seconds(message.timeout)
    return KeepAlive(
        interval, timeout if timeout > 0 else KEEP_ALIVE_TIMEOUT, while_idle=message.while_idle
    )


def addresses(message: destination_pb2.AddrSet) -> list[SocketAddress]:
    return [translate.socket_address(one) for one in message.addrs]


def prefixed(prefix: str, labels: Mapping[str, str]) -> Labels:
    """Metric labels under a prefix, sorted by name."""
    return tuple(sorted((prefix + name, value) for name, value in labels.items()))


_HINTS: dict[str | None, Hint] = {None: Hint.UNKNOWN, "h2": Hint.H2, "opaque": Hint.OPAQUE}


def _identity(message: destination_pb2.WeightedAddr) -> tuple[str | None, str | None]:
    """Who the server must prove to be, and the name to send; None and None for plaintext."""
    if not message.HasField("tls_identity"):
        return None, None
    tls = message.tls_identity
    strategy = tls.WhichOneof("strategy")
    named = tls.server_name.name or None
    if strategy == "dns_like_identity":
        identity = canonical(tls.dns_like_identity.name)
        return identity, (named or identity)
    if strategy == "uri_like_identity":
        if named is None:
            raise UnusableMessageError(f"{tls.uri_like_identity.uri} comes without a server name")
        return tls.uri_like_identity.uri, named
    raise UnusableMessageError("a TLS identity is neither a DNS name nor a URI")


def _resource(message: destination_pb2.WeightedAddr) -> str | None:
    if message.resource_ref.WhichOneof("kind") != "resource":
        return None
    resource = message.resource_ref.resource
    return f"{resource.namespace}/{resource.name}"


# --- profiles -------------------------------------------------------------------------------


def profile(message: destination_pb2.DestinationProfile) -> Profile:
    has_endpoint = message.HasField("endpoint") and message.endpoint.HasField("addr")
    has_parent = message.parent_ref.WhichOneof("kind") is not None
    return Profile(
        name=message.fully_qualified_name or None,
        opaque=message.opaque_protocol,
        endpoint=endpoint(message.endpoint) if has_endpoint else None,
        routes=tuple(map(_route, message.routes)),
        retry_budget=_budget(message.retry_budget) if message.HasField("retry_budget") else None,
        targets=tuple((one.authority, one.weight) for one in message.dst_overrides),
        parent=translate.meta(message.parent_ref) if has_parent else None,
    )


def _budget(message: destination_pb2.RetryBudget) -> RetryBudget | None:
    """Outside of these bounds Linkerd's proxy drops the budget: no retries then."""
    if not (message.HasField("ttl") and 0 <= message.retry_ratio <= 1000):
        return None
    ttl = translate.seconds(message.ttl)
    if not 1 <= ttl <= 60:
        return None
    return RetryBudget(message.retry_ratio, message.min_retries_per_second, ttl)


def _route(message: destination_pb2.Route) -> ProfileRoute:
    return ProfileRoute(
        condition=_condition(message.condition),
        labels=prefixed("rt_", message.metrics_labels),
        response_classes=tuple(
            (_status_condition(one.condition), one.is_failure) for one in message.response_classes
        ),
        retryable=message.is_retryable,
        timeout=translate.seconds(message.timeout) if message.HasField("timeout") else None,
    )


def _condition(message: destination_pb2.RequestMatch) -> Condition:
    kind = message.WhichOneof("match")
    if kind == "all":
        return AllOf(tuple(map(_condition, message.all.matches)))
    if kind == "any":
        return AnyOf(tuple(map(_condition, message.any.matches)))
    if kind == "not":
        return Not(_condition(getattr(message, "not")))
    if kind == "path":
        return PathRegex(translate.regex(message.path.regex))
    if kind == "method":
        return MethodIs(translate.method(message.method))
    raise UnusableMessageError("a request match is empty")


def _status_condition(message: destination_pb2.ResponseMatch) -> StatusCondition:
    kind = message.WhichOneof("match")
    if kind == "all":
        return AllStatuses(tuple(map(_status_condition, message.all.matches)))
    if kind == "any":
        return AnyStatus(tuple(map(_status_condition, message.any.matches)))
    if kind == "not":
        return NotStatus(_status_condition(getattr(message, "not")))
    if kind == "status":
        return StatusIn(message.status.min, message.status.max)
    raise UnusableMessageError("a response match is empty")
