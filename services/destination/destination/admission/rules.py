"""What is wrong with a policy resource, an ExternalWorkload or a ServiceProfile. Pure.

Everything is read by the readers that make values of what is stored, and what they cannot use is refused. So
is what they can use and what cannot mean what its author thinks: an exception outside its network, a policy
about another namespace. The rules are those of Linkerd's two validators.

A route of the Gateway API may be for other controllers than this mesh: it is looked at only when a parent is
ours, and what only we cannot do is no fault, but a warning; its status tells as well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from destination.external import read as external
from destination.policy import read, read_routes
from destination.policy.attach import portless_backend, portless_parent, unfit_for_server
from destination.policy.clients import unusable
from destination.policy.fields import MALFORMED, FieldError
from destination.policy.limits import untargeted
from destination.policy.model import AuthorizationPolicy, Network, Reference
from destination.policy.route import GATEWAY_GROUP, GRPC, HTTP, POLICY_GROUP, SERVER, Route
from kit.kube import objects
from kit.kube.objects import Object, Resource
from weft.names import is_dns_name, is_spiffe_id

TARGETS = (
    (POLICY_GROUP, SERVER),
    (POLICY_GROUP, HTTP),
    (GATEWAY_GROUP, HTTP),
    (GATEWAY_GROUP, GRPC),
)
"""What an AuthorizationPolicy may be about, besides its whole namespace."""
_CORE_GROUPS = ("", "core")


@dataclass(frozen=True, slots=True)
class Judgement:
    """Each fault names its field and what is allowed. Warnings refuse nothing."""

    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(group: str, kind: str, obj: Object) -> Judgement:
    """Of objects of other kinds there is nothing to say."""
    rule = _RULES.get((group, kind))
    if rule is None:
        return Judgement()
    try:
        return rule(obj)
    except MALFORMED as error:
        return Judgement((str(error),))


def _faults(found: Callable[[Object], Iterator[str]]) -> Callable[[Object], Judgement]:
    def rule(obj: Object) -> Judgement:
        said: list[str] = []
        try:
            said.extend(found(obj))
        except MALFORMED as error:
            said.append(str(error))
        return Judgement(tuple(said))

    return rule


# -- Servers and who may call them ---------------------------------------------------------------
def _server(obj: Object) -> Iterator[str]:
    read.server(obj)
    return iter(())


def _server_authorization(obj: Object) -> Iterator[str]:
    made = read.server_authorization(obj)
    named = bool(made.identities or made.service_accounts)
    if made.unauthenticated and (made.any_tls or named):
        yield (
            "spec.client: unauthenticated and meshTLS exclude each other: "
            "clients that need no TLS need no identity"
        )
    if made.any_tls and named:
        yield (
            "spec.client.meshTLS: unauthenticatedTLS excludes identities and serviceAccounts: "
            "clients that need no identity need none of these"
        )
    yield from _networks(made.networks, "spec.client.networks")
    yield from _identities(made.identities, "spec.client.meshTLS.identities")


def _authorization_policy(obj: Object) -> Iterator[str]:
    made = read.authorization_policy(obj)
    yield from _target(made)
    yield from unusable(made)
    for number, one in enumerate(made.required):
        core = one.kind == "ServiceAccount"
        where = f"spec.requiredAuthenticationRefs[{number}].group"
        yield from _group(one, _CORE_GROUPS if core else ("", POLICY_GROUP), where)


def _target(policy: AuthorizationPolicy) -> Iterator[str]:
    target, own = policy.target, policy.key.namespace
    if target.namespace not in ("", own):
        yield f"spec.targetRef.namespace: {target.namespace!r} is not the policy's own, {own!r}"
    if target.kind == "Namespace" and target.group in _CORE_GROUPS:
        if target.name != own:
            yield f"spec.targetRef.name: {target.name!r} is not the policy's own namespace, {own!r}"
    elif (target.group, target.kind) not in TARGETS:
        allowed = ", ".join(f"{kind} of {group}" for group, kind in TARGETS)
        yield (
            f"spec.targetRef: {_named(target)} cannot be a target: allowed are {allowed}, "
            "and Namespace"
        )


def _mesh_tls_authentication(obj: Object) -> Iterator[str]:
    made = read.mesh_tls_authentication(obj)
    if not made.identities and not made.references:
        yield "spec: one of identities and identityRefs is needed"
    yield from _identities(made.identities, "spec.identities")
    for number, one in enumerate(made.references):
        where = f"spec.identityRefs[{number}]"
        if one.kind not in ("ServiceAccount", "Namespace"):
            yield f"{where}.kind: {one.kind!r} is not one of ServiceAccount, Namespace"
        else:
            yield from _group(one, _CORE_GROUPS, f"{where}.group")


def _network_authentication(obj: Object) -> Iterator[str]:
    made = read.network_authentication(obj)
    if not made.networks:
        yield "spec.networks: a network is needed"
    yield from _networks(made.networks, "spec.networks")


def _rate_limit(obj: Object) -> Iterator[str]:
    made = read.rate_limit(obj)
    if made.problem:
        yield made.problem
    if why := untargeted(made):
        yield f"spec.targetRef: {why}, not a {_named(made.target)}"


def _named(one: Reference) -> str:
    return f"{one.kind} of {one.group}" if one.group else one.kind


def _group(one: Reference, allowed: Sequence[str], where: str) -> Iterator[str]:
    if one.group not in allowed:
        yield f"{where}: a {one.kind} is of {allowed[-1]}, not of {one.group!r}"


def _networks(networks: Sequence[Network], where: str) -> Iterator[str]:
    """What is excepted must be a part of the network, and not all of it."""
    for number, one in enumerate(networks):
        for place, hole in enumerate(one.excepted):
            at = f"{where}[{number}].except[{place}]"
            if hole.version != one.net.version or not hole.overlaps(one.net):
                yield f"{at}: {hole} is not within {one.net}"
            elif hole.prefixlen <= one.net.prefixlen:
                yield f"{at}: {hole} leaves nothing of {one.net}"


def _identities(identities: Sequence[str], where: str) -> Iterator[str]:
    for number, one in enumerate(identities):
        if one != "*" and not is_dns_name(one.removeprefix("*.")) and not is_spiffe_id(one):
            yield (
                f"{where}[{number}]: {one!r} is not an identity: allowed are a DNS name, "
                "`*.` and the end of one, `*`, and spiffe://TRUST-DOMAIN/PATH"
            )


# -- routes --------------------------------------------------------------------------------------
def _egress_network(obj: Object) -> Iterator[str]:
    made = read_routes.egress_network(obj)
    if made.problem:
        yield made.problem
    yield from _networks(made.networks, "spec.networks")


def _route_of(resource: Resource) -> Callable[[Object], Judgement]:
    def rule(obj: Object) -> Judgement:
        made = read_routes.route(resource.group, resource.kind, obj)
        shared = resource.group != POLICY_GROUP
        if shared and not any(parent.known for parent in made.parents):
            return Judgement()
        faults = [*_parents(made), *_backends(made)]
        lacking = list(_unfit(made))
        (lacking if shared else faults).extend(_backend_filters(made))
        if made.problem:
            (lacking if shared and made.unsupported else faults).append(made.problem)
        return Judgement(tuple(faults), tuple(lacking))

    return rule


def _parents(route: Route) -> Iterator[str]:
    for number, parent in enumerate(route.parents):
        if why := portless_parent(parent):
            yield f"spec.parentRefs[{number}].port: {why}"


def _unfit(route: Route) -> Iterator[str]:
    if any(parent.known and parent.kind == SERVER for parent in route.parents) and (
        why := unfit_for_server(route)
    ):
        yield f"spec.rules: {why}"


def _backends(route: Route) -> Iterator[str]:
    for number, rule in enumerate(route.rules):
        for place, backend in enumerate(rule.backends):
            if why := portless_backend(backend):
                yield f"spec.rules[{number}].backendRefs[{place}].port: {why}"


def _backend_filters(route: Route) -> Iterator[str]:
    for number, rule in enumerate(route.rules):
        for place, backend in enumerate(rule.backends):
            if backend.problem:
                yield f"spec.rules[{number}].backendRefs[{place}]: {backend.problem}"


# -- ExternalWorkloads ---------------------------------------------------------------------------
def _external_workload(obj: Object) -> Iterator[str]:
    """What is wrong with its annotations is refused as well: no webhook that injects sees them."""
    said: list[str] = []

    def complain(_: Object, annotation: str, why: str) -> None:
        said.append(f"annotation {annotation}: {why}")

    external.external_workload(obj, complain)
    return iter(said)


# -- ServiceProfiles -----------------------------------------------------------------------------
def _service_profile(obj: Object) -> Iterator[str]:
    name = objects.key(obj).name
    if not is_dns_name(name):
        yield f"metadata.name: {name!r} is not a DNS name, such as web.shop.svc.cluster.local"
    read.service_profile(obj, _refuse)


def _refuse(error: FieldError) -> NoReturn:
    raise error


_ROUTES = (
    objects.POLICY_HTTP_ROUTES,
    objects.HTTP_ROUTES,
    objects.GRPC_ROUTES,
    objects.TLS_ROUTES,
    objects.TCP_ROUTES,
)
JUDGED: Mapping[Resource, Callable[[Object], Judgement]] = {
    objects.SERVERS: _faults(_server),
    objects.SERVER_AUTHORIZATIONS: _faults(_server_authorization),
    objects.AUTHORIZATION_POLICIES: _faults(_authorization_policy),
    objects.MESH_TLS_AUTHENTICATIONS: _faults(_mesh_tls_authentication),
    objects.NETWORK_AUTHENTICATIONS: _faults(_network_authentication),
    objects.RATE_LIMIT_POLICIES: _faults(_rate_limit),
    objects.EGRESS_NETWORKS: _faults(_egress_network),
    objects.EXTERNAL_WORKLOADS: _faults(_external_workload),
    objects.SERVICE_PROFILES: _faults(_service_profile),
    **{resource: _route_of(resource) for resource in _ROUTES},
}
"""By kind, in whatever version."""
_RULES = {(resource.group, resource.kind): rule for resource, rule in JUDGED.items()}
