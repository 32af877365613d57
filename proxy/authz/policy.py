"""What a port allows: the plain form of an inbound `Server`, and the policies used without one."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from proxy.stack.match import HostMatch, HttpMatch, Match, PrefixPath
from proxy.stack.meta import Meta
from weft.labels import DEFAULT_POLICIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.stack.filters import Filter
    from weft.addresses import IPAddress, IPNetwork

DETECT_TIMEOUT = 10.0

ALL_NETWORKS: tuple[IPNetwork, ...] = (
    ipaddress.ip_network("0.0.0.0/0"),
    ipaddress.ip_network("::/0"),
)


class Protocol(Enum):
    """What connections to a port are taken for."""

    DETECT = auto()
    OPAQUE = auto()
    """No TLS detection either: bytes go to the application as they come."""
    TLS = auto()
    """Mesh TLS is terminated, then the application's own TLS is forwarded untouched."""
    HTTP1 = auto()
    HTTP2 = auto()
    GRPC = auto()


@dataclass(frozen=True, slots=True)
class Network:
    """Client addresses inside `net` and in none of the exceptions."""

    net: IPNetwork
    exceptions: tuple[IPNetwork, ...] = ()

    def __contains__(self, ip: IPAddress) -> bool:
        if ip.version != self.net.version or ip not in self.net:
            return False
        return not any(ip.version == hole.version and ip in hole for hole in self.exceptions)


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """Any client, with mesh TLS or without."""


@dataclass(frozen=True, slots=True)
class TlsUnauthenticated:
    """Any client over mesh TLS, whether it has an identity or not."""


@dataclass(frozen=True, slots=True)
class TlsAuthenticated:
    """Clients over mesh TLS with one of these identities."""

    identities: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    """Of DNS names, with a leading dot: `.emojivoto.serviceaccount...`; the empty string means any identity."""

    def permits(self, identity: str) -> bool:
        if identity in self.identities:
            return True
        return any(not suffix or _is_below(identity, suffix) for suffix in self.suffixes)


def _is_below(identity: str, suffix: str) -> bool:
    """A SPIFFE ID never is: whoever gives those out may end a path with any name."""
    return identity.endswith(suffix) and len(identity) > len(suffix) and "/" not in identity


Authentication = Unauthenticated | TlsUnauthenticated | TlsAuthenticated

ANY_IDENTITY = TlsAuthenticated(suffixes=("",))


@dataclass(frozen=True, slots=True)
class Authorization:
    """One reason to let a client in: where it comes from, and who it is."""

    meta: Meta
    networks: tuple[Network, ...]
    authentication: Authentication


@dataclass(frozen=True, slots=True)
class Rule:
    matches: tuple[Match, ...] = ()
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """An HTTP or gRPC route of a port, with authorizations beyond the port's own."""

    meta: Meta
    rules: tuple[Rule, ...]
    hosts: tuple[HostMatch, ...] = ()
    authorizations: tuple[Authorization, ...] = ()


@dataclass(frozen=True, slots=True)
class RateOverride:
    """A limit of its own for some clients."""

    requests_per_second: int
    identities: frozenset[str]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests per second; None means no limit of that kind."""

    meta: Meta
    total: int | None = None
    identity: int | None = None
    """Each identity; clients without one share a single allowance."""
    overrides: tuple[RateOverride, ...] = ()


DEFAULT_ROUTES = (Route(Meta.default("default"), (Rule((HttpMatch(path=PrefixPath("/")),)),)),)


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """Everything about connections to one port."""

    protocol: Protocol
    meta: Meta
    """The Server resource, or the default policy: the `srv_*` labels."""
    authorizations: tuple[Authorization, ...]
    routes: tuple[Route, ...] = DEFAULT_ROUTES
    """HTTP routes, or gRPC routes when the protocol is GRPC; none for opaque and TLS."""
    detect_timeout: float = DETECT_TIMEOUT
    """Seconds to wait for the first bytes; only DETECT and TLS detection use it."""
    rate_limit: RateLimit | None = None


def needs_http(policy: ServerPolicy) -> bool:
    """Whether somebody wrote rules for the requests of this port: what is not HTTP must not slip
    past them."""
    if policy.rate_limit is not None:
        return True
    return any(route.meta.kind != DEFAULT for route in policy.routes)


DEFAULT = Meta.default("").kind

# --- default policies -----------------------------------------------------------------------


class DefaultPolicyError(ValueError):
    """A default policy that does not exist or lacks the cluster networks; the message says which."""


def default_policy(
    name: str,
    cluster_networks: Sequence[IPNetwork] = (),
    *,
    opaque: bool = False,
    detect_timeout: float = DETECT_TIMEOUT,
) -> ServerPolicy:
    """The policy of a port for which no Server is known. Raises DefaultPolicyError."""
    if name not in DEFAULT_POLICIES:
        raise DefaultPolicyError(
            f"{name!r} is not a default policy: allowed are {', '.join(DEFAULT_POLICIES)}"
        )
    if name.startswith("cluster-") and not cluster_networks:
        raise DefaultPolicyError(f"{name!r} needs the cluster's networks, and there are none")
    protocol = Protocol.OPAQUE if opaque else Protocol.DETECT
    return ServerPolicy(
        protocol,
        Meta.default(name),
        _default_authorizations(name, cluster_networks),
        routes=() if opaque else DEFAULT_ROUTES,
        detect_timeout=detect_timeout,
    )


def _default_authorizations(
    name: str, cluster_networks: Sequence[IPNetwork]
) -> tuple[Authorization, ...]:
    if name == "deny":
        return ()
    nets = tuple(cluster_networks) if name.startswith("cluster-") else ALL_NETWORKS
    authenticated = name.endswith("-authenticated")
    authentication: Authentication = ANY_IDENTITY if authenticated else Unauthenticated()
    return (Authorization(Meta.default(name), tuple(map(Network, nets)), authentication),)
