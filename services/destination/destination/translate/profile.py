"""Profiles as messages: a ServiceProfile's routes, or what every Service has."""

from typing import Any

from destination.policy.model import (
    ProfileRoute,
    RequestCondition,
    ResponseCondition,
    RetryBudget,
)
from destination.profiles import Profile
from destination.translate.endpoints import Http2Client, weighted_addr
from destination.translate.net import duration, resource
from weft.addresses import split_host_port
from weftapi.proxy import destination_pb2 as pb
from weftapi.proxy import http_types_pb2

_METHODS = http_types_pb2.HttpMethod.Registered


def destination_profile(profile: Profile, zone: str, http2: Http2Client) -> pb.DestinationProfile:
    message = pb.DestinationProfile(
        fully_qualified_name=profile.name, opaque_protocol=profile.opaque
    )
    if profile.endpoint is not None:
        endpoint = weighted_addr(profile.endpoint, zone, http2, namespace=profile.namespace)
        message.endpoint.CopyFrom(endpoint)
    if profile.service is None:
        return message
    at = profile.service
    message.parent_ref.CopyFrom(resource("core", "Service", at.name, at.namespace, profile.port))
    custom = profile.custom
    message.retry_budget.CopyFrom(_budget((custom and custom.retry_budget) or RetryBudget()))
    if custom is not None:
        message.profile_ref.CopyFrom(
            resource("linkerd.io", "ServiceProfile", custom.key.name, custom.key.namespace)
        )
        message.routes.extend(map(_route, custom.routes))
        message.dst_overrides.extend(
            pb.WeightedDst(authority=_with_port(authority, profile.port), weight=milli * 10)
            for authority, milli in custom.overrides
        )
    return message


def _with_port(authority: str, port: int) -> str:
    host, given = split_host_port(authority)
    if given is not None:
        return authority
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _budget(budget: RetryBudget) -> pb.RetryBudget:
    return pb.RetryBudget(
        retry_ratio=budget.ratio,
        min_retries_per_second=budget.min_per_second,
        ttl=duration(budget.ttl),
    )


def _route(route: ProfileRoute) -> pb.Route:
    message = pb.Route(
        condition=_request(route.condition),
        metrics_labels={"route": route.name},
        is_retryable=route.is_retryable,
        response_classes=[
            pb.ResponseClass(condition=_response(one.condition), is_failure=one.is_failure)
            for one in route.response_classes
        ],
    )
    if route.timeout is not None:
        message.timeout.CopyFrom(duration(route.timeout))
    return message


def _request(condition: RequestCondition) -> pb.RequestMatch:
    parts: list[pb.RequestMatch] = []
    if condition.all_of is not None:
        parts.append(pb.RequestMatch(all=_requests(condition.all_of)))
    if condition.any_of is not None:
        parts.append(pb.RequestMatch(any=_requests(condition.any_of)))
    if condition.none_of is not None:
        # `not` takes one match: none of several is not any of them.
        inner: dict[str, Any] = {"not": pb.RequestMatch(any=_requests(condition.none_of))}
        parts.append(pb.RequestMatch(**inner))
    if condition.path_regex:
        parts.append(pb.RequestMatch(path=pb.PathMatch(regex=condition.path_regex)))
    if condition.method:
        parts.append(pb.RequestMatch(method=http_method(condition.method)))
    return parts[0] if len(parts) == 1 else pb.RequestMatch(all=pb.RequestMatch.Seq(matches=parts))


def _requests(conditions: tuple[RequestCondition, ...]) -> pb.RequestMatch.Seq:
    return pb.RequestMatch.Seq(matches=map(_request, conditions))


def _response(condition: ResponseCondition) -> pb.ResponseMatch:
    parts: list[pb.ResponseMatch] = []
    if condition.all_of is not None:
        parts.append(pb.ResponseMatch(all=_responses(condition.all_of)))
    if condition.any_of is not None:
        parts.append(pb.ResponseMatch(any=_responses(condition.any_of)))
    if condition.none_of is not None:
        inner: dict[str, Any] = {"not": pb.ResponseMatch(any=_responses(condition.none_of))}
        parts.append(pb.ResponseMatch(**inner))
    if condition.status is not None:
        first, last = condition.status
        parts.append(pb.ResponseMatch(status=pb.HttpStatusRange(min=first, max=last)))
    if len(parts) == 1:
        return parts[0]
    return pb.ResponseMatch(all=pb.ResponseMatch.Seq(matches=parts))


def _responses(conditions: tuple[ResponseCondition, ...]) -> pb.ResponseMatch.Seq:
    return pb.ResponseMatch.Seq(matches=map(_response, conditions))


def http_method(name: str) -> http_types_pb2.HttpMethod:
    upper = name.upper()
    if upper in _METHODS.keys():  # noqa: SIM118 (an enum wrapper, not a dict)
        return http_types_pb2.HttpMethod(registered=upper)
    return http_types_pb2.HttpMethod(unregistered=name)
