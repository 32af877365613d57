"""What every pod of this node shares, and what one pod's containers share."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sandbox.node.addresses import GATEWAY
from sandbox.node.capabilities import held_by
from sandbox.node.cgroups import Hierarchy, detect
from sandbox.node.cluster import Cluster
from sandbox.node.downward import Facts
from sandbox.node.env import Sources
from sandbox.node.images import ImageStore
from sandbox.node.network import Network, PodNetwork
from sandbox.node.objects import Object, name, namespace
from sandbox.node.paths import Paths
from sandbox.node.runtime import Runc

NODE_NAME = "sandbox"
HOST_IP = str(GATEWAY)


@dataclass(frozen=True, slots=True)
class Host:
    """The node's tools."""

    paths: Paths
    cluster: Cluster
    images: ImageStore
    network: Network
    runc: Runc
    cgroups: Hierarchy
    held: frozenset[str]
    """Capabilities containers may be given."""
    allocatable: Mapping[str, Decimal]
    """`cpu` in cores, `memory` in bytes."""
    clock: Callable[[], float] = time.time


def this_host(paths: Paths, cluster: Cluster) -> Host:
    """The tools for the machine we are on."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Host(
        paths=paths,
        cluster=cluster,
        images=ImageStore(paths.images),
        network=Network(paths),
        runc=Runc(paths.runc),
        cgroups=detect(),
        held=held_by(Path("/proc/self/status").read_text()),
        allocatable={"cpu": Decimal(os.cpu_count() or 1), "memory": Decimal(pages * page)},
    )


@dataclass(slots=True)
class PodContext:
    """One pod as its containers see it. `pod` is always the latest known."""

    pod: Object
    host: Host
    network: PodNetwork | None = None

    def facts(self) -> Facts:
        address = str(self.network.address) if self.network else ""
        return Facts(NODE_NAME, HOST_IP, address, self.host.allocatable)

    def sources(self) -> Sources:
        cluster, where = self.host.cluster, namespace(self.pod)
        return Sources(
            config_map=lambda wanted: cluster.config_map(where, wanted),
            secret=lambda wanted: cluster.secret(where, wanted),
            services=cluster.services(where),
        )

    def normal(self, reason: str, message: str, field: str = "") -> None:
        self.host.cluster.event(self.pod, "Normal", reason, message, field)

    def warn(self, reason: str, message: str, field: str = "") -> None:
        self.host.cluster.event(self.pod, "Warning", reason, message, field)

    def __repr__(self) -> str:
        return f"<pod {namespace(self.pod)}/{name(self.pod)}>"
