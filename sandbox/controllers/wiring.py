"""The controllers, in one list: what each watches, what it reads, which decision it asks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from sandbox.apiserver.kinds import (
    CONFIG_MAP,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    EVENT,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
)
from sandbox.apiserver.selectors import LabelSelector, labels_from_map, labels_from_object
from sandbox.apiserver.store import Store
from sandbox.controllers import (
    cronjob,
    daemonset,
    deployment,
    disruption,
    endpoints,
    garbage,
    job,
    namespaces,
    podgc,
    replicaset,
    schedule,
    statefulset,
)
from sandbox.controllers.actions import Action, Delete, Event, UpdateStatus
from sandbox.controllers.loop import Controller, Key, key_of
from sandbox.controllers.objects import (
    Object,
    controller_of,
    deleting,
    labels,
    metadata,
    name,
    namespace,
    owner_references,
    spec,
    status,
    uid,
)

ZONE_LABEL = "topology.kubernetes.io/zone"

Reconcile = Callable[[Store, Key, datetime], Sequence[Action]]


def controllers(root_ca: str) -> list[Controller]:
    """Every controller of the sandbox. ``root_ca`` is the API server's CA bundle, PEM."""
    return [
        Controller("service-account", _namespaced_thing(SERVICE_ACCOUNT), _service_account),
        Controller("root-ca", _namespaced_thing(CONFIG_MAP), _root_ca(root_ca)),
        Controller("deployment", _deployment_concerns, _deployment),
        Controller("replicaset", _owner_concerns(REPLICA_SET), _replicaset, _replicaset_refused),
        Controller(
            "replicationcontroller",
            _owner_concerns(REPLICATION_CONTROLLER),
            _replicaset,
            _replicaset_refused,
        ),
        Controller("daemonset", _daemonset_concerns, _daemonset, _refused_event),
        Controller("statefulset", _owner_concerns(STATEFUL_SET), _statefulset, _refused_event),
        Controller("job", _owner_concerns(JOB), _job, _refused_event),
        Controller("cronjob", _cronjob_concerns, _cronjob, _refused_event),
        Controller("endpointslice", _service_concerns(ENDPOINT_SLICE), _slices),
        Controller("endpoints", _service_concerns(ENDPOINTS), _endpoints),
        Controller("disruption", _disruption_concerns, _disruption),
        Controller("scheduler", _scheduler_concerns, _schedule),
        Controller("pod-gc", _podgc_concerns, _podgc),
        Controller("namespace", _namespace_concerns, _namespace),
        Controller("garbage", _garbage_concerns, _garbage),
    ]


# --- workloads --------------------------------------------------------------


def _owner_key(store: Store, child: Object, owner: Kind) -> Iterator[Key]:
    """The child's controller of that kind, or every one in reach of an orphan."""
    ref = controller_of(child)
    if ref is None:
        if owner is not JOB:
            yield from (key_of(owner, one) for one in store.list(owner, namespace(child)))
    elif ref.get("kind") == owner.kind:
        yield Key(owner, namespace(child), str(ref["name"]))


def _owner_concerns(owner: Kind) -> Callable[[Store, Kind, Object], Iterable[Key]]:
    """Concerned with its own kind and with pods."""

    def concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
        if kind.key == owner.key:
            return [key_of(owner, obj)]
        return _owner_key(store, obj, owner) if kind.key == POD.key else []

    return concerns


def _deployment_concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
    if kind.key == DEPLOYMENT.key:
        return [key_of(DEPLOYMENT, obj)]
    if kind.key == REPLICA_SET.key:
        return _owner_key(store, obj, DEPLOYMENT)
    if kind.key == POD.key and (ref := controller_of(obj)) and ref.get("kind") == "ReplicaSet":
        # Recreate waits for the last old pod to be gone, which no ReplicaSet's status tells.
        owner = store.find(REPLICA_SET, namespace(obj), str(ref["name"]))
        return _owner_key(store, owner, DEPLOYMENT) if owner and controller_of(owner) else []
    return []


