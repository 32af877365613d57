"""Who an authorization permits: from where, and with which identity. Pure.

A mesh identity is given whole, as `*` (any), or as `*.suffix`.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from destination.index import Reader
from destination.policy.model import (
    AuthorizationPolicy,
    Network,
    RateOverride,
    Reference,
    Server,
    ServerAuthorization,
)
from destination.policy.route import POLICY_GROUP, Route
from kit.kube.objects import Key
from weft.addresses import parse_network
from weft.labels import DEFAULT_POLICIES
from weft.names import NotAnIdentity, TrustDomain

ALL_NETWORKS = (Network(parse_network("0.0.0.0/0")), Network(parse_network("::/0")))

_DENY = "deny"
_NETWORKS = "NetworkAuthentication"
_IDENTITIES = ("MeshTLSAuthentication", "ServiceAccount")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A permission as the proxy understands it.

    `tls` is False for clients that need no identity. Otherwise a client needs one: any (`any_tls`:
    whether or not it has a certificate name we know), or one listed, or one under a suffix.
    """

    name: str
    kind: str
    """`default`, or a policy resource's kind in lower case."""
    networks: tuple[Network, ...]
    tls: bool = False
    any_tls: bool = False
    identities: tuple[str, ...] = ()
    suffixes: tuple[tuple[str, ...], ...] = ()


def default(policy: str, cluster: tuple[Network, ...]) -> tuple[Authorization, ...]:
    """One of the six named policies as a permission; none for `deny`."""
    if policy not in DEFAULT_POLICIES:
        raise ValueError(f"{policy!r} is not one of {', '.join(DEFAULT_POLICIES)}")
    if policy == _DENY:
        return ()
    networks = cluster if policy.startswith("cluster-") else ALL_NETWORKS
    if policy.endswith("-authenticated"):
        return (Authorization(policy, "default", networks, tls=True, suffixes=((),)),)
    return (Authorization(policy, "default", networks),)


def with_identity(policy: str) -> str:
    """The policy for a port that requires an identity."""
    return policy.replace("-unauthenticated", "-authenticated")


def of_server(
    reader: Reader, server: Server, domain: TrustDomain, cluster: tuple[Network, ...]
) -> tuple[Authorization, ...]:
    """Everything that permits clients of this Server."""
    namespace = server.key.namespace
    index = reader.index
    found = [
        _of_server_authorization(one, domain, cluster)
        for one in reader.by(index.server_authorizations, "namespace", namespace)
        if _selects(one, server)
    ]
    for policy in reader.by(index.authorization_policies, "namespace", namespace):
        if _targets(policy, server):
            made = of_policy(reader, policy, domain)
            if made is not None:
                found.append(made)
    return (*found, *default(server.access_policy, cluster))


def of_route(reader: Reader, route: Route, domain: TrustDomain) -> tuple[Authorization, ...]:
    """Everything that permits clients of this route and is not said of its whole Server."""
    target = (route.group, route.kind, route.key.name)
    found = []
    for policy in reader.by(reader.index.authorization_policies, "namespace", route.key.namespace):
        if (policy.target.group, policy.target.kind, policy.target.name) == target:
            made = of_policy(reader, policy, domain)
            if made is not None:
                found.append(made)
    return tuple(found)


def limit_clients(override: RateOverride, domain: TrustDomain) -> tuple[str, ...]:
    """The identities that a rate limit's override is of."""
    return tuple(name for one in override.accounts if (name := _account(one, domain)))


def _selects(one: ServerAuthorization, server: Server) -> bool:
    if one.server_name:
        return one.server_name == server.key.name
    return one.servers.selects(dict(server.labels))


def _targets(policy: AuthorizationPolicy, server: Server) -> bool:
    target = policy.target
    if target.kind == "Namespace" and target.group in ("", "core"):
        return target.name == server.key.namespace
    return (target.group, target.kind, target.name) == (POLICY_GROUP, "Server", server.key.name)


def _of_server_authorization(
    one: ServerAuthorization, domain: TrustDomain, cluster: tuple[Network, ...]
) -> Authorization:
    networks = one.networks or cluster
    if one.unauthenticated:
        return Authorization(one.key.name, "serverauthorization", networks)
    accounts = tuple(_account(account, domain) for account in one.service_accounts)
    identities, suffixes = names((*one.identities, *accounts))
    return Authorization(
        one.key.name,
        "serverauthorization",
        networks,
        tls=True,
        any_tls=one.any_tls,
        identities=identities,
        suffixes=suffixes,
    )


def of_policy(
    reader: Reader, policy: AuthorizationPolicy, domain: TrustDomain
) -> Authorization | None:
    """None when something it requires is not there: then it permits nobody."""
    networks: tuple[Network, ...] = ALL_NETWORKS
    wanted: list[str] = []
    tls = False
    if why := "; ".join(unusable(policy)):
        log.warning("a policy permits nobody", extra={"policy": str(policy.key), "why": why})
        return None
    for required in policy.required:
        at = Key(required.namespace or policy.key.namespace, required.name)
        if required.kind == _NETWORKS:
            found = reader.get(reader.index.networks, at)
            if found is None:
                return None
            networks = found.networks
            continue
        known = _identities(reader, required, at, domain)
        if known is None:
            return None
        tls = True
        wanted += known
    identities, suffixes = names(tuple(wanted))
    return Authorization(
        policy.key.name,
        "authorizationpolicy",
        networks,
        tls=tls,
        identities=identities,
        suffixes=suffixes,
    )


def unusable(policy: AuthorizationPolicy) -> Iterator[str]:
    """Why it permits nobody, whatever else there is.

    All that is required must hold at once; the proxy can be told one identity rule only.
    """
    where = "spec.requiredAuthenticationRefs"
    kinds = [one.kind for one in policy.required]
    for number, kind in enumerate(kinds):
        if kind not in (_NETWORKS, *_IDENTITIES):
            allowed = ", ".join((_NETWORKS, *_IDENTITIES))
            yield f"{where}[{number}].kind: {kind!r} is not one of {allowed}"
    if kinds.count(_NETWORKS) > 1:
        yield f"{where}: several {_NETWORKS}s are required; allowed is one"
    if sum(kind in _IDENTITIES for kind in kinds) > 1:
        yield f"{where}: several of {' and '.join(_IDENTITIES)} are required; allowed is one"


def _identities(
    reader: Reader, required: Reference, at: Key, domain: TrustDomain
) -> list[str] | None:
    if required.kind == "ServiceAccount":
        return [_account(at, domain)]
    found = reader.get(reader.index.mesh_tls, at)
    if found is None:
        return None
    return [*found.identities, *(_referred(one, found.key, domain) for one in found.references)]


def _referred(one: Reference, owner: Key, domain: TrustDomain) -> str:
    if one.kind == "Namespace":
        every = f"serviceaccount.identity.{domain.control_plane_namespace}.{domain.domain}"
        return f"*.{one.name}.{every}"
    return _account(Key(one.namespace or owner.namespace, one.name), domain)


def _account(account: Key, domain: TrustDomain) -> str:
    try:
        return domain.identity(account.name, account.namespace)
    except NotAnIdentity:
        return ""  # a name nobody can have permits nobody


def names(wanted: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Whole identities, and suffixes as labels; `*` is the suffix of no labels."""
    whole = tuple(one for one in wanted if one and not one.startswith("*"))
    suffixes = tuple(
        tuple(one.removeprefix("*").removeprefix(".").split(".")) if one != "*" else ()
        for one in wanted
        if one.startswith("*")
    )
    return whole, suffixes
