"""The control plane's parts: which of them is down, and since when.

A part is down when none of its pods is ready. While it has pods, they say since when; when it has
none, it counts from when that was first seen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from web.stats.inventory import Inventory, Pod
from web.stats.kinds import Kind
from web.stats.query import Query, Ref
from weft.labels import CONTROL_PLANE_COMPONENT_LABEL

EXPECTED = ("destination", "identity", "proxy-injector", "web")
"""Parts without which there is no mesh; others are listed when they have a Deployment or a pod."""

CONSEQUENCE = {
    "destination": "Proxies keep the addresses they know and learn of no change.",
    "identity": "Certificates are not renewed; pods that start now do not get one.",
    "proxy-injector": "Pods that start now do not join the mesh.",
    "tap": "Live requests cannot be watched.",
}


@dataclass(frozen=True, slots=True)
class Component:
    """`down_since` in epoch seconds; None while it is up."""

    name: str
    pods: tuple[Pod, ...]
    down_since: float | None

    @property
    def consequence(self) -> str:
        """What goes wrong while it is down."""
        return CONSEQUENCE.get(self.name, "")


@dataclass
class Components:
    """Looks at the inventory when asked; remembers only since when a part has no pods."""

    inventory: Inventory
    clock: Callable[[], float]
    _missing: dict[str, float] = field(default_factory=dict, init=False)

    def now(self) -> list[Component]:
        """Every part, by name."""
        pods: dict[str, list[Pod]] = {name: [] for name in (*EXPECTED, *self._deployed())}
        for name, pod in self._pods():
            pods.setdefault(name, []).append(pod)
        return [
            Component(name, tuple(sorted(found, key=_name)), self._down_since(name, found))
            for name, found in sorted(pods.items())
        ]

    def _deployed(self) -> Iterator[str]:
        for item in self.inventory.select(Query(Ref(Kind.DEPLOYMENT, self.inventory.mesh))):
            name = item.labels.get(CONTROL_PLANE_COMPONENT_LABEL)
            if name:
                yield name

    def _pods(self) -> Iterator[tuple[str, Pod]]:
        for pod in self.inventory.pods():
            name = pod.labels.get(CONTROL_PLANE_COMPONENT_LABEL)
            if name and pod.key.namespace == self.inventory.mesh and not pod.is_done:
                yield name, pod

    def _down_since(self, name: str, pods: list[Pod]) -> float | None:
        if any(pod.ready for pod in pods):
            self._missing.pop(name, None)
            return None
        first_seen = self._missing.setdefault(name, self.clock())
        told = [pod.changed for pod in pods if pod.changed is not None]
        return min([first_seen, *told])


def _name(pod: Pod) -> str:
    return pod.key.name
