"""Linux capabilities of a container: the usual set, plus and minus what its manifest says. Pure."""

from collections.abc import Mapping
from typing import Any

ALL = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]
"""In the kernel's order: the place in this list is the bit (include/uapi/linux/capability.h)."""

DEFAULT = frozenset(
    [
        "CHOWN",
        "DAC_OVERRIDE",
        "FSETID",
        "FOWNER",
        "MKNOD",
        "NET_RAW",
        "SETGID",
        "SETUID",
        "SETFCAP",
        "SETPCAP",
        "NET_BIND_SERVICE",
        "SYS_CHROOT",
        "KILL",
        "AUDIT_WRITE",
    ]
)
"""What containerd and Docker give a container that asks for nothing."""


class CapabilityError(ValueError):
    """A capability nobody knows."""


def granted(context: Mapping[str, Any], held: frozenset[str]) -> list[str]:
    """The capabilities of a container, as `CAP_NAME`, in the kernel's order.

    `held` is what this process may pass on; what it does not hold, no container gets.
    Raises CapabilityError for an unknown name.
    """
    if context.get("privileged"):
        wanted = set(ALL)
    else:
        asked = context.get("capabilities") or {}
        add, drop = _names(asked.get("add")), _names(asked.get("drop"))
        wanted = set() if "ALL" in drop else set(DEFAULT)
        wanted |= set(ALL) if "ALL" in add else add
        wanted -= drop - {"ALL"}
    return [f"CAP_{one}" for one in ALL if one in wanted and one in held]


def held_by(status: str) -> frozenset[str]:
    """The permitted capabilities in the text of a `/proc/PID/status`."""
    line = next(one for one in status.splitlines() if one.startswith("CapPrm:"))
    mask = int(line.split()[1], 16)
    return frozenset(one for bit, one in enumerate(ALL) if mask >> bit & 1)


def _names(entries: list[str] | None) -> set[str]:
    names = {str(one).upper().removeprefix("CAP_") for one in entries or ()}
    for one in sorted(names - {"ALL"} - set(ALL)):
        raise CapabilityError(f"unknown capability {one}: allowed are ALL and {', '.join(ALL)}")
    return names
