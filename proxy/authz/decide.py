"""May this client do this here? The answer names the authorization, for the metrics' labels."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.authz.policy import (
    Authorization,
    Route,
    ServerPolicy,
    TlsAuthenticated,
    Unauthenticated,
)
from proxy.stack.match import Match, RequestLike, find
from proxy.stack.meta import Meta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weft.addresses import IPAddress

LOCALHOST = Meta.default("localhost")


@dataclass(frozen=True, slots=True)
class Client:
    """Who connected: an address, and what mesh TLS proved."""

    ip: str
    identity: str | None = None
    """DNS name or SPIFFE ID of the client's certificate; None without one."""
    tls: bool = False
    """Whether the connection is mesh TLS, with or without a client certificate."""


@dataclass(frozen=True, slots=True)
class Allowed:
    authorization: Meta
    """The `authz_*` labels."""


class Denied(Exception):
    """No authorization admits the client. Carries what the metrics' labels need."""

    def __init__(self, server: Meta, client: Client, route: Meta | None = None) -> None:
        who = client.identity or ("TLS without identity" if client.tls else "no TLS")
        where = f"{server.kind} {server.name}" + (f", route {route.name}" if route else "")
        super().__init__(f"client {client.ip} ({who}) is not authorized on {where}")
        self.server = server
        self.client = client
        self.route = route


def authorize(policy: ServerPolicy, client: Client) -> Allowed:
    """A connection, before anything is known of what it carries. Raises Denied."""
    return _admit(policy.authorizations, client) or _deny(policy, client, None)


def authorize_http(policy: ServerPolicy, route: Route, client: Client) -> Allowed:
    """A request on the route it matched: the route's own authorizations first. Raises Denied."""
    return (
        _admit(route.authorizations, client)
        or _admit(policy.authorizations, client)
        or _deny(policy, client, route.meta)
    )


def authorize_request(policy: ServerPolicy, request: RequestLike, client: Client) -> Allowed:
    """A request, on whichever route it matches. Raises Denied or RouteNotFound."""
    route, *_ = find_route(policy, request)
    return authorize_http(policy, route, client)


class RouteNotFound(Exception):
    """A port with routes, and a request that fits none of them."""

    def __init__(self, server: Meta) -> None:
        super().__init__(f"no route of {server.kind} {server.name} matches the request")
        self.server = server


def find_route(policy: ServerPolicy, request: RequestLike) -> tuple[Route, int, Match]:
    """The route of a request, the index of its rule, and the match. Raises RouteNotFound."""
    found = find(policy.routes, request)
    if found is None:
        raise RouteNotFound(policy.meta)
    return found


def _admit(authorizations: Iterable[Authorization], client: Client) -> Allowed | None:
    ip = _parse(client.ip)
    if ip.is_loopback:
        return Allowed(LOCALHOST)
    for authorization in authorizations:
        if _proves(authorization, client) and any(ip in net for net in authorization.networks):
            return Allowed(authorization.meta)
    return None


def _proves(authorization: Authorization, client: Client) -> bool:
    needed = authorization.authentication
    if isinstance(needed, Unauthenticated):
        return True
    if isinstance(needed, TlsAuthenticated):
        return client.identity is not None and needed.permits(client.identity)
    return client.tls or client.identity is not None


def _deny(policy: ServerPolicy, client: Client, route: Meta | None) -> Allowed:
    raise Denied(policy.meta, client, route)


def _parse(ip: str) -> IPAddress:
    """IPv4 clients of a dual-stack socket arrive as `::ffff:10.0.0.1`."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
