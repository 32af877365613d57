"""Policy resources and ServiceProfiles -> values. Pure.

A resource that cannot be understood raises ValueError, and what was known of it stays in force.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from destination.policy import selector
from destination.policy.inbound import PROTOCOLS
from destination.policy.model import (
    AuthorizationPolicy,
    MeshTLSAuthentication,
    Network,
    NetworkAuthentication,
    ProfileRoute,
    RateLimit,
    RateOverride,
    Reference,
    RequestCondition,
    ResponseClass,
    ResponseCondition,
    RetryBudget,
    Server,
    ServerAuthorization,
    ServiceProfile,
)
from kit.kube.objects import Key, Object, key, labels, mapping, metadata, sequence, spec
from weft.addresses import parse_network
from weft.durations import DurationError, parse_go_duration
from weft.labels import DEFAULT_POLICIES
from weft.ports import parse_port_set

log = logging.getLogger(__name__)


def server(obj: Object) -> Server | None:
    """None for a Server of external workloads."""
    fields = spec(obj)
    if fields.get("podSelector") is None:
        return None
    protocol = str(fields.get("proxyProtocol") or "unknown")
    if protocol not in PROTOCOLS:
        raise ValueError(f"proxyProtocol {protocol!r} is not one of {', '.join(PROTOCOLS)}")
    access = str(fields.get("accessPolicy") or "deny")
    if access not in DEFAULT_POLICIES:
        raise ValueError(f"accessPolicy {access!r} is not one of {', '.join(DEFAULT_POLICIES)}")
    port = fields["port"]
    return Server(
        key=key(obj),
        pods=selector.read(fields["podSelector"]),
        port=port if isinstance(port, int) else str(port),
        protocol=protocol,
        access_policy=access,
        created=created(obj),
        labels=tuple(sorted(labels(obj).items())),
    )


def server_authorization(obj: Object) -> ServerAuthorization:
    at = key(obj)
    target, client = mapping(spec(obj).get("server")), mapping(spec(obj).get("client"))
    tls = mapping(client.get("meshTLS"))
    return ServerAuthorization(
        key=at,
        server_name=str(target.get("name") or ""),
        servers=selector.read(target.get("selector")),
        networks=networks(client.get("networks")),
        unauthenticated=client.get("unauthenticated") is True,
        any_tls=tls.get("unauthenticatedTLS") is True,
        identities=tuple(map(str, sequence(tls.get("identities")))),
        service_accounts=tuple(
            Key(str(one.get("namespace") or at.namespace), str(one["name"]))
            for one in sequence(tls.get("serviceAccounts"))
        ),
    )


def authorization_policy(obj: Object) -> AuthorizationPolicy:
    fields = spec(obj)
    return AuthorizationPolicy(
        key=key(obj),
        target=_reference(fields["targetRef"]),
        required=tuple(map(_reference, sequence(fields.get("requiredAuthenticationRefs")))),
    )


def mesh_tls_authentication(obj: Object) -> MeshTLSAuthentication:
    fields = spec(obj)
    return MeshTLSAuthentication(
        key=key(obj),
        identities=tuple(map(str, sequence(fields.get("identities")))),
        references=tuple(map(_reference, sequence(fields.get("identityRefs")))),
    )


def network_authentication(obj: Object) -> NetworkAuthentication:
    return NetworkAuthentication(key(obj), networks(spec(obj).get("networks")))


def created(obj: Object) -> str:
    return str(metadata(obj).get("creationTimestamp") or "")


def _reference(one: Mapping[str, Any]) -> Reference:
    return Reference(
        str(one.get("group") or ""),
        str(one["kind"]),
        str(one["name"]),
        str(one.get("namespace") or ""),
    )


def networks(value: object) -> tuple[Network, ...]:
    return tuple(
        Network(
            parse_network(str(one["cidr"])),
            tuple(parse_network(str(net)) for net in sequence(one.get("except"))),
        )
        for one in sequence(value)
    )


# -- HTTPLocalRateLimitPolicy --------------------------------------------------------------------
def rate_limit(obj: Object) -> RateLimit:
    """One that asks for something impossible is kept with the reason, so that its status can tell."""
    fields, at = spec(obj), key(obj)
    made = RateLimit(at, _reference(fields["targetRef"]), created=created(obj))
    try:
        total, identity = _rate(fields, "total"), _rate(fields, "identity")
        overrides = tuple(_override(mapping(one), at) for one in sequence(fields.get("overrides")))
        for rate in (identity, *(one.requests_per_second for one in overrides)):
            if total is not None and rate is not None and rate > total:
                raise ValueError(f"a client's {rate} requests per second are more than the total")
        return replace(made, total=total, identity=identity, overrides=overrides)
    except ValueError as error:
        return replace(made, problem=str(error))


def _rate(fields: Mapping[str, Any], name: str) -> int | None:
    return None if fields.get(name) is None else _per_second(mapping(fields[name]))


def _per_second(fields: Mapping[str, Any]) -> int:
    rate = fields.get("requestsPerSecond")
    if not isinstance(rate, int) or rate < 1:
        raise ValueError(f"requestsPerSecond {rate!r} is not a whole number from 1 on")
    return rate


def _override(fields: Mapping[str, Any], at: Key) -> RateOverride:
    accounts = []
    for one in map(_reference, sequence(fields.get("clientRefs"))):
        if one.kind != "ServiceAccount":
            raise ValueError(f"a clientRef of kind {one.kind} is not a ServiceAccount")
        accounts.append(Key(one.namespace or at.namespace, one.name))
    return RateOverride(_per_second(fields), tuple(accounts))


# -- ServiceProfile ------------------------------------------------------------------------------
def service_profile(obj: Object) -> ServiceProfile:
    fields = spec(obj)
    budget = fields.get("retryBudget")
    opaque = ",".join(str(port) for port in sequence(fields.get("opaquePorts")))
    return ServiceProfile(
        key=key(obj),
        routes=tuple(_route(one, obj) for one in sequence(fields.get("routes"))),
        retry_budget=None if budget is None else _budget(budget),
        overrides=tuple(
            (str(one["authority"]), _milli(one.get("weight", 0)))
            for one in sequence(fields.get("dstOverrides"))
        ),
        opaque_ports=parse_port_set(opaque),
    )


def _budget(one: Mapping[str, Any]) -> RetryBudget:
    return RetryBudget(
        float(one["retryRatio"]),
        int(one["minRetriesPerSecond"]),
        parse_go_duration(str(one["ttl"])),
    )


def _milli(weight: object) -> int:
    """A Kubernetes quantity (`500m`, `0.5`, 2) in thousandths. Raises ValueError."""
    text = str(weight)
    if text.endswith("m"):
        return int(text[:-1])
    return round(float(text) * 1000)


def _route(one: Mapping[str, Any], obj: Object) -> ProfileRoute:
    return ProfileRoute(
        name=str(one["name"]),
        condition=_request(mapping(one["condition"])),
        response_classes=tuple(
            ResponseClass(_response(mapping(each["condition"])), each.get("isFailure") is True)
            for each in sequence(one.get("responseClasses"))
        ),
        is_retryable=one.get("isRetryable") is True,
        timeout=_timeout(one, obj),
    )


def _timeout(one: Mapping[str, Any], obj: Object) -> float | None:
    text = one.get("timeout")
    try:
        return parse_go_duration(str(text)) if text else None
    except DurationError as error:
        about = {"profile": str(key(obj)), "route": one.get("name"), "why": str(error)}
        log.error("a route's timeout is not usable", extra=about)
        return None


def _request(one: Mapping[str, Any]) -> RequestCondition:
    made = RequestCondition(
        path_regex=str(one.get("pathRegex") or ""),
        method=str(one.get("method") or ""),
        all_of=_requests(one, "all"),
        any_of=_requests(one, "any"),
        none_of=_requests(one, "not"),
    )
    if made == RequestCondition():
        raise ValueError("a condition needs one of pathRegex, method, all, any, not")
    return made


def _requests(one: Mapping[str, Any], field: str) -> tuple[RequestCondition, ...] | None:
    return tuple(_request(mapping(each)) for each in _several(one[field])) if field in one else None


def _response(one: Mapping[str, Any]) -> ResponseCondition:
    status = None
    if "status" in one:
        given = mapping(one["status"])
        first = int(given.get("min") or given.get("max") or 0)
        status = (first, int(given.get("max") or first))
        if not 100 <= status[0] <= status[1] <= 599:
            raise ValueError(f"the status range {given} is not within 100 to 599")
    made = ResponseCondition(
        status, _responses(one, "all"), _responses(one, "any"), _responses(one, "not")
    )
    if made == ResponseCondition():
        raise ValueError("a response condition needs one of status, all, any, not")
    return made


def _responses(one: Mapping[str, Any], field: str) -> tuple[ResponseCondition, ...] | None:
    return (
        tuple(_response(mapping(each)) for each in _several(one[field])) if field in one else None
    )


def _several(value: object) -> list[Any]:
    """`not` is written as one condition or as a list."""
    return value if isinstance(value, list) else [value]
