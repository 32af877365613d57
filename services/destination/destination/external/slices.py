"""The EndpointSlices by which Services lead to machines: what there should be, and what to write for it. Pure.

A Service that selects ExternalWorkloads of its namespace by label gets slices beside those that Kubernetes
makes of pods. Every endpoint of a slice has its ports and its address family, so machines on which a
Service's ports lead elsewhere have slices of their own. What is written is what Linkerd's controller
writes, so that of both in one cluster neither rewrites what the other wrote.

An endpoint stays in the slice where it is, and a slice that says what it should is not written: everyone
who watches slices is sent a whole one for every change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from destination.model import ExternalWorkload
from destination.read import SERVICE_NAME_LABEL
from kit.kube.objects import Key, Object, key, labels, mapping, metadata, sequence, spec
from weft.names import is_dns_label

MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "linkerd-external-workloads-controller"
HEADLESS_LABEL = "service.kubernetes.io/headless"
_RESERVED = (SERVICE_NAME_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL)
CAPACITY = 100
"""Endpoints of a slice at most."""
FAMILIES = ("IPv4", "IPv6")

Port = tuple[str, int, str]
"""Name, number, protocol."""
Group = tuple[str, tuple[Port, ...]]
"""What all endpoints of a slice share: address family and ports."""
Member = tuple[str, str, tuple[str, ...]]
"""Whose endpoint it is, by name and UID, and its addresses."""


@dataclass(frozen=True, slots=True)
class TargetPort:
    """A port of a Service, and the port of its workloads that it leads to, by number or name."""

    name: str
    target: int | str
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class SelectingService:
    """A Service that chooses its workloads by label."""

    key: Key
    uid: str
    selector: Mapping[str, str]
    ports: tuple[TargetPort, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    headless: bool = False
    families: tuple[str, ...] = FAMILIES

    def selects(self, workload: ExternalWorkload) -> bool:
        return self.selector.items() <= workload.labels.items()


@dataclass(frozen=True, slots=True)
class Create:
    body: Object


@dataclass(frozen=True, slots=True)
class Update:
    """A merge patch, from the version that was seen."""

    name: str
    patch: Object


@dataclass(frozen=True, slots=True)
class Delete:
    name: str


Action = Create | Update | Delete


def selecting_service(obj: Object) -> SelectingService | None:
    """None for a Service without a selector, one that is but a name, and one that is on its way out."""
    fields = spec(obj)
    selector = mapping(fields.get("selector"))
    over = metadata(obj).get("deletionTimestamp")
    if not selector or over or fields.get("type") == "ExternalName":
        return None
    return SelectingService(
        key=key(obj),
        uid=str(metadata(obj).get("uid") or ""),
        selector=dict(selector),
        ports=tuple(
            TargetPort(
                str(one.get("name") or ""),
                one.get("targetPort") or one["port"],
                str(one.get("protocol") or "TCP"),
            )
            for one in sequence(fields.get("ports"))
        ),
        labels=dict(labels(obj)),
        headless=fields.get("clusterIP") == "None",
        families=tuple(sequence(fields.get("ipFamilies"))) or FAMILIES,
    )


def ours(obj: Object) -> bool:
    """Whether a slice is this controller's to write."""
    return labels(obj).get(MANAGED_BY_LABEL) == CONTROLLER


def decide(
    service: SelectingService | None,
    workloads: Iterable[ExternalWorkload],
    slices: Iterable[Object],
) -> list[Action]:
    """What must be written, deletions last. `slices` are all of ours that are labelled with the
    Service's name; `service` is None where it is gone, or selects nothing."""
    found = sorted(slices, key=lambda one: (_created(one), key(one).name))
    if service is None:
        return [Delete(key(one).name) for one in found]
    wanted = _wanted(service, workloads)
    having: dict[Group, list[Object]] = {group: [] for group in wanted}
    unfit: list[Action] = []
    for one in found:
        # A slice of a former Service of that name is the garbage collector's, which may be late.
        group = _group(one) if _owned_by(one, service) else None
        if group is not None and group in having:
            having[group].append(one)
        else:
            unfit.append(Delete(key(one).name))
    actions = [
        action
        for group, members in wanted.items()
        for action in _fill(service, group, members, having[group])
    ]
    deletions = [one for one in actions if isinstance(one, Delete)]
    return [*(one for one in actions if not isinstance(one, Delete)), *deletions, *unfit]


# -- what there should be ------------------------------------------------------------------------
def _wanted(
    service: SelectingService, workloads: Iterable[ExternalWorkload]
) -> dict[Group, dict[Member, Object]]:
    found: dict[Group, dict[Member, Object]] = {}
    for workload in sorted(workloads, key=lambda one: one.key):
        if not service.selects(workload):
            continue
        ports = tuple(sorted(_ports(service, workload)))
        for family in service.families:
            ips = [ip for ip in workload.ips if (":" in ip) == (family == "IPv6")]
            if ips:
                endpoint = _endpoint(service, workload, ips)
                found.setdefault((family, ports), {})[_member(endpoint)] = endpoint
    return found


