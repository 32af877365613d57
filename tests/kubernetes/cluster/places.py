"""Where things lie and which addresses are used. They differ from the sandbox's: both may run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent
NODE = "weft-node"
NODE_IP = "10.251.0.1"
"""On an empty bridge of its own: never loopback, never an address of the machine."""
NODE_BRIDGE = "weftk0"
POD_BRIDGE = "weftk-br0"
POD_SUBNET = "10.245.0.0/24"
SERVICE_RANGE = "10.97.0.0/16"
KUBERNETES_IP = "10.97.0.1"
DNS_IP = "10.97.0.10"
API_SERVER = "https://127.0.0.1:6443"
DEBIAN_PACKAGES = ("containerd", "containernetworking-plugins", "conntrack", "iptables", "nftables")


@dataclass(frozen=True, slots=True)
class Places:
    """`cache` outlives runs; everything of one run is below `run`."""

    cache: Path
    run: Path

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def logs(self) -> Path:
        return self.run / "log"

    @property
    def pids(self) -> Path:
        return self.run / "pid"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    def kubeconfig(self, user: str = "admin") -> Path:
        return self.run / f"{user}.conf"


def default_places() -> Places:
    home = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    return Places(home / "weft/kubernetes", Path("/var/lib/weft-kubernetes"))
