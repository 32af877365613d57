"""The policy resources as values."""

from dataclasses import dataclass

from destination.policy.selector import EVERYTHING, Selector
from kit.kube.objects import Key
from weft.addresses import IPNetwork
from weft.ports import PortSet

NO_PORTS = PortSet()


@dataclass(frozen=True, slots=True)
class Network:
    """Addresses from which a client may come, and exceptions."""

    net: IPNetwork
    excepted: tuple[IPNetwork, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """Another object, as policies name it. An empty namespace is the policy's own."""

    group: str
    kind: str
    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """A description of one port of some workloads of its namespace."""

    key: Key
    pods: Selector | None
    """None: it is of no pods."""
    port: int | str
    external_workloads: Selector | None = None
    """None: it is of no ExternalWorkloads."""
    protocol: str = "unknown"
    access_policy: str = "deny"
    created: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ServerAuthorization:
    """Permits some clients to call the Servers it selects."""

    key: Key
    server_name: str = ""
    """Empty: `servers` selects by label."""
    servers: Selector = EVERYTHING
    networks: tuple[Network, ...] = ()
    unauthenticated: bool = False
    """Any client, TLS or not."""
    any_tls: bool = False
    """Any client that speaks mesh TLS, with whatever identity."""
    identities: tuple[str, ...] = ()
    service_accounts: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthorizationPolicy:
    """Permits clients that satisfy all of its references to call its target."""

    key: Key
    target: Reference
    required: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class MeshTLSAuthentication:
    key: Key
    identities: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkAuthentication:
    key: Key
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class RateOverride:
    """Other clients' limit does not hold for these service accounts; this one does."""

    requests_per_second: int
    accounts: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests per second that each proxy of a Server takes; None: no limit of that kind."""

    key: Key
    target: Reference
    total: int | None = None
    identity: int | None = None
    """Of each client; clients without an identity share one."""
    overrides: tuple[RateOverride, ...] = ()
    created: str = ""
    problem: str = ""
    """Why it is not understood; empty: it is."""


# -- ServiceProfile ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class RequestCondition:
    """All of what is given must hold."""

    path_regex: str = ""
    method: str = ""
    all_of: tuple["RequestCondition", ...] | None = None
    any_of: tuple["RequestCondition", ...] | None = None
    none_of: tuple["RequestCondition", ...] | None = None


@dataclass(frozen=True, slots=True)
class ResponseCondition:
    """All of what is given must hold. `status` is (first, last), both included."""

    status: tuple[int, int] | None = None
    all_of: tuple["ResponseCondition", ...] | None = None
    any_of: tuple["ResponseCondition", ...] | None = None
    none_of: tuple["ResponseCondition", ...] | None = None


@dataclass(frozen=True, slots=True)
class ResponseClass:
    condition: ResponseCondition
    is_failure: bool = False


@dataclass(frozen=True, slots=True)
class ProfileRoute:
    """`timeout` in seconds, None when there is none."""

    name: str
    condition: RequestCondition
    response_classes: tuple[ResponseClass, ...] = ()
    is_retryable: bool = False
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class RetryBudget:
    ratio: float = 0.2
    min_per_second: int = 10
    ttl: float = 10.0


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """Named after the fully qualified name of its Service."""

    key: Key
    routes: tuple[ProfileRoute, ...] = ()
    retry_budget: RetryBudget | None = None
    overrides: tuple[tuple[str, int], ...] = ()
    """(authority, weight in thousandths)."""
    opaque_ports: PortSet = NO_PORTS
