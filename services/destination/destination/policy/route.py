"""Routes and egress networks as values: what people ask for in HTTPRoutes, GRPCRoutes and the others."""

from dataclasses import dataclass, field

from destination.policy.model import Network
from destination.policy.traffic import NO_TRAFFIC, Traffic
from kit.kube.objects import Key

GATEWAY_GROUP = "gateway.networking.k8s.io"
POLICY_GROUP = "policy.linkerd.io"
CORE = "core"
"""What the proxy API calls the group of Services, which Kubernetes leaves empty."""

HTTP, GRPC, TLS, TCP = "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"
PRECEDENCE = (GRPC, HTTP, TLS, TCP)
"""Of several kinds attached to one port, the first counts."""

SERVER_ROUTES = {"unknown": HTTP, "HTTP/1": HTTP, "HTTP/2": HTTP, "gRPC": GRPC}
"""The kind of routes a Server may have, by its `proxyProtocol`; the others have none."""

SERVICE, SERVER, EGRESS_NETWORK = "Service", "Server", "EgressNetwork"


# -- references ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Parent:
    """What a route is attached to. `port` 0: all of its ports."""

    group: str
    """`core` for Services."""
    kind: str
    key: Key
    port: int = 0

    @property
    def known(self) -> bool:
        """Whether it is of a kind whose routes are ours to serve."""
        return (self.group, self.kind) in _PARENTS


_PARENTS = ((CORE, SERVICE), (POLICY_GROUP, SERVER), (POLICY_GROUP, EGRESS_NETWORK))


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """Appends, then replaces, then removes."""

    add: tuple[tuple[str, str], ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestHeaders:
    change: HeaderChange


@dataclass(frozen=True, slots=True)
class ResponseHeaders:
    change: HeaderChange


@dataclass(frozen=True, slots=True)
class Redirect:
    """Empty and 0: as in the request. At most one of `path` and `prefix`; None: as in the request."""

    scheme: str = ""
    host: str = ""
    port: int = 0
    path: str | None = None
    prefix: str | None = None
    status: int = 302


Filter = RequestHeaders | ResponseHeaders | Redirect


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a rule sends its share of the traffic."""

    group: str
    kind: str
    key: Key
    port: int = 0
    weight: int = 1
    filters: tuple[Filter, ...] = ()
    problem: str = ""
    """Why requests that it is chosen for fail; empty: they do not."""


# -- matches -------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Value:
    """What a named value, or a path, must be. `kind` is exact, prefix (paths only) or regex."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class HttpMatch:
    path: Value | None = None
    headers: tuple[tuple[str, Value], ...] = ()
    params: tuple[tuple[str, Value], ...] = ()
    method: str = ""


@dataclass(frozen=True, slots=True)
class GrpcMatch:
    """An empty service or method is any."""

    service: str = ""
    method: str = ""
    headers: tuple[tuple[str, Value], ...] = ()


Match = HttpMatch | GrpcMatch


# -- routes --------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Rule:
    """`request` and `response` are time-outs in seconds, None: none of its own."""

    matches: tuple[Match, ...] = ()
    filters: tuple[Filter, ...] = ()
    backends: tuple[Backend, ...] = ()
    request: float | None = None
    response: float | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A route of any kind."""

    group: str
    kind: str
    key: Key
    parents: tuple[Parent, ...] = ()
    hosts: tuple[str, ...] = ()
    """Host names, or server names of a TLSRoute; `*.` in front means any labels there."""
    rules: tuple[Rule, ...] = ()
    traffic: Traffic = NO_TRAFFIC
    """Retries and time-outs of its own annotations."""
    created: str = ""
    problem: str = ""
    """Why it is not understood; empty: it is. Such a route is attached to nothing."""
    unsupported: bool = False
    """Whether the problem is something that its API has and we do not."""

    @property
    def order(self) -> tuple[bool, str, str, str, str]:
        """Oldest first, then by name."""
        return (not self.created, self.created, *_names(self))


def _names(route: Route) -> tuple[str, str, str]:
    return route.group, route.key.namespace, route.key.name


@dataclass(frozen=True, slots=True)
class EgressNetwork:
    """Places outside the cluster. No networks: everything outside the cluster's own."""

    key: Key
    allow: bool = True
    networks: tuple[Network, ...] = ()
    traffic: Traffic = field(default=NO_TRAFFIC)
    created: str = ""
    problem: str = ""
