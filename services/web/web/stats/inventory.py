"""Pods, workloads, services, namespaces and objects of policy as the cluster has them, and who owns whom.

A pure table: `apply` takes what a watch says, the rest are questions. Ownership is by controller
references, followed from a pod through its ReplicaSet to the Deployment, so a pod counts for both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kit.kube import objects
from kit.kube.objects import Key
from kit.kube.selectors import Labels
from web.stats import pods
from web.stats.kinds import NAMESPACE_LABEL, OBJECTS, OWNERS, POLICIES, Kind
from web.stats.query import Query, Ref
from weft.labels import CONTROL_PLANE_NS_LABEL


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of an object, in the same namespace."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """Any object that may be a row."""

    kind: Kind
    key: Key
    labels: Labels
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class Pod(Item):
    """A pod, with what rows and the collector need of it."""

    uid: str = ""
    phase: str = ""
    status: str = ""
    meshed: bool = False
    address: str = ""
    admin_port: int = 0
    service_account: str = ""
    ready: bool = False
    changed: float | None = None
    """Epoch seconds since when it is ready, or is not."""
    restarts: int = 0
    started: float | None = None
    """Epoch seconds."""
    images: tuple[str, ...] = ()
    """Of its application's containers."""
    proxy_version: str = ""

    @property
    def is_done(self) -> bool:
        return self.phase in pods.DONE

    @property
    def is_scraped(self) -> bool:
        """Whether it has a proxy that can be asked."""
        return self.meshed and bool(self.address) and self.phase == "Running"


@dataclass(frozen=True, slots=True)
class PodCounts:
    """Pods of one resource. Completed pods count nowhere; `meshed` is a part of `running`."""

    meshed: int = 0
    running: int = 0
    failed: int = 0

    def plus(self, pod: Pod) -> "PodCounts":
        if pod.phase == "Succeeded":
            return self
        if pod.phase == "Failed":
            return PodCounts(self.meshed, self.running, self.failed + 1)
        return PodCounts(self.meshed + pod.meshed, self.running + 1, self.failed)


@dataclass
class Inventory:
    """Everything known. `mesh` is the control plane's namespace: whose proxies count as meshed."""

    mesh: str
    _items: dict[Kind, dict[Key, Item]] = field(
        default_factory=lambda: {kind: {} for kind in (*OBJECTS, *POLICIES)}
    )
    _groups: dict[tuple[Kind, Key], set[str]] = field(default_factory=dict)

    def put(self, kind: Kind, obj: Mapping[str, Any], group: str = "") -> None:
        """An object that is there now, as Kubernetes writes it.

        Two API groups may have objects of one kind and name, as HTTPRoutes; they are one item.
        """
        item = self._pod(obj) if kind is Kind.POD else _item(kind, obj)
        self._items[kind][item.key] = item
        if kind in POLICIES:
            self._groups.setdefault((kind, item.key), set()).add(group)

    def remove(self, kind: Kind, key: Key, group: str = "") -> None:
        """An object of one API group is gone."""
        left = self._groups.get((kind, key), set())
        left.discard(group)
        if not left:
            self._items[kind].pop(key, None)
            self._groups.pop((kind, key), None)

    def select(self, query: Query) -> Iterator[Item]:
        """The objects a query asks rows for. Completed pods are left out."""
        for item in self._matching(query.rows):
            if isinstance(item, Pod) and item.is_done:
                continue
            if query.selector.matches(item.labels):
                yield item

    def pods(self) -> Iterator[Pod]:
        for item in self._items[Kind.POD].values():
            assert isinstance(item, Pod)
            yield item

    def find(self, ref: Ref) -> Item | None:
        """One object, if it is there."""
        return self._items[ref.kind].get(Key(ref.namespace, ref.name))

    def pods_of(self, ref: Ref) -> Iterator[Pod]:
        """The pods that belong to an object, or to any of its kind; a pod belongs to itself."""
        for pod in self.pods():
            if ref.namespace not in ("", pod.key.namespace):
                continue
            name = self.belonging(pod).get(ref.kind.value)
            if name is not None and ref.name in ("", name):
                yield pod

    def counts(self, kind: Kind) -> dict[Key, PodCounts]:
        """Pods by the object of one kind they belong to; objects without pods are not there."""
        found: dict[Key, PodCounts] = {}
        for pod in self.pods():
            name = self.belonging(pod).get(kind.value)
            if name is not None:
                key = Key("" if kind is Kind.NAMESPACE else pod.key.namespace, name)
                found[key] = found.get(key, PodCounts()).plus(pod)
        return found

    def belonging(self, pod: Pod) -> dict[str, str]:
        """A pod as metric labels name it: `namespace`, `pod`, and a label for each of its owners."""
        found = {NAMESPACE_LABEL: pod.key.namespace, Kind.POD.value: pod.key.name}
        owner = pod.owner
        while owner is not None and owner.kind.value not in found:
            found[owner.kind.value] = owner.name
            above = self._items[owner.kind].get(Key(pod.key.namespace, owner.name))
            owner = above.owner if above is not None else None
        return found

    def _matching(self, ref: Ref) -> Iterator[Item]:
        for key, item in self._items[ref.kind].items():
            if ref.name in ("", key.name) and ref.namespace in ("", key.namespace):
                yield item

    def _pod(self, obj: Mapping[str, Any]) -> Pod:
        item = _item(Kind.POD, obj)
        return Pod(
            item.kind,
            item.key,
            item.labels,
            item.owner,
            uid=str(objects.metadata(obj).get("uid") or ""),
            phase=pods.phase(obj),
            status=pods.displayed_status(obj),
            meshed=item.labels.get(CONTROL_PLANE_NS_LABEL) == self.mesh and pods.has_proxy(obj),
            address=pods.address(obj),
            admin_port=pods.admin_port(obj),
            service_account=pods.service_account(obj),
            ready=pods.is_ready(obj),
            changed=pods.readiness_changed(obj),
            restarts=pods.restarts(obj),
            started=pods.started(obj),
            images=pods.images(obj),
            proxy_version=pods.proxy_version(obj),
        )


def _item(kind: Kind, obj: Mapping[str, Any]) -> Item:
    return Item(kind, objects.key(obj), dict(objects.labels(obj)), _owner(obj))


def _owner(obj: Mapping[str, Any]) -> Owner | None:
    for reference in objects.sequence(objects.metadata(obj).get("ownerReferences")):
        kind = str(reference.get("kind") or "").lower()
        if reference.get("controller") and kind in OWNERS:
            return Owner(Kind(kind), str(reference.get("name") or ""))
    return None
