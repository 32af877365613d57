"""Policy resources and ServiceProfiles -> values. Pure.

A resource that cannot be understood raises ValueError with the field's path, and what was known of it
stays in force.
"""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from destination.policy import selector
from destination.policy.fields import FieldError, choice, each, field, texts
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
from destination.policy.selector import Selector
from kit.kube.objects import Key, Object, key, labels, mapping, metadata, sequence, spec
from weft.addresses import is_address, parse_network, split_host_port
from weft.authority import is_host
from weft.durations import DurationError, parse_go_duration
from weft.labels import DEFAULT_POLICIES
from weft.patterns import Pattern, PatternError
from weft.ports import MAX_PORT, PortSet, is_port_name, parse_port_set

log = logging.getLogger(__name__)
T = TypeVar("T")

_MOST = 0xFFFFFFFF
"""The largest number that a message can hold where it counts something."""
_HEAVIEST = 400_000
"""The largest weight: messages count ten-thousandths."""
_DEEPEST = 16
"""How many conditions may stand within one another. A condition becomes up to five messages within one another, and
who decodes protobuf gives up at a hundred: on the profile, not on the one route."""


def server(obj: Object) -> Server | None:
    """None for a Server that selects nothing."""
    with field("spec"):
        fields = spec(obj)
        port = fields["port"]
        with field("port"):
            port = _server_port(port)
        protocol = choice(fields, "proxyProtocol", "unknown", PROTOCOLS)
        access = choice(fields, "accessPolicy", "deny", DEFAULT_POLICIES)
        pods = _selector(fields, "podSelector")
        external_workloads = _selector(fields, "externalWorkloadSelector")
    if pods is None and external_workloads is None:
        return None
    return Server(
        key=key(obj),
        pods=pods,
        external_workloads=external_workloads,
        port=port,
        protocol=protocol,
        access_policy=access,
        created=created(obj),
        labels=tuple(sorted(labels(obj).items())),
    )


def _selector(fields: Mapping[str, Any], name: str) -> Selector | None:
    with field(name):
        return None if fields.get(name) is None else selector.read(fields[name])


def _server_port(given: object) -> int | str:
    if isinstance(given, int) and not isinstance(given, bool):
        if 0 < given <= MAX_PORT:
            return given
    elif is_port_name(str(given)):
        return str(given)
    raise ValueError(
        f"{given!r} is not a port: allowed are 1 to {MAX_PORT} and what a container calls a port"
    )


def server_authorization(obj: Object) -> ServerAuthorization:
    at = key(obj)
    with field("spec"):
        target, client = mapping(spec(obj).get("server")), mapping(spec(obj).get("client"))
        with field("server.selector"):
            servers = selector.read(target.get("selector"))
        with field("client"):
            permitted = networks(client)
            tls = mapping(client.get("meshTLS"))
            with field("meshTLS"):
                accounts = each(tls, "serviceAccounts", lambda one: _account(one, at))
    return ServerAuthorization(
        key=at,
        server_name=str(target.get("name") or ""),
        servers=servers,
        networks=permitted,
        unauthenticated=client.get("unauthenticated") is True,
        any_tls=tls.get("unauthenticatedTLS") is True,
        identities=tuple(map(str, sequence(tls.get("identities")))),
        service_accounts=accounts,
    )


def _account(one: Mapping[str, Any], at: Key) -> Key:
    return Key(str(one.get("namespace") or at.namespace), str(one["name"]))


def authorization_policy(obj: Object) -> AuthorizationPolicy:
    with field("spec"):
        fields = spec(obj)
        target = _target(fields)
        required = each(fields, "requiredAuthenticationRefs", _reference)
    return AuthorizationPolicy(key=key(obj), target=target, required=required)


def mesh_tls_authentication(obj: Object) -> MeshTLSAuthentication:
    with field("spec"):
        fields = spec(obj)
        return MeshTLSAuthentication(
            key=key(obj),
            identities=texts(fields, "identities", str),
            references=each(fields, "identityRefs", _reference),
        )


def network_authentication(obj: Object) -> NetworkAuthentication:
    with field("spec"):
        return NetworkAuthentication(key(obj), networks(spec(obj)))


def created(obj: Object) -> str:
    return str(metadata(obj).get("creationTimestamp") or "")


def _target(fields: Mapping[str, Any]) -> Reference:
    given = fields["targetRef"]
    with field("targetRef"):
        return _reference(given)


def _reference(one: Mapping[str, Any]) -> Reference:
    return Reference(
        str(one.get("group") or ""),
        str(one["kind"]),
        str(one["name"]),
        str(one.get("namespace") or ""),
    )


