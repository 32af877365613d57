"""Where the node keeps things. One value, so that tests give the node a directory of their own."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """Two roots: what may be large and survive a boot, and what is only true while running."""

    state: Path = Path("/var/lib/weft-sandbox")
    run: Path = Path("/run/weft-sandbox")

    @property
    def images(self) -> Path:
        return self.state / "images"

    @property
    def pods(self) -> Path:
        return self.state / "pods"

    @property
    def memory(self) -> Path:
        """A tmpfs: secrets and tokens never reach a disk."""
        return self.state / "memory"

    @property
    def runc(self) -> Path:
        return self.run / "runc"

    @property
    def saved_sysctls(self) -> Path:
        return self.run / "sysctls.json"

    def pod(self, uid: str) -> Path:
        return self.pods / uid

    def container(self, uid: str, container: str) -> Path:
        return self.pods / uid / "containers" / container

    def logs(self, uid: str, container: str) -> Path:
        return self.pods / uid / "logs" / container

    def volumes(self, uid: str) -> Path:
        return self.pods / uid / "volumes"

    def secrets(self, uid: str) -> Path:
        return self.memory / "secrets" / uid

    def shared_memory(self, uid: str) -> Path:
        return self.memory / "shm" / uid
