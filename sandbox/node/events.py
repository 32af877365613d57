"""Kubernetes events about pods: the same said again is counted, not repeated."""

import secrets
from collections import OrderedDict
from collections.abc import Callable

from sandbox.apiserver.errors import ApiError
from sandbox.apiserver.kinds import EVENT
from sandbox.apiserver.store import Store
from sandbox.node.objects import Object, name, namespace, rfc3339, uid

COMPONENT = "kubelet"
_REMEMBERED = 4096


class Events:
    """Writes events into the store, by the name the kubelet signs with."""

    def __init__(self, store: Store, node: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._node = node
        self._clock = clock
        self._said: OrderedDict[tuple[str, ...], tuple[str, str]] = OrderedDict()

    def say(self, about: Object, kind: str, reason: str, message: str, field: str = "") -> None:
        """Tell people; a namespace that is going takes no more events, which is fine."""
        key = (uid(about), kind, reason, message, field)
        try:
            if self._again(key):
                return
            event = self._event(about, kind, reason, message, field)
            stored = self._store.create(EVENT, event)
        except ApiError:
            return
        self._said[key] = namespace(stored), name(stored)
        if len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)

    def _again(self, key: tuple[str, ...]) -> bool:
        """Count the event up, if it was said before and is still there."""
        where = self._said.get(key)
        if where is None or self._store.find(EVENT, *where) is None:
            return False
        now = rfc3339(self._clock())

        def count(event: Object) -> None:
            event["count"] = int(event.get("count") or 1) + 1
            event["lastTimestamp"] = now

        self._store.mutate(EVENT, *where, count)
        return True

    def _event(self, about: Object, kind: str, reason: str, message: str, field: str) -> Object:
        now = rfc3339(self._clock())
        involved: Object = {
            "apiVersion": about.get("apiVersion", "v1"),
            "kind": about.get("kind", "Pod"),
            "namespace": namespace(about),
            "name": name(about),
            "uid": uid(about),
            "resourceVersion": about.get("metadata", {}).get("resourceVersion", ""),
        }
        if field:
            involved["fieldPath"] = field
        return {
            "metadata": {
                "name": f"{name(about)}.{secrets.token_hex(8)}",
                "namespace": namespace(about) or "default",
            },
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": COMPONENT, "host": self._node},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._node,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "eventTime": None,
        }
