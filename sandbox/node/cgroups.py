"""Where containers' cgroups are, on either kind of hierarchy, and whether memory ran out in one.

On the unified hierarchy ours hang below the root, where controllers can be enabled; on the old
ones below the sandbox's own place, so that whatever bounds the sandbox bounds its containers.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PARENT = "weft-sandbox"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    unified: bool
    memory: Path
    """The directory below which `PARENT` has the memory controller."""

    def path(self, container: str) -> str:
        """What a runtime specification says in `cgroupsPath`."""
        return f"/{PARENT}/{container}" if self.unified else f"{PARENT}/{container}"

    def oom_killed(self, container: str) -> bool:
        """Whether the kernel ended a process of this container for want of memory."""
        name = "memory.events" if self.unified else "memory.oom_control"
        try:
            text = (self.memory / PARENT / container / name).read_text()
        except OSError:
            return False
        return any(
            line.startswith("oom_kill ") and line.split()[1] != "0" for line in text.splitlines()
        )


def detect() -> Hierarchy:
    if (ROOT / "cgroup.controllers").exists():
        return Hierarchy(True, ROOT)
    return Hierarchy(False, ROOT / "memory" / own_path(Path("/proc/self/cgroup").read_text()))


def own_path(text: str, controller: str = "memory") -> str:
    """Our place in one controller's hierarchy, relative to its root, from /proc/self/cgroup."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path.lstrip("/")
    return ""


def remove_all() -> None:
    """Take away every cgroup of ours in which nothing runs any more."""
    for directory, children, _ in os.walk(ROOT, topdown=False):
        for child in children:
            if child == PARENT:
                # Others may be removing the same: what is gone by now is fine.
                for one, _, _ in os.walk(Path(directory) / child, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(one)