def _deployment(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    found = store.find(*key)
    if found is None:
        return []
    sets = store.list(REPLICA_SET, key.namespace)
    return deployment.decide(found, sets, store.list(POD, key.namespace), now)


def _with_pods(decide: Callable[[Object, Sequence[Object], datetime], list[Action]]) -> Reconcile:
    def reconcile(store: Store, key: Key, now: datetime) -> Sequence[Action]:
        found = store.find(*key)
        return [] if found is None else decide(found, store.list(POD, key.namespace), now)

    return reconcile


_replicaset = _with_pods(replicaset.decide)
_statefulset = _with_pods(statefulset.decide)
_job = _with_pods(job.decide)


def _replicaset_refused(obj: Object, message: str, now: datetime) -> Sequence[Action]:
    failed = replicaset.with_failure(obj, message, now)
    return [UpdateStatus(failed), *_refused_event(obj, message, now)]


def _refused_event(obj: Object, message: str, now: datetime) -> Sequence[Action]:
    return [Event(obj, "Warning", "FailedCreate", f"Error creating: {message}")]


def _daemonset_concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
    if kind.key == NODE.key:
        return [key_of(DAEMON_SET, one) for one in store.list(DAEMON_SET)]
    return _owner_concerns(DAEMON_SET)(store, kind, obj)


def _daemonset(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    found = store.find(*key)
    if found is None:
        return []
    return daemonset.decide(found, store.list(POD, key.namespace), store.list(NODE), now)


def _cronjob_concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
    if kind.key == CRON_JOB.key:
        return [key_of(CRON_JOB, obj)]
    ref = controller_of(obj) if kind.key == JOB.key else None
    return [Key(CRON_JOB, namespace(obj), ref["name"])] if ref else []


def _cronjob(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    found = store.find(*key)
    return [] if found is None else cronjob.decide(found, store.list(JOB, key.namespace), now)


# --- services ---------------------------------------------------------------


def _service_concerns(made: Kind) -> Callable[[Store, Kind, Object], Iterable[Key]]:
    def concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
        if kind.key == SERVICE.key:
            return [key_of(SERVICE, obj)]
        if kind.key == POD.key:
            present = labels(obj).items()
            return [
                key_of(SERVICE, service)
                for service in store.list(SERVICE, namespace(obj))
                if (selector := spec(service).get("selector")) and selector.items() <= present
            ]
        if kind.key != made.key:
            return []
        owner = labels(obj).get(endpoints.SERVICE_NAME) if made is ENDPOINT_SLICE else name(obj)
        return [Key(SERVICE, namespace(obj), owner)] if owner else []

    return concerns


def _slices(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    service = store.find(*key)
    if service is None:
        return []
    named = labels_from_map({endpoints.SERVICE_NAME: key.name})
    have = store.list(ENDPOINT_SLICE, key.namespace, labels=named)
    return endpoints.decide_slices(service, _selected(store, service), have, _zone(store))


def _endpoints(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    service, have = store.find(*key), store.find(ENDPOINTS, key.namespace, key.name)
    if service is not None:
        return endpoints.decide_endpoints(service, _selected(store, service), have)
    ours = have is not None and endpoints.ENDPOINTS_MANAGED_BY in labels(have)
    return [Delete(have)] if have is not None and ours else []


def _selected(store: Store, service: Object) -> Sequence[Object]:
    selector: LabelSelector = labels_from_map(spec(service).get("selector"))
    return store.list(POD, namespace(service), labels=selector)


def _zone(store: Store) -> str:
    return next((labels(node).get(ZONE_LABEL, "") for node in store.list(NODE)), "")


# --- evictions --------------------------------------------------------------


def _disruption_concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
    if kind.key == POD_DISRUPTION_BUDGET.key:
        return [key_of(POD_DISRUPTION_BUDGET, obj)]
    if kind.key != POD.key:
        return []
    return [
        key_of(POD_DISRUPTION_BUDGET, budget)
        for budget in store.list(POD_DISRUPTION_BUDGET, namespace(obj))
        if labels_from_object(spec(budget).get("selector")).matches(labels(obj))
    ]


def _disruption(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    budget = store.find(*key)
    if budget is None:
        return []
    selector = labels_from_object(spec(budget).get("selector"))
    found = [
        pod
        for pod in store.list(POD, key.namespace, labels=selector)
        if status(pod).get("phase") not in ("Succeeded", "Failed")
    ]
    return disruption.decide(budget, found, _replicas(store, found), now)


def _replicas(store: Store, pods: Iterable[Object]) -> dict[str, int]:
    """What those who control the pods want, by their uids; a ReplicaSet's Deployment speaks for it."""
    found = {}
    for pod in pods:
        ref = controller_of(pod)
        kind = store.registry.by_kind(str(ref["apiVersion"]), str(ref["kind"])) if ref else None
        owner = store.find(kind, namespace(pod), str(ref["name"])) if ref and kind else None
        if owner is None:
            continue
        above = controller_of(owner)
        named = str(above["name"]) if above and above.get("kind") == DEPLOYMENT.kind else ""
        speaks = store.find(DEPLOYMENT, namespace(pod), named) if named else owner
        found[uid(owner)] = int(spec(speaks or owner).get("replicas") or 0)
    return found


# --- placing and clearing pods ----------------------------------------------


def _scheduler_concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
    if kind.key == POD.key:
        return [] if spec(obj).get("nodeName") else [key_of(POD, obj)]
    if kind.key != NODE.key:
        return []
    return [key_of(POD, pod) for pod in store.list(POD) if not spec(pod).get("nodeName")]


def _schedule(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    pod = store.find(*key)
    return [] if pod is None else schedule.decide(pod, store.list(NODE), now)


def _podgc_concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
    if kind.key == POD.key:
        return [key_of(POD, obj)]
    return [key_of(POD, pod) for pod in store.list(POD)] if kind.key == NODE.key else []


def _podgc(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    pod = store.find(*key)
    if pod is None:
        return []
    return podgc.decide(pod, {name(node) for node in store.list(NODE)})


# --- namespaces and owners --------------------------------------------------


def _namespaced_thing(made: Kind) -> Callable[[Store, Kind, Object], Iterable[Key]]:
    """Concerned with namespaces, and with one kind of thing each of them must hold."""

    def concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
        if kind.key == NAMESPACE.key:
            return [Key(NAMESPACE, "", name(obj))]
        return [Key(NAMESPACE, "", namespace(obj))] if kind.key == made.key else []

    return concerns


def _service_account(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    found = store.find(*key)
    if found is None:
        return []
    present = store.find(SERVICE_ACCOUNT, key.name, "default")
    return namespaces.decide_service_account(found, present)


def _root_ca(bundle: str) -> Reconcile:
    def reconcile(store: Store, key: Key, now: datetime) -> Sequence[Action]:
        found = store.find(*key)
        if found is None:
            return []
        present = store.find(CONFIG_MAP, key.name, namespaces.ROOT_CA)
        return namespaces.decide_root_ca(found, present, bundle)

    return reconcile


def _namespace_concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
    if kind.key == NAMESPACE.key:
        return [Key(NAMESPACE, "", name(obj))]
    holder = store.find(NAMESPACE, "", namespace(obj)) if kind.namespaced else None
    return [Key(NAMESPACE, "", name(holder))] if holder and deleting(holder) else []


def _namespace(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    found = store.find(*key)
    if found is None or not deleting(found):
        return []
    contents = [
        obj
        for kind in store.registry.storable()
        if kind.namespaced
        for obj in store.list(kind, key.name)
    ]
    return namespaces.decide_finalization(found, contents)


def _garbage_concerns(store: Store, kind: Kind, obj: Object) -> Iterable[Key]:
    """The object itself where it names owners or is held for its children; the children of one
    that is gone; the owners that wait for one."""
    if kind.key == EVENT.key:
        return
    if owner_references(obj) or metadata(obj).get("finalizers"):
        yield key_of(kind, obj)
    if store.find(kind, namespace(obj), name(obj)) is None or deleting(obj):
        yield from (key_of(of, child) for of, child in store.dependents(uid(obj)))
    for ref in owner_references(obj):
        owner = store.registry.by_kind(str(ref.get("apiVersion")), str(ref.get("kind")))
        if owner is not None:
            yield Key(owner, namespace(obj) if owner.namespaced else "", str(ref["name"]))


def _garbage(store: Store, key: Key, now: datetime) -> Sequence[Action]:
    obj = store.find(*key)
    if obj is None:
        return []
    children = [child for _, child in store.dependents(uid(obj))] if deleting(obj) else []
    return garbage.decide(obj, _living_owners(store, obj), children)


def _living_owners(store: Store, obj: Object) -> dict[str, Object]:
    """By uid. An owner of a kind that is not served may well live: nobody can say it is gone."""
    found: dict[str, Object] = {}
    for ref in owner_references(obj):
        kind = store.registry.by_kind(str(ref.get("apiVersion")), str(ref.get("kind")))
        if kind is None:
            found[str(ref.get("uid"))] = {}
            continue
        owner = store.find(kind, namespace(obj) if kind.namespaced else "", str(ref["name"]))
        if owner is not None and uid(owner) == ref.get("uid"):
            found[uid(owner)] = owner
    return found
