"""Routes and EgressNetworks -> values. Pure.

A route that asks for something we cannot do is kept with the reason, so that its status can tell;
it is never half obeyed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from destination.policy.fields import FieldError, Unsupported, choice, each, field, texts
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
from kit.kube.objects import Key, Object, annotations, key, mapping, spec
from weft.durations import parse_go_duration
from weft.patterns import Pattern, PatternError
from weft.ports import MAX_PORT

_KINDS = {"Exact": "exact", "PathPrefix": "prefix", "RegularExpression": "regex"}
_NAMED = ("Exact", "RegularExpression")
"""What the value of a header or parameter may be matched as."""
_SCHEMES = ("", "http", "https")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token (RFC 9110, section 5.6.2)."""
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def route(group: str, kind: str, obj: Object) -> Route:
    """`kind` is HTTPRoute, GRPCRoute, TLSRoute or TCPRoute. Raises FieldError for unusable parents."""
    at = key(obj)
    with field("spec"):
        parents = each(spec(obj), "parentRefs", partial(_parent, at, group))
    made = Route(group=group, kind=kind, key=at, parents=parents, created=created(obj))
    try:
        with field("spec"):
            hosts = texts(spec(obj), "hostnames", _host)
            rules = _rules(spec(obj), kind, at)
        return replace(made, hosts=hosts, rules=rules, traffic=traffic(annotations(obj), _refuse))
    except FieldError as error:
        return replace(made, problem=str(error), unsupported=error.unsupported)


def _refuse(annotation: str, error: ValueError) -> None:
    raise FieldError(f"annotation {annotation}", str(error)) from error


def _parent(at: Key, group: str, one: Mapping[str, Any]) -> Parent:
    return Parent(
        _group(one.get("group", group)),
        str(one.get("kind") or "Gateway"),
        Key(str(one.get("namespace") or at.namespace), str(one.get("name") or "")),
        _port(one),
    )


def _group(value: object) -> str:
    """Kubernetes writes the group of Services as nothing."""
    return str(value or CORE)


def _port(owner: Mapping[str, Any]) -> int:
    value = owner.get("port")
    if value is None:
        return 0
    if not isinstance(value, int) or not 0 < value <= MAX_PORT:
        raise FieldError("port", f"{value!r} is not a port: allowed are 1 to {MAX_PORT}")
    return value


def _host(given: object) -> str:
    host = str(given).lower().rstrip(".")
    if "*" in host.removeprefix("*."):
        raise ValueError(f"{given!r}: a `*` may only stand for its first labels")
    return host


def _rules(fields: Mapping[str, Any], kind: str, at: Key) -> tuple[Rule, ...]:
    if kind not in (TLS, TCP):
        return each(fields, "rules", partial(_rule, kind, at))
    rules = each(fields, "rules", lambda rule: Rule(backends=_backends(rule, kind, at)))
    if len(rules) != 1:
        raise FieldError("rules", f"a {kind} has one rule; this one has {len(rules)}")
    return rules


def _rule(kind: str, at: Key, rule: Mapping[str, Any]) -> Rule:
    for name in _UNSUPPORTED:
        if rule.get(name) is not None:
            raise FieldError(name, "it is not supported", unsupported=True)
    matches = each(rule, "matches", _MATCHES[kind])
    filters = _filters(rule, kind)
    timeouts = mapping(rule.get("timeouts"))
    with field("timeouts"):
        request, response = _seconds(timeouts, "request"), _seconds(timeouts, "backendRequest")
        if request and response and response > request:
            raise FieldError("backendRequest", "it is longer than the request's")
    _check_redirects(filters, matches)
    return Rule(matches, filters, _backends(rule, kind, at), request, response)


_UNSUPPORTED = ("retry", "sessionPersistence")


def _seconds(timeouts: Mapping[str, Any], name: str) -> float | None:
    """None when there is none; 0 means that, too."""
    text = timeouts.get(name)
    with field(name):
        return None if text is None else parse_go_duration(str(text)) or None


# -- matches -------------------------------------------------------------------------------------
def _http_match(one: Mapping[str, Any]) -> HttpMatch:
    path = one.get("path")
    with field("path"):
        wanted = None if path is None else _path(mapping(path))
    return HttpMatch(
        wanted,
        each(one, "headers", _named),
        each(one, "queryParams", _named),
        str(one.get("method") or ""),
    )


def _path(one: Mapping[str, Any]) -> Value:
    found = _value(one, str(one.get("value") or "/"), "PathPrefix", tuple(_KINDS))
    if found.kind != "regex" and not found.text.startswith("/"):
        raise FieldError("value", f"{found.text!r} does not begin with /")
    return found


def _grpc_match(one: Mapping[str, Any]) -> GrpcMatch:
    method = mapping(one.get("method"))
    kind = str(method.get("type") or "Exact")
    if kind != "Exact":
        why = f"a gRPC method match of type {kind} is not supported: allowed is Exact"
        raise FieldError("method.type", why, unsupported=True)
    return GrpcMatch(
        str(method.get("service") or ""),
        str(method.get("method") or ""),
        each(one, "headers", _named),
    )


_MATCHES: dict[str, Callable[[Mapping[str, Any]], Match]] = {HTTP: _http_match, GRPC: _grpc_match}