def networks(owner: Mapping[str, Any]) -> tuple[Network, ...]:
    return each(owner, "networks", _network)


def _network(one: Mapping[str, Any]) -> Network:
    cidr = str(one["cidr"])
    with field("cidr"):
        net = parse_network(cidr)
    return Network(net, texts(one, "except", lambda hole: parse_network(str(hole))))


# -- HTTPLocalRateLimitPolicy --------------------------------------------------------------------
def rate_limit(obj: Object) -> RateLimit:
    """One that asks for something impossible is kept with the reason, so that its status can tell."""
    at = key(obj)
    with field("spec"):
        made = RateLimit(at, _target(spec(obj)), created=created(obj))
    try:
        with field("spec"):
            return _with_limits(made, spec(obj))
    except ValueError as error:
        return replace(made, problem=str(error))


def _with_limits(made: RateLimit, fields: Mapping[str, Any]) -> RateLimit:
    total, identity = _rate(fields, "total"), _rate(fields, "identity")
    overrides = each(fields, "overrides", partial(_override, made.key))
    clients = {"identity": identity} | {
        f"overrides[{number}]": one.requests_per_second for number, one in enumerate(overrides)
    }
    for name, rate in clients.items():
        if total is not None and rate is not None and rate > total:
            why = f"{rate} are more than the total of {total}"
            raise FieldError(f"{name}.requestsPerSecond", why)
    return replace(made, total=total, identity=identity, overrides=overrides)


def _rate(fields: Mapping[str, Any], name: str) -> int | None:
    if fields.get(name) is None:
        return None
    with field(name):
        return _per_second(mapping(fields[name]))


def _per_second(fields: Mapping[str, Any]) -> int:
    rate = fields.get("requestsPerSecond")
    if not isinstance(rate, int) or not 1 <= rate <= _MOST:
        why = f"{rate!r} is not a whole number from 1 to {_MOST}"
        raise FieldError("requestsPerSecond", why)
    return rate


def _override(at: Key, fields: Mapping[str, Any]) -> RateOverride:
    accounts = each(fields, "clientRefs", partial(_client, at))
    return RateOverride(_per_second(fields), accounts)


def _client(at: Key, fields: Mapping[str, Any]) -> Key:
    one = _reference(fields)
    if one.kind != "ServiceAccount":
        raise FieldError("kind", f"{one.kind!r} is not a ServiceAccount")
    return Key(one.namespace or at.namespace, one.name)


# -- ServiceProfile ------------------------------------------------------------------------------
Complain = Callable[[FieldError], None]
"""Hears of a part of a profile that is left out. May raise."""


def service_profile(obj: Object, complain: Complain | None = None) -> ServiceProfile:
    """What can be left out is, and the log says so, unless `complain` does otherwise."""
    told = complain or partial(_log_part, str(key(obj)))
    with field("spec"):
        fields = spec(obj)
        budget = fields.get("retryBudget")
        return ServiceProfile(
            key=key(obj),
            routes=each(fields, "routes", partial(_route, told)),
            retry_budget=None if budget is None else _budget(budget),
            overrides=each(fields, "dstOverrides", _destination),
            opaque_ports=_opaque_ports(fields),
        )


def _log_part(profile: str, error: FieldError) -> None:
    about = {"profile": profile, "why": str(error)}
    log.error("a part of a profile is not usable", extra=about)


def _opaque_ports(fields: Mapping[str, Any]) -> PortSet:
    sets = texts(fields, "opaquePorts", lambda port: parse_port_set(str(port)))
    return PortSet(tuple(one for ports in sets for one in ports.ranges))


def _budget(one: Mapping[str, Any]) -> RetryBudget:
    with field("retryBudget"):
        ratio, least, ttl = one["retryRatio"], one["minRetriesPerSecond"], one["ttl"]
        with field("retryRatio"):
            ratio = float(ratio)
            if not 0 <= ratio < math.inf:
                raise ValueError(f"{ratio!r} is not a number from 0 on")
        with field("minRetriesPerSecond"):
            least = int(least)
            if not 0 <= least <= _MOST:
                raise ValueError(f"{least} is not a whole number from 0 to {_MOST}")
        with field("ttl"):
            return RetryBudget(ratio, least, parse_go_duration(str(ttl)))


def _destination(one: Mapping[str, Any]) -> tuple[str, int]:
    authority = str(one["authority"])
    with field("authority"):
        _check_authority(authority)
    with field("weight"):
        return authority, _milli(one.get("weight", 0))


