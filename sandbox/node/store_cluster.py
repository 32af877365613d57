"""The cluster as the node sees it, on the API server's store in the same process."""

import time
from collections.abc import Callable
from typing import Literal

from sandbox.apiserver.errors import ConflictError, NotFoundError
from sandbox.apiserver.kinds import CONFIG_MAP, POD, SECRET, SERVICE, SERVICE_ACCOUNT
from sandbox.apiserver.store import Preconditions, Store
from sandbox.apiserver.tokens import Tokens
from sandbox.node.cluster import Token
from sandbox.node.events import Events
from sandbox.node.host import NODE_NAME
from sandbox.node.objects import Object, name, namespace, service_account, uid


class StoreCluster:
    """Implements `sandbox.node.cluster.Cluster`."""

    def __init__(
        self, store: Store, tokens: Tokens, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._events = Events(store, NODE_NAME, clock)

    def config_map(self, namespace: str, name: str) -> Object | None:
        return self._store.find(CONFIG_MAP, namespace, name)

    def secret(self, namespace: str, name: str) -> Object | None:
        return self._store.find(SECRET, namespace, name)

    def services(self, namespace: str) -> tuple[Object, ...]:
        own = tuple(self._store.list(SERVICE, namespace))
        if namespace == "default":
            return own
        master = self._store.find(SERVICE, "default", "kubernetes")
        return (*own, master) if master else own

    def pod(self, namespace: str, name: str) -> Object | None:
        return self._store.find(POD, namespace, name)

    def set_status(self, pod: Object, change: Callable[[Object], Object]) -> None:
        present = self.pod(namespace(pod), name(pod))
        if present is None or uid(present) != uid(pod):
            return
        kept = {
            key: value
            for key, value in (present.get("status") or {}).items()
            if key in _OTHERS_FIELDS
        }
        self._store.update_status(POD, {**present, "status": kept | change(present)})

    def remove(self, pod: Object) -> None:
        try:
            self._store.delete(
                POD,
                namespace(pod),
                name(pod),
                grace=0,
                preconditions=Preconditions(uid=uid(pod)),
            )
        except (NotFoundError, ConflictError):
            return

    def event(
        self,
        about: Object,
        kind: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        field: str,
    ) -> None:
        self._events.say(about, kind, reason, message, field)

    def token(self, pod: Object, audience: str | None, seconds: int) -> Token:
        account = self._store.find(SERVICE_ACCOUNT, namespace(pod), service_account(pod))
        if account is None:
            raise LookupError(f'serviceaccounts "{service_account(pod)}" not found')
        text, expires = self._tokens.issue(
            account, audiences=[audience] if audience else [], seconds=seconds, pod=pod
        )
        return Token(text, expires.timestamp())


_OTHERS_FIELDS = frozenset({"nominatedNodeName", "resourceClaimStatuses"})
"""Fields of a pod's status that are not the node's to write."""