def _ports(service: SelectingService, workload: ExternalWorkload) -> Iterator[Port]:
    """The Service's ports as this machine has them: one that it does not declare leads nowhere."""
    for port in service.ports:
        for one in workload.declared:
            if one.protocol == port.protocol and port.target in (one.port, one.name or None):
                yield port.name, one.port, port.protocol
                break


def _endpoint(service: SelectingService, workload: ExternalWorkload, ips: list[str]) -> Object:
    name = workload.key.name
    made: Object = {
        "addresses": ips,
        "conditions": {
            "ready": workload.ready,
            "serving": workload.ready,
            "terminating": False,
        },
        "targetRef": {
            "kind": "ExternalWorkload",
            "namespace": workload.key.namespace,
            "name": name,
            "uid": workload.uid,
        },
    }
    if workload.zone:
        made["zone"] = workload.zone
    if service.headless and is_dns_label(name):
        made["hostname"] = name
    return made


def _labels(service: SelectingService) -> dict[str, str]:
    """Those of the Service, and what says whose the slice is."""
    own = {name: value for name, value in service.labels.items() if name not in _RESERVED}
    marks = {SERVICE_NAME_LABEL: service.key.name, MANAGED_BY_LABEL: CONTROLLER}
    return {**own, **({HEADLESS_LABEL: ""} if service.headless else {}), **marks}


# -- what there is -------------------------------------------------------------------------------
def _group(obj: Object) -> Group | None:
    """None where a port has no number: such a one, which the API allows, is never written here."""
    given = sequence(obj.get("ports"))
    if any(one.get("port") is None for one in given):
        return None
    ports = (
        (str(one.get("name") or ""), int(one["port"]), str(one.get("protocol") or "TCP"))
        for one in given
    )
    return str(obj.get("addressType")), tuple(sorted(ports))


def _member(endpoint: Mapping[str, Any]) -> Member:
    target = mapping(endpoint.get("targetRef"))
    addresses = tuple(map(str, sequence(endpoint.get("addresses"))))
    return str(target.get("name")), str(target.get("uid")), addresses


def _told(endpoint: Mapping[str, Any]) -> tuple[object, ...]:
    """What an endpoint says, however it is written: that the API adds what it takes for granted, or
    leaves it out, is no difference."""
    conditions = mapping(endpoint.get("conditions"))
    ready = conditions.get("ready") is not False
    return (
        *_member(endpoint),
        ready,
        conditions.get("serving", ready),
        conditions.get("terminating") is True,
        endpoint.get("hostname") or "",
        endpoint.get("zone") or "",
    )


def _created(obj: Object) -> str:
    return str(metadata(obj).get("creationTimestamp") or "")


def _owned_by(obj: Object, service: SelectingService) -> bool:
    return any(
        one.get("kind") == "Service" and one.get("uid") == service.uid
        for one in sequence(metadata(obj).get("ownerReferences"))
    )


# -- the way from one to the other ---------------------------------------------------------------
def _fill(
    service: SelectingService,
    group: Group,
    members: Mapping[Member, Object],
    slices: Sequence[Object],
) -> Iterator[Action]:
    """Every member into one slice: its own, else one that is written anyway, else the fullest."""
    left = dict(members)
    kept: list[tuple[Object, list[Object]]] = []
    for one in slices:
        stay = [_member(each) for each in sequence(one.get("endpoints"))][:CAPACITY]
        kept.append((one, [left.pop(each) for each in stay if each in left]))
    rest = list(left.values())
    for _, endpoints in sorted(kept, key=lambda each: (_same(*each), -len(each[1]))):
        room = CAPACITY - len(endpoints)
        endpoints += rest[:room]
        del rest[:room]
    for start in range(0, len(rest), CAPACITY):
        yield Create(_slice(service, group, rest[start : start + CAPACITY]))
    wanted = _labels(service)
    for one, endpoints in kept:
        if not endpoints:
            yield Delete(key(one).name)
        elif not _same(one, endpoints) or not wanted.items() <= labels(one).items():
            yield Update(key(one).name, _patch(one, wanted, endpoints))


def _same(obj: Object, endpoints: Sequence[Object]) -> bool:
    return [*map(_told, sequence(obj.get("endpoints")))] == [*map(_told, endpoints)]


def _patch(obj: Object, wanted: Mapping[str, str], endpoints: Sequence[Object]) -> Object:
    gone = {name: None for name in labels(obj) if name not in wanted}
    meta = {"resourceVersion": metadata(obj).get("resourceVersion"), "labels": {**wanted, **gone}}
    return {"metadata": meta, "endpoints": list(endpoints)}


def _slice(service: SelectingService, group: Group, endpoints: Sequence[Object]) -> Object:
    family, ports = group
    name = service.key.name
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "uid": service.uid}
    return {
        "metadata": {
            "generateName": f"linkerd-external-{name}-",
            "namespace": service.key.namespace,
            "labels": _labels(service),
            # Without blockOwnerDeletion, which only those may set who may write the owner.
            "ownerReferences": [{**owner, "controller": True}],
        },
        "addressType": family,
        "endpoints": list(endpoints),
        "ports": [
            {"name": port, "port": number, "protocol": protocol} for port, number, protocol in ports
        ],
    }
