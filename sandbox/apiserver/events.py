"""Kubernetes events: what a component wants people to read about an object."""

from collections import OrderedDict

from sandbox.apiserver import objects
from sandbox.apiserver.errors import ApiError
from sandbox.apiserver.kinds import EVENT, Kind
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.store import Store
from sandbox.apiserver.watch import Change

REMEMBERED = 2048
KEPT = 2000
"""How many events the cluster holds; the oldest go first. A real cluster keeps an hour of them."""


class Recorder:
    """`recorder(about, "Normal", "Scheduled", "...")`. The same said again is counted."""

    def __init__(self, store: Store, component: str, host: str = "") -> None:
        self._store = store
        self._component = component
        self._host = host
        self._said: OrderedDict[tuple[str, ...], tuple[str, str]] = OrderedDict()

    def __call__(self, about: Obj, kind: str, reason: str, message: str) -> None:
        """Never fails: an event that cannot be stored (its namespace is gone) is dropped."""
        key = (objects.uid_of(about), kind, reason, message)
        try:
            where = self._said.get(key)
            if where is not None and self._store.find(EVENT, *where) is not None:
                self._store.mutate(EVENT, *where, self._count)
                return
            stored = self._store.create(EVENT, self._event(about, kind, reason, message))
        except ApiError:
            return
        self._said[key] = (objects.namespace_of(stored), objects.name_of(stored))
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)

    def _count(self, event: Obj) -> None:
        event["count"] = int(event.get("count") or 1) + 1
        event["lastTimestamp"] = objects.timestamp(self._store.clock())

    def _event(self, about: Obj, kind: str, reason: str, message: str) -> Obj:
        now = objects.timestamp(self._store.clock())
        namespace = objects.namespace_of(about) or "default"
        source = {"component": self._component}
        if self._host:
            source["host"] = self._host
        return {
            "metadata": {
                "name": f"{objects.name_of(about)}.{objects.random_suffix(16)}",
                "namespace": namespace,
            },
            "involvedObject": {
                "apiVersion": about.get("apiVersion", "v1"),
                "kind": about.get("kind", ""),
                "name": objects.name_of(about),
                "namespace": objects.namespace_of(about),
                "uid": objects.uid_of(about),
                "resourceVersion": objects.metadata(about).get("resourceVersion", ""),
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "source": source,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "eventTime": None,
        }


def bound(store: Store, kept: int = KEPT) -> None:
    """Keeps at most `kept` events from here on: each one too many takes the oldest away."""
    order: OrderedDict[tuple[str, str], None] = OrderedDict()

    def follow(kind: Kind, change: Change) -> None:
        obj = change.after or change.before
        if kind.key != EVENT.key or obj is None:
            return
        key = (objects.namespace_of(obj), objects.name_of(obj))
        order.pop(key, None)
        if change.after is None:
            return
        order[key] = None
        while len(order) > kept:
            oldest, _ = order.popitem(last=False)
            if store.find(EVENT, *oldest) is not None:
                store.delete(EVENT, *oldest)

    store.observe(follow)
