"""Routes and EgressNetworks -> values. Pure.

A route that asks for something we cannot do is kept with the reason, so that its status can tell;
it is never half obeyed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from destination.policy.read import created, networks
from destination.policy.route import (
    CORE,
    GRPC,
    HTTP,
    TCP,
    TLS,
    Backend,
    EgressNetwork,
    Filter,
    GrpcMatch,
    HeaderChange,
    HttpMatch,
    Match,
    Parent,
    Redirect,
    RequestHeaders,
    ResponseHeaders,
    Route,
    Rule,
    Value,
)
from destination.policy.traffic import traffic
from kit.kube.objects import Key, Object, annotations, key, mapping, sequence, spec
from weft.durations import parse_go_duration
from weft.ports import MAX_PORT

_KINDS = {"Exact": "exact", "PathPrefix": "prefix", "RegularExpression": "regex"}
_SCHEMES = ("", "http", "https")


class NotUnderstood(ValueError):
    """A route asks for something we cannot do; the message names it and what is allowed."""


def route(group: str, kind: str, obj: Object) -> Route:
    """`kind` is HTTPRoute, GRPCRoute, TLSRoute or TCPRoute. Raises ValueError for unusable parents."""
    at = key(obj)
    made = Route(
        group=group,
        kind=kind,
        key=at,
        parents=tuple(_parent(one, at, group) for one in sequence(spec(obj).get("parentRefs"))),
        created=created(obj),
    )
    try:
        return replace(
            made,
            hosts=tuple(_hosts(obj)),
            rules=tuple(_rules(obj, kind, at)),
            traffic=traffic(annotations(obj), _refuse),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return replace(made, problem=_why(error))


def _why(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _refuse(annotation: str, error: ValueError) -> None:
    raise NotUnderstood(f"annotation {annotation}: {error}") from error


def _parent(one: Mapping[str, Any], at: Key, group: str) -> Parent:
    return Parent(
        _group(one.get("group", group)),
        str(one.get("kind") or "Gateway"),
        Key(str(one.get("namespace") or at.namespace), str(one.get("name") or "")),
        _port(one.get("port")),
    )


def _group(value: object) -> str:
    """Kubernetes writes the group of Services as nothing."""
    return str(value or CORE)


def _port(value: object) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or not 0 < value <= MAX_PORT:
        raise NotUnderstood(f"{value!r} is not a port: allowed are 1 to {MAX_PORT}")
    return value


def _hosts(obj: Object) -> Iterator[str]:
    for one in sequence(spec(obj).get("hostnames")):
        host = str(one).lower().rstrip(".")
        if "*" in host.removeprefix("*."):
            raise NotUnderstood(f"hostname {one!r}: a `*` may only stand for its first labels")
        yield host


def _rules(obj: Object, kind: str, at: Key) -> Iterator[Rule]:
    rules = [mapping(one) for one in sequence(spec(obj).get("rules"))]
    if kind in (TLS, TCP):
        if len(rules) != 1:
            raise NotUnderstood(f"a {kind} has one rule; this one has {len(rules)}")
        yield Rule(backends=tuple(_backends(rules[0], kind, at)))
        return
    for rule in rules:
        for field in _UNSUPPORTED:
            if rule.get(field) is not None:
                raise NotUnderstood(f"a rule's {field} is not supported")
        matches = tuple(_MATCHES[kind](mapping(one)) for one in sequence(rule.get("matches")))
        filters = tuple(_filters(rule, kind))
        timeouts = mapping(rule.get("timeouts"))
        request, response = _seconds(timeouts, "request"), _seconds(timeouts, "backendRequest")
        if request and response and response > request:
            raise NotUnderstood("a rule's timeouts.backendRequest is longer than its request")
        _check_redirects(filters, matches)
        yield Rule(matches, filters, tuple(_backends(rule, kind, at)), request, response)


_UNSUPPORTED = ("retry", "sessionPersistence")


def _seconds(timeouts: Mapping[str, Any], field: str) -> float | None:
    """None when there is none; 0 means that, too."""
    text = timeouts.get(field)
    return None if text is None else parse_go_duration(str(text)) or None


# -- matches -------------------------------------------------------------------------------------
def _http_match(one: Mapping[str, Any]) -> HttpMatch:
    path = one.get("path")
    return HttpMatch(
        None if path is None else _path(mapping(path)),
        tuple(_named(one, "headers")),
        tuple(_named(one, "queryParams")),
        str(one.get("method") or ""),
    )


def _path(one: Mapping[str, Any]) -> Value:
    found = _value(str(one.get("type") or "PathPrefix"), str(one.get("value") or "/"), "path")
    if found.kind != "regex" and not found.text.startswith("/"):
        raise NotUnderstood(f"path {found.text!r} does not begin with /")
    return found


def _grpc_match(one: Mapping[str, Any]) -> GrpcMatch:
    method = mapping(one.get("method"))
    kind = str(method.get("type") or "Exact")
    if kind != "Exact":
        raise NotUnderstood(
            f"a gRPC method match of type {kind} is not supported: allowed is Exact"
        )
    return GrpcMatch(
        str(method.get("service") or ""),
        str(method.get("method") or ""),
        tuple(_named(one, "headers")),
    )


_MATCHES: dict[str, Callable[[Mapping[str, Any]], Match]] = {HTTP: _http_match, GRPC: _grpc_match}


def _named(one: Mapping[str, Any], field: str) -> Iterator[tuple[str, Value]]:
    for each in sequence(one.get(field)):
        kind = str(each.get("type") or "Exact")
        name, text = str(each["name"]), str(each["value"])
        yield name, _value(kind, text, f"{field} match {name}")


def _value(kind: str, text: str, what: str) -> Value:
    if kind not in _KINDS or (kind == "PathPrefix" and what != "path"):
        allowed = ", ".join(one for one in _KINDS if what == "path" or one != "PathPrefix")
        raise NotUnderstood(f"{what}: type {kind!r} is not one of {allowed}")
    if kind == "RegularExpression":
        try:
            re.compile(text)
        except re.error as error:
            raise NotUnderstood(f"{what}: {text!r} is no regular expression: {error}") from error
    return Value(_KINDS[kind], text)


# -- filters -------------------------------------------------------------------------------------
def _filters(owner: Mapping[str, Any], kind: str) -> Iterator[Filter]:
    for one in sequence(owner.get("filters")):
        asked = str(one.get("type") or "")
        if asked not in _FILTERS or (kind == GRPC and asked != "RequestHeaderModifier"):
            allowed = "RequestHeaderModifier" if kind == GRPC else ", ".join(_FILTERS)
            raise NotUnderstood(
                f"filter {asked} of a {kind} is not supported: allowed are {allowed}"
            )
        yield _FILTERS[asked](one)


def _change(one: object) -> HeaderChange:
    fields = mapping(one)

    def headers(field: str) -> tuple[tuple[str, str], ...]:
        return tuple(
            (str(each["name"]), str(each["value"])) for each in sequence(fields.get(field))
        )

    remove = tuple(map(str, sequence(fields.get("remove"))))
    return HeaderChange(headers("add"), headers("set"), remove)


def _redirect(one: object) -> Redirect:
    fields = mapping(one)
    scheme = str(fields.get("scheme") or "")
    if scheme not in _SCHEMES:
        raise NotUnderstood(f"a redirect's scheme {scheme!r} is not http or https")
    path, replaced, prefix = fields.get("path"), None, None
    if path is not None:
        kind = mapping(path).get("type")
        if kind == "ReplaceFullPath":
            replaced = str(mapping(path).get("replaceFullPath") or "/")
        elif kind == "ReplacePrefixMatch":
            prefix = str(mapping(path).get("replacePrefixMatch") or "/")
        else:
            raise NotUnderstood(f"a redirect's path of type {kind!r} is not supported")
    status = fields.get("statusCode", 302)
    if not isinstance(status, int) or not 300 <= status <= 399:
        raise NotUnderstood(f"a redirect's statusCode {status!r} is not 300 to 399")
    host = str(fields.get("hostname") or "")
    return Redirect(scheme, host, _port(fields.get("port")), replaced, prefix, status)


_FILTERS: dict[str, Callable[[Mapping[str, Any]], Filter]] = {
    "RequestHeaderModifier": lambda one: RequestHeaders(_change(one.get("requestHeaderModifier"))),
    "ResponseHeaderModifier": lambda one: ResponseHeaders(
        _change(one.get("responseHeaderModifier"))
    ),
    "RequestRedirect": lambda one: _redirect(one.get("requestRedirect")),
}


def _check_redirects(filters: tuple[Filter, ...], matches: tuple[Match, ...]) -> None:
    """Only a prefix that matched can be replaced."""
    if not any(isinstance(one, Redirect) and one.prefix is not None for one in filters):
        return
    for match in matches:
        path = match.path if isinstance(match, HttpMatch) else None
        if path is not None and path.kind != "prefix":
            raise NotUnderstood("a redirect with ReplacePrefixMatch needs matches of PathPrefix")


# -- backends ------------------------------------------------------------------------------------
def _backends(rule: Mapping[str, Any], kind: str, at: Key) -> Iterator[Backend]:
    for one in sequence(rule.get("backendRefs")):
        problem = ""
        filters: tuple[Filter, ...] = ()
        try:
            filters = tuple(_filters(mapping(one), kind))
        except ValueError as error:
            problem = f"unsupported backend filter: {error}"
        weight = one.get("weight", 1)
        if not isinstance(weight, int) or weight < 0:
            raise NotUnderstood(f"a backend's weight {weight!r} is not a whole number from 0 on")
        yield Backend(
            _group(one.get("group")),
            str(one.get("kind") or "Service"),
            Key(str(one.get("namespace") or at.namespace), str(one["name"])),
            _port(one.get("port")),
            weight,
            filters,
            problem,
        )


# -- EgressNetworks ------------------------------------------------------------------------------
def egress_network(obj: Object) -> EgressNetwork:
    fields = spec(obj)
    made = EgressNetwork(key(obj), created=created(obj))
    try:
        policy = str(fields.get("trafficPolicy"))
        if policy not in ("Allow", "Deny"):
            raise NotUnderstood(f"trafficPolicy {policy!r} is not one of Allow, Deny")
        return replace(
            made,
            allow=policy == "Allow",
            networks=networks(fields.get("networks")),
            traffic=traffic(annotations(obj), _refuse),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return replace(made, problem=_why(error))
