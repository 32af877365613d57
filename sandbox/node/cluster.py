"""What the node needs of the cluster, as a protocol: tests give it a small one of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from sandbox.node.objects import Object


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    expires_at: float
    """Seconds since the epoch."""


class Cluster(Protocol):
    """Synchronous: the store lives in the same process. Objects that come out are not changed."""

    def config_map(self, namespace: str, name: str) -> Object | None: ...

    def secret(self, namespace: str, name: str) -> Object | None: ...

    def services(self, namespace: str) -> tuple[Object, ...]:
        """The services of the namespace, and `kubernetes` of `default`."""
        ...

    def pod(self, namespace: str, name: str) -> Object | None: ...

    def set_status(self, pod: Object, change: Callable[[Object], Object]) -> None:
        """Replace the pod's status by what `change` makes of the present pod; nothing if it is gone."""
        ...

    def remove(self, pod: Object) -> None:
        """The pod's end: nothing of it runs any more. Being gone already is fine."""
        ...

    def event(
        self,
        about: Object,
        kind: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        field: str,
    ) -> None:
        """`field` is the path inside `about`, such as `spec.containers{web}`, or empty."""
        ...

    def token(self, pod: Object, audience: str | None, seconds: int) -> Token:
        """A token of the pod's service account, bound to the pod. Raises LookupError without one."""
        ...
