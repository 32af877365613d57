"""How to treat traffic for a destination: the plain form of an `OutboundPolicy`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from proxy.stack.backoff import Backoff
from proxy.stack.match import HostMatch, HttpMatch, Match, PrefixPath
from proxy.stack.meta import Meta

if TYPE_CHECKING:
    from proxy.discovery.endpoints import Endpoint
    from proxy.stack.filters import Filter

__all__ = [
    "Backend",
    "Balancer",
    "ConsecutiveFailures",
    "Distribution",
    "DistributionKind",
    "Failing",
    "FailureAccrual",
    "Forward",
    "Meta",
    "OutboundPolicy",
    "Penalty",
    "Protocol",
    "Retry",
    "Route",
    "RouteBackend",
    "Rule",
    "Timeouts",
    "UnifiedFailures",
    "for_endpoint",
    "for_service",
    "single",
]

DETECT_TIMEOUT = 10.0
DEFAULT_RTT = 0.030
DEFAULT_DECAY = 10.0
QUEUE_CAPACITY = 10_000
FAILFAST_TIMEOUT = 3.0
DEFAULT_RETRY_BACKOFF = Backoff(0.025, 0.250, 1.0)


class Protocol(Enum):
    """What to do with the first bytes of a connection."""

    DETECT = auto()
    OPAQUE = auto()
    HTTP1 = auto()
    HTTP2 = auto()
    GRPC = auto()
    TLS = auto()


# --- backends -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Forward:
    """One fixed endpoint."""

    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Penalty:
    """Failures count as slow answers (the `penalty_peak_ewma` load)."""

    latency: float = 5.0
    """Seconds a failure is worth."""
    decay: float = 10.0
    """Seconds. Without effect, as in Linkerd's proxy: a penalty fades as any latency does, by the balancer's decay."""
    max_retry_after: float = 300.0
    """The most seconds for which an endpoint is left alone that asks for it (Retry-After, grpc-retry-pushback-ms)."""


@dataclass(frozen=True, slots=True)
class Balancer:
    """The least loaded of two random endpoints of an authority."""

    authority: str
    """`web.emojivoto.svc.cluster.local:80`, to be looked up with `Discovery.endpoints`."""
    default_rtt: float = DEFAULT_RTT
    """Seconds an endpoint is believed to take before it has answered."""
    decay: float = DEFAULT_DECAY
    """Seconds over which a measured latency loses its weight."""
    penalty: Penalty | None = None


@dataclass(frozen=True, slots=True)
class Failing:
    """A backend without a dispatcher: every request fails with this message."""

    message: str


@dataclass(frozen=True, slots=True)
class ConsecutiveFailures:
    """Shut an endpoint after so many failures in a row, then probe it with back-off."""

    max_failures: int
    backoff: Backoff


@dataclass(frozen=True, slots=True)
class UnifiedFailures:
    """Failures in a row, or too small a share of successes over a sliding window."""

    success_rate_threshold: float
    """0 turns the share off."""
    window: float
    """Seconds."""
    min_requests: int
    max_failures: int
    """Failures in a row; 0 turns that half off."""
    backoff: Backoff


FailureAccrual = ConsecutiveFailures | UnifiedFailures


@dataclass(frozen=True, slots=True)
class Backend:
    """One place a route can send traffic to, and how long traffic may wait for it."""

    meta: Meta
    dispatcher: Forward | Balancer | Failing
    queue_capacity: int = QUEUE_CAPACITY
    """Requests that may wait for a ready endpoint; more are refused at once."""
    failfast_timeout: float = FAILFAST_TIMEOUT
    """Seconds without a ready endpoint after which waiting and new requests fail at once."""
    failure_accrual: FailureAccrual | None = None
    """When to stop using an endpoint that keeps failing; None means never."""


@dataclass(frozen=True, slots=True)
class RouteBackend:
    backend: Backend
    weight: int = 1
    filters: tuple[Filter, ...] = ()


class DistributionKind(Enum):
    EMPTY = auto()
    """No backend: requests fail."""
    FIRST_AVAILABLE = auto()
    RANDOM_AVAILABLE = auto()
    """By weight."""


@dataclass(frozen=True, slots=True)
class Distribution:
    kind: DistributionKind
    backends: tuple[RouteBackend, ...] = ()


# --- routes ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; None means no limit."""

    request: float | None = None
    """The whole request, retries included."""
    response: float | None = None
    """One attempt, headers and body."""
    idle: float | None = None
    """A stream on which nothing moves."""


@dataclass(frozen=True, slots=True)
class Retry:
    max_retries: int
    max_request_bytes: int
    """Longer request bodies are not kept for a second attempt."""
    statuses: tuple[tuple[int, int], ...] = ()
    """HTTP status ranges worth another try, both ends included."""
    grpc_codes: frozenset[int] = frozenset()
    timeout: float | None = None
    """Seconds for one attempt."""
    backoff: Backoff = DEFAULT_RETRY_BACKOFF


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a route; opaque and TLS rules have no matches, timeouts or retries."""

    backends: Distribution
    matches: tuple[Match, ...] = ()
    filters: tuple[Filter, ...] = ()
    timeouts: Timeouts = Timeouts()
    retry: Retry | None = None
    allow_l5d_request_headers: bool = False
    """Clients may set timeouts and retries by `l5d-*` headers."""


@dataclass(frozen=True, slots=True)
class Route:
    """HTTP, gRPC, opaque or TLS; `hosts` are SNI patterns for TLS."""

    meta: Meta
    rules: tuple[Rule, ...]
    hosts: tuple[HostMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """Everything about one destination; only the routes its protocol needs are filled."""

    protocol: Protocol
    meta: Meta
    detect_timeout: float = DETECT_TIMEOUT
    """Seconds to wait for the first bytes before treating them as opaque."""
    http1: tuple[Route, ...] = ()
    http2: tuple[Route, ...] = ()
    grpc: tuple[Route, ...] = ()
    opaque: tuple[Route, ...] = ()
    tls: tuple[Route, ...] = ()


# --- policies made here ---------------------------------------------------------------------


def single(name: str, backend: Backend, *, http: bool) -> tuple[Route, ...]:
    """One route that sends everything to one backend."""
    matches = (HttpMatch(path=PrefixPath("/")),) if http else ()
    distribution = Distribution(DistributionKind.FIRST_AVAILABLE, (RouteBackend(backend),))
    return (Route(Meta.default(name), (Rule(distribution, matches=matches),)),)


def for_endpoint(
    endpoint: Endpoint, *, name: str, opaque: bool, meta: Meta | None = None
) -> OutboundPolicy:
    """When the controller knows no policy for an address: straight to that endpoint."""
    parent = meta or Meta.default(name)
    return _everything(name, Backend(parent, Forward(endpoint)), parent, opaque=opaque)


def for_service(authority: str, parent: Meta, *, opaque: bool) -> OutboundPolicy:
    """When the controller knows the Service but no policy: balance over its endpoints."""
    return _everything("default", Backend(parent, Balancer(authority)), parent, opaque=opaque)


def _everything(name: str, backend: Backend, parent: Meta, *, opaque: bool) -> OutboundPolicy:
    http = single(name, backend, http=True)
    return OutboundPolicy(
        Protocol.OPAQUE if opaque else Protocol.DETECT,
        parent,
        http1=http,
        http2=http,
        opaque=single(name, backend, http=False),
    )
