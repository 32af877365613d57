"""From a resource to the proxies that see its requests, and why others cannot be asked. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from kit.kube.objects import Key
from kit.kube.selectors import EVERYTHING, LabelSelector
from tap.cluster import RUNNING, Cluster, Pod
from tap.query import Peer, Target
from weft.addresses import SocketAddress
from weft.labels import DISABLE_TAP
from weft.names import TAP_COMPONENT, NotAnIdentity, TrustDomain


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy to ask."""

    pod: str
    """`namespace/name`."""
    address: SocketAddress
    identity: str
    """What its certificate must say: addresses are reused, names are not."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A pod that cannot be asked, and a sentence that says why."""

    pod: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    proxies: tuple[Proxy, ...]
    skipped: tuple[Skipped, ...]


class NothingToTap(LookupError):
    """No proxy of the resource can be asked; says why."""


def resolve(
    cluster: Cluster,
    target: Target,
    identities: TrustDomain,
    selector: LabelSelector = EVERYTHING,
) -> Found:
    """The proxies of a resource, or of those of its pods that a selector chooses, as the cluster is
    now. Raises NothingToTap."""
    proxies: list[Proxy] = []
    skipped: list[Skipped] = []
    for pod in select(cluster, target):
        if pod.phase in ("Succeeded", "Failed") or not selector.matches(pod.labels):
            continue
        reason = why_not(pod, identities)
        if reason:
            skipped.append(Skipped(str(pod.key), reason))
        else:
            proxies.append(_proxy(pod, identities))
    if not proxies:
        raise NothingToTap(_nothing(target, skipped, selector))
    return Found(tuple(proxies), tuple(skipped))


def select(cluster: Cluster, target: Target) -> Iterator[Pod]:
    """The pods of a resource, in order of name."""
    for key in sorted(cluster.pods):
        pod = cluster.pods[key]
        if key.namespace == target.namespace and _belongs(cluster, pod, target):
            yield pod


def absent(cluster: Cluster, target: Target, to: Peer | None) -> str:
    """Why no request of the target can be shown, when its other end is not there; empty when it is.

    Other namespaces than the target's are not looked into: the viewer may have no right to know of them.
    """
    if to is None or not to.name or to.namespace != target.namespace:
        return ""
    key = Key(to.namespace, to.name)
    other = Target(to.namespace, to.kind, to.name)
    if (to.kind == "service" and key in cluster.services) or any(select(cluster, other)):
        return ""
    return f"nothing goes to {other}: namespace {to.namespace} has no such {to.kind} with pods"


def why_not(pod: Pod, identities: TrustDomain) -> str:
    """Why the pod's proxy cannot be asked; empty when it can."""
    ours = identities.component(TAP_COMPONENT)
    if not pod.mesh:
        return "it is not meshed"
    if pod.mesh != identities.control_plane_namespace:
        return f"its proxy belongs to the mesh of namespace {pod.mesh}"
    if pod.tap_disabled:
        return f"its annotation {DISABLE_TAP} says no"
    if not pod.tap_client:
        return "its proxy was started without tap; restart the pod"
    if pod.tap_client != ours:
        return f"its proxy answers {pod.tap_client} only"
    if pod.phase != RUNNING or not pod.ip:
        return f"it is {pod.phase.lower()}"
    try:
        identity = identities.identity(pod.service_account, pod.key.namespace)
    except NotAnIdentity as error:
        return str(error)
    return "it is tap itself, whose watching would be watched" if identity == ours else ""


def _proxy(pod: Pod, identities: TrustDomain) -> Proxy:
    identity = identities.identity(pod.service_account, pod.key.namespace)
    return Proxy(str(pod.key), pod.address, identity)


def _belongs(cluster: Cluster, pod: Pod, target: Target) -> bool:
    if target.kind == "namespace":
        return True
    if target.kind == "pod":
        return pod.key.name == target.name
    if target.kind == "service":
        service = cluster.services.get(Key(target.namespace, target.name))
        wanted = service.selector if service is not None else {}
        return bool(wanted) and wanted.items() <= pod.labels.items()
    return any(
        owner.kind == target.kind and owner.name == target.name for owner in cluster.chain(pod)
    )


def _nothing(target: Target, skipped: list[Skipped], selector: LabelSelector) -> str:
    where = "" if target.kind == "namespace" else f" in namespace {target.namespace}"
    if not skipped:
        which = " with the labels asked for" if selector.requirements else ""
        return f"no pods to tap: {target}{where} has no running pod{which}, or does not exist"
    reasons = "; ".join(f"{one.pod}: {one.reason}" for one in skipped[:5])
    more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    return f"no pods to tap for {target}{where}: {reasons}{more}"
