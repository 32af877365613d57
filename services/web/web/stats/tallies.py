"""What proxies count requests by, beside who sent them to whom: routes, servers, authorizations. Pure.

A Source is one way of counting the same requests: its families, what each says of success, and where
its latencies are. A TallySelection asks a source for a sum per group of labels. Labels of the pod
that counted (`namespace`, `deployment`, ...) and labels of the series stand side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from web.stats.kinds import NAMESPACE_LABEL, OBJECTS
from weft import metrics
from weft.classification import is_success
from weft.numbers import whole_number

CLASSIFICATION = "classification"
SUCCESS = "success"
FAILURE = "failure"

OWN = frozenset({NAMESPACE_LABEL, *(kind.value for kind in OBJECTS)})
"""Labels that say whose pod counted."""


class Verdict(Enum):
    """How a series of a family says whether its requests did well."""

    LABELLED = "by its label `classification`"
    STATUS = "by its labels `http_status` or `grpc_status`, and `error`"
    GOOD = "all of them did"
    BAD = "none of them did"

    def classify(self, labels: Mapping[str, str]) -> str:
        """`success`, `failure`, or something else for what is neither."""
        match self:
            case Verdict.GOOD:
                return SUCCESS
            case Verdict.BAD:
                return FAILURE
            case Verdict.LABELLED:
                return labels.get(CLASSIFICATION, "")
            case Verdict.STATUS:
                return SUCCESS if _is_good(labels) else FAILURE

    @property
    def labels(self) -> tuple[str, ...]:
        """What `classify` reads."""
        match self:
            case Verdict.LABELLED:
                return (CLASSIFICATION,)
            case Verdict.STATUS:
                return ("http_status", "grpc_status", "error")
            case _:
                return ()


def _is_good(labels: Mapping[str, str]) -> bool:
    http, grpc = labels.get("http_status", ""), labels.get("grpc_status", "")
    if labels.get("error"):
        return False
    return is_success(whole_number(http) or 0, whole_number(grpc))


@dataclass(frozen=True, slots=True)
class Count:
    """A family that counts."""

    family: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Times:
    """A family of buckets."""

    family: str
    milliseconds: float
    """In one unit of its bounds."""


@dataclass(frozen=True, slots=True)
class Source:
    """Families that count the same requests, by kind of request."""

    counts: tuple[Count, ...]
    times: tuple[Times, ...] = ()


def _seconds(*found: metrics.Metric) -> tuple[Times, ...]:
    return tuple(Times(f"{one.name}_bucket", 1000.0) for one in found)


def _milliseconds(found: metrics.Metric) -> tuple[Times, ...]:
    return (Times(f"{found.name}_bucket", 1.0),)


def _statuses(*found: metrics.Metric) -> tuple[Count, ...]:
    return tuple(Count(one.name, Verdict.STATUS) for one in found)


RESPONSES = Source(
    (Count(metrics.RESPONSE_TOTAL.name, Verdict.LABELLED),),
    _milliseconds(metrics.RESPONSE_LATENCY_MS),
)
"""Every request, where it arrives (with its server, route and authorization) and where it is sent."""
ROUTES = Source(
    _statuses(
        metrics.OUTBOUND_HTTP_ROUTE_REQUEST_STATUSES_TOTAL,
        metrics.OUTBOUND_GRPC_ROUTE_REQUEST_STATUSES_TOTAL,
    ),
    _seconds(
        metrics.OUTBOUND_HTTP_ROUTE_REQUEST_DURATION_SECONDS,
        metrics.OUTBOUND_GRPC_ROUTE_REQUEST_DURATION_SECONDS,
    ),
)
"""Requests sent, by the route of the Service, every try of one together."""
ROUTE_TRIES = Source(
    _statuses(
        metrics.OUTBOUND_HTTP_ROUTE_BACKEND_RESPONSE_STATUSES_TOTAL,
        metrics.OUTBOUND_GRPC_ROUTE_BACKEND_RESPONSE_STATUSES_TOTAL,
    ),
    _seconds(
        metrics.OUTBOUND_HTTP_ROUTE_BACKEND_RESPONSE_DURATION_SECONDS,
        metrics.OUTBOUND_GRPC_ROUTE_BACKEND_RESPONSE_DURATION_SECONDS,
    ),
)
"""The same, each try for itself."""
PROFILE_ROUTES = Source(
    (Count(metrics.ROUTE_RESPONSE_TOTAL.name, Verdict.LABELLED),),
    _milliseconds(metrics.ROUTE_RESPONSE_LATENCY_MS),
)
"""Requests sent, by the route of a ServiceProfile, every try of one together."""
PROFILE_TRIES = Source((Count(metrics.ROUTE_ACTUAL_RESPONSE_TOTAL.name, Verdict.LABELLED),))
"""The same, each try for itself."""
AUTHORIZED = Source(
    (
        Count(metrics.INBOUND_HTTP_AUTHZ_ALLOW_TOTAL.name, Verdict.GOOD),
        Count(metrics.INBOUND_HTTP_AUTHZ_DENY_TOTAL.name, Verdict.BAD),
    )
)
"""Requests that were let in, and those that were not."""
TCP_AUTHORIZED = Source(
    (
        Count(metrics.INBOUND_TCP_AUTHZ_ALLOW_TOTAL.name, Verdict.GOOD),
        Count(metrics.INBOUND_TCP_AUTHZ_DENY_TOTAL.name, Verdict.BAD),
    )
)
"""Connections that were let in, and those that were not."""

SOURCES = (
    RESPONSES,
    ROUTES,
    ROUTE_TRIES,
    PROFILE_ROUTES,
    PROFILE_TRIES,
    AUTHORIZED,
    TCP_AUTHORIZED,
)


@dataclass(frozen=True, slots=True)
class TallySelection:
    """Which series of a source, and which labels tell their groups apart."""

    source: Source
    match: tuple[tuple[str, str], ...]  # label, value; sorted
    by: tuple[str, ...]
    """A group's key has a value for each; empty where a series has no such label."""
