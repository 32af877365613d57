"""mount(2), umount2(2) and the list of what is mounted."""

import contextlib
import ctypes
import os
import re
from enum import IntFlag
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_MNT_DETACH = 2
_OCTAL = re.compile(r"\\([0-7]{3})")


class Flag(IntFlag):
    """The mount flags of mount(2) that the node uses."""

    NONE = 0
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    BIND = 4096


def mount(source: str, target: Path, kind: str, flags: Flag = Flag.NONE, data: str = "") -> None:
    """Raises OSError with the target's name."""
    done = _libc.mount(
        source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode()
    )
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {kind}: {os.strerror(number)}", str(target))


def unmount(target: Path) -> None:
    """Take it out of the tree at once, even while in use; not being mounted is fine."""
    if _libc.umount2(os.fsencode(target), _MNT_DETACH) != 0:
        number = ctypes.get_errno()
        if number not in (22, 2):  # EINVAL: not a mount point; ENOENT: not there
            raise OSError(number, f"umount: {os.strerror(number)}", str(target))


def tmpfs(target: Path, *, size: int | None = None, mode: int = 0o755) -> None:
    """A file system in memory; `size` in bytes, None for the kernel's default (half of memory)."""
    data = f"mode={mode:o}" + (f",size={size}" if size is not None else "")
    mount("tmpfs", target, "tmpfs", Flag.NOSUID | Flag.NODEV, data)


def overlay(target: Path, lower: list[Path], upper: Path, work: Path) -> None:
    """`lower` is listed top layer first."""
    joined = ":".join(str(one) for one in lower)
    mount("overlay", target, "overlay", data=f"lowerdir={joined},upperdir={upper},workdir={work}")


def mounted_below(root: Path, mountinfo: str | None = None) -> list[Path]:
    """Mount points at or below `root`, deepest and latest first: the order to unmount them in."""
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    points = [Path(_unescape(line.split()[4])) for line in text.splitlines()]
    return [point for point in reversed(points) if point == root or root in point.parents]


def unmount_below(root: Path) -> None:
    for point in mounted_below(root):
        with contextlib.suppress(OSError):
            unmount(point)


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
