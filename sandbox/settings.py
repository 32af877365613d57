"""Where the sandbox keeps things and which addresses it uses."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from weft.names import CLUSTER_DOMAIN

NODE = "sandbox"
BRIDGE = "weft0"
BRIDGE_ADDRESS = IPv4Address("10.244.0.1")
SERVICE_RANGE = IPv4Network("10.96.0.0/16")
DNS_ADDRESS = IPv4Address("10.96.0.10")
API_PORT = 6443
"""Asked for first; any free port when somebody has it. The kubeconfig says which."""
START_WITHIN = 10.0
"""Seconds the sandbox has to come up."""
STOP_WITHIN = 40.0
"""Seconds it has to go down before it is ended hard: pods' grace is cut to fit."""
POD_GRACE = 5
"""Seconds each pod has to stop when the whole sandbox goes down."""


@dataclass(frozen=True, slots=True)
class Settings:
    run: Path = Path("/run/weft-sandbox")
    """What is true only while it runs; gone after ``down``."""
    state: Path = Path("/var/lib/weft-sandbox")
    """Pods while it runs, and images, which stay for the next start."""
    cluster_domain: str = CLUSTER_DOMAIN
    api_port: int = API_PORT

    @property
    def kubeconfig(self) -> Path:
        return self.run / "kubeconfig"

    @property
    def record(self) -> Path:
        return self.run / "daemon.json"

    @property
    def log(self) -> Path:
        """Of the latest daemon; it stays when the daemon goes, for whoever asks why."""
        return self.state / "daemon.log"