def _named(one: Mapping[str, Any]) -> tuple[str, Value]:
    return str(one["name"]), _value(one, str(one["value"]), "Exact", _NAMED)


def _value(one: Mapping[str, Any], text: str, usual: str, allowed: tuple[str, ...]) -> Value:
    kind = choice(one, "type", usual, allowed)
    if kind == "RegularExpression":
        try:
            Pattern(text)
        except PatternError as error:
            raise FieldError("value", f"{text!r} is no regular expression: {error}") from error
    return Value(_KINDS[kind], text)


# -- filters -------------------------------------------------------------------------------------
def _filters(owner: Mapping[str, Any], kind: str) -> tuple[Filter, ...]:
    return each(owner, "filters", partial(_filter, kind))


def _filter(kind: str, one: Mapping[str, Any]) -> Filter:
    asked = str(one.get("type") or "")
    if asked not in _FILTERS or (kind == GRPC and asked != "RequestHeaderModifier"):
        allowed = "RequestHeaderModifier" if kind == GRPC else ", ".join(_FILTERS)
        raise Unsupported(f"filter {asked} of a {kind} is not supported: allowed are {allowed}")
    name = f"{asked[0].lower()}{asked[1:]}"
    with field(name):
        return _FILTERS[asked](one.get(name))


def _change(one: object) -> HeaderChange:
    fields = mapping(one)

    return HeaderChange(
        each(fields, "add", _header),
        each(fields, "set", _header),
        texts(fields, "remove", _header_name),
    )


def _header(one: Mapping[str, Any]) -> tuple[str, str]:
    with field("name"):
        name = _header_name(one.get("name", ""))
    return name, _header_text("value", str(one["value"]))


def _header_name(given: object) -> str:
    name = str(given)
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no header's name")
    return name


def _header_text(name: str, text: str) -> str:
    """Kubernetes lets anything in. Proxies could not send it."""
    if _NOT_IN_HEADERS.search(text):
        raise FieldError(name, f"{text!r} has characters that a header cannot have")
    return text


def _redirect(one: object) -> Redirect:
    fields = mapping(one)
    scheme = choice(fields, "scheme", "", _SCHEMES)
    path, replaced, prefix = fields.get("path"), None, None
    if path is not None:
        kind = choice(mapping(path), "type", "", ("ReplaceFullPath", "ReplacePrefixMatch"))
        if kind == "ReplaceFullPath":
            replaced = _absolute(mapping(path), "replaceFullPath")
        else:
            prefix = _absolute(mapping(path), "replacePrefixMatch")
    status = fields.get("statusCode", 302)
    if not isinstance(status, int) or not 300 <= status <= 399:
        raise FieldError("statusCode", f"{status!r} is not 300 to 399")
    host = str(fields.get("hostname") or "")
    return Redirect(scheme, host, _port(fields), replaced, prefix, status)


def _absolute(path: Mapping[str, Any], name: str) -> str:
    text = str(path.get(name) or "/")
    if not text.startswith("/"):
        raise FieldError(f"path.{name}", f"{text!r} does not begin with /")
    return _header_text(f"path.{name}", text)


_FILTERS: dict[str, Callable[[object], Filter]] = {
    "RequestHeaderModifier": lambda one: RequestHeaders(_change(one)),
    "ResponseHeaderModifier": lambda one: ResponseHeaders(_change(one)),
    "RequestRedirect": _redirect,
}


def _check_redirects(filters: tuple[Filter, ...], matches: tuple[Match, ...]) -> None:
    """Only a prefix that matched can be replaced."""
    if not any(isinstance(one, Redirect) and one.prefix is not None for one in filters):
        return
    for match in matches:
        path = match.path if isinstance(match, HttpMatch) else None
        if path is not None and path.kind != "prefix":
            why = "a redirect with ReplacePrefixMatch needs matches of PathPrefix"
            raise FieldError("filters", why)


# -- backends ------------------------------------------------------------------------------------
def _backends(rule: Mapping[str, Any], kind: str, at: Key) -> tuple[Backend, ...]:
    return each(rule, "backendRefs", partial(_backend, kind, at))


def _backend(kind: str, at: Key, one: Mapping[str, Any]) -> Backend:
    problem = ""
    filters: tuple[Filter, ...] = ()
    try:
        filters = _filters(one, kind)
    except ValueError as error:
        problem = f"unsupported backend filter: {error}"
    weight = one.get("weight", 1)
    if not isinstance(weight, int) or weight < 0:
        raise FieldError("weight", f"{weight!r} is not a whole number from 0 on")
    return Backend(
        _group(one.get("group")),
        str(one.get("kind") or "Service"),
        Key(str(one.get("namespace") or at.namespace), str(one["name"])),
        _port(one),
        weight,
        filters,
        problem,
    )


# -- EgressNetworks ------------------------------------------------------------------------------
def egress_network(obj: Object) -> EgressNetwork:
    made = EgressNetwork(key(obj), created=created(obj))
    try:
        with field("spec"):
            policy = choice(spec(obj), "trafficPolicy", "", ("Allow", "Deny"))
            reached = networks(spec(obj))
        return replace(
            made,
            allow=policy == "Allow",
            networks=reached,
            traffic=traffic(annotations(obj), _refuse),
        )
    except FieldError as error:
        return replace(made, problem=str(error))