def _check_authority(authority: str) -> None:
    """Proxies are told it with a port, and look it up. Raises ValueError."""
    host, _ = split_host_port(authority)
    if not is_host(host) and not is_address(host):
        raise ValueError(
            f"{authority!r} is not HOST or HOST:PORT: a host is a DNS name or an IP address"
        )


def _milli(weight: object) -> int:
    """A Kubernetes quantity (`500m`, `0.5`, 2) in thousandths. Raises ValueError."""
    text = str(weight)
    wrong = (
        f"{text!r} is not a weight: allowed are forms like 2, 0.5 and 500m, from 0 to {_HEAVIEST}"
    )
    try:
        milli = int(text[:-1]) if text.endswith("m") else round(float(text) * 1000)
    except (ValueError, OverflowError) as error:
        raise ValueError(wrong) from error
    if not 0 <= milli <= _HEAVIEST * 1000:
        raise ValueError(wrong)
    return milli


def _route(complain: Complain, one: Mapping[str, Any]) -> ProfileRoute:
    name, condition = str(one["name"]), one["condition"]
    with field("condition"):
        wanted = _request(complain, 1, mapping(condition))
    timeout = _timeout(complain, one)
    return ProfileRoute(
        name=name,
        condition=wanted,
        response_classes=each(one, "responseClasses", partial(_response_class, complain)),
        is_retryable=one.get("isRetryable") is True,
        timeout=timeout,
    )


def _timeout(complain: Complain, one: Mapping[str, Any]) -> float | None:
    text = one.get("timeout")
    try:
        return parse_go_duration(str(text)) if text else None
    except DurationError as error:
        complain(FieldError("timeout", str(error)))
        return None


def _response_class(complain: Complain, one: Mapping[str, Any]) -> ResponseClass:
    condition = one["condition"]
    with field("condition"):
        wanted = _response(complain, 1, mapping(condition))
    return ResponseClass(wanted, one.get("isFailure") is True)


_REQUEST = ("pathRegex", "method", "all", "any", "not")
_RESPONSE = ("status", "all", "any", "not")


def _request(complain: Complain, depth: int, one: Mapping[str, Any]) -> RequestCondition:
    """`depth` is 1 for a condition that stands in no other."""
    _check_depth(depth)
    _no_others(complain, one, _REQUEST)
    pattern = str(one.get("pathRegex") or "")
    _check_regex(complain, pattern)
    read = partial(_request, complain, depth + 1)
    made = RequestCondition(
        path_regex=pattern,
        method=str(one.get("method") or ""),
        all_of=_several(one, "all", read),
        any_of=_several(one, "any", read),
        none_of=_several(one, "not", read),
    )
    if made == RequestCondition():
        raise ValueError(f"a condition needs one of {', '.join(_REQUEST)}")
    return made


def _check_regex(complain: Complain, pattern: str) -> None:
    try:
        Pattern(pattern)
    except PatternError as error:
        complain(FieldError("pathRegex", f"{pattern!r} is no regular expression: {error}"))


def _response(complain: Complain, depth: int, one: Mapping[str, Any]) -> ResponseCondition:
    _check_depth(depth)
    _no_others(complain, one, _RESPONSE)
    read = partial(_response, complain, depth + 1)
    made = ResponseCondition(
        _status(one), _several(one, "all", read), _several(one, "any", read),
        _several(one, "not", read),
    )  # fmt: skip
    if made == ResponseCondition():
        raise ValueError(f"a response condition needs one of {', '.join(_RESPONSE)}")
    return made


def _status(one: Mapping[str, Any]) -> tuple[int, int] | None:
    if "status" not in one:
        return None
    with field("status"):
        given = mapping(one["status"])
        first = int(given.get("min") or given.get("max") or 0)
        last = int(given.get("max") or first)
        if not 100 <= first <= last <= 599:
            raise ValueError(f"{first} to {last} is not a range within 100 to 599")
        return first, last


def _check_depth(depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(
            f"it is nested too deeply: at most {_DEEPEST} conditions within one another"
        )


def _no_others(complain: Complain, one: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Definitions do not look into conditions within conditions."""
    for name in one:
        if name not in known:
            complain(FieldError(name, f"there is no such field: allowed are {', '.join(known)}"))


def _several(
    one: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], T]
) -> tuple[T, ...] | None:
    """`not` is written as one condition or as a list."""
    if name not in one:
        return None
    if isinstance(one[name], list):
        return each(one, name, read)
    with field(name):
        return (read(mapping(one[name])),)
