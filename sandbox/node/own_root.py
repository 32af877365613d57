"""Making our root directory the root of a mount namespace of our own, where it is not.

In a chroot the namespace's root is still the machine's. A container does not notice: runc pivots
away from *our* root. But whoever joins its mount namespace later, as `runc exec` does, lands at
the namespace's root: outside the container, and outside the chroot. So a sandbox in a chroot
first leaves it for a namespace in which the chroot's directory is all there is.

To be called before the process has threads: namespaces belong to threads. `python -m
sandbox.node.own_root COMMAND...` does it for a command.
"""

import ctypes
import os
import platform
import sys

_CLONE_NEWNS = 0x00020000
_MNT_DETACH = 2
_MS_REC_PRIVATE = 0x4000 | 0x40000
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_libc = ctypes.CDLL(None, use_errno=True)


def in_chroot() -> bool:
    """Whether our root is another than that of our mount namespace."""
    child = os.fork()
    if child == 0:
        different = 2
        try:
            processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)  # the machine may have none
            before = _root_mount(processes)
            _join_own_namespace()
            different = int(_root_mount(processes) != before)
        finally:
            os._exit(different)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, 1):
        raise OSError(
            "cannot tell whether this is a chroot: joining our own mount namespace failed"
        )
    return code == 1


def own_root() -> None:
    """Do it if it is needed. Raises OSError, also when the chroot's directory is not a mount point."""
    if not in_chroot():
        return
    _check(_libc.unshare(_CLONE_NEWNS), "unshare")
    directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY)  # of the new namespace's own mounts
    try:
        _join_own_namespace()
        _check(_libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC_PRIVATE), None), "make private")
        os.fchdir(directory)
        number = _PIVOT_ROOT[platform.machine()]
        _check(_libc.syscall(number, b".", b"."), "pivot_root")
        _check(_libc.umount2(b".", _MNT_DETACH), "umount")  # the old root, now on top of ours
        os.chdir("/")
    finally:
        os.close(directory)


def _join_own_namespace() -> None:
    """Joining a mount namespace, even one's own, moves a process to that namespace's root."""
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    try:
        _check(_libc.setns(namespace, _CLONE_NEWNS), "setns")
    finally:
        os.close(namespace)


def _root_mount(processes: int) -> str:
    """The id of the mount our root is on, as the /proc behind the descriptor tells it."""
    directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        info = os.open(f"{os.getpid()}/fdinfo/{directory}", os.O_RDONLY, dir_fd=processes)
        with open(info) as lines:
            return next(line.split()[1] for line in lines if line.startswith("mnt_id:"))
    finally:
        os.close(directory)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    here = os.getcwd()
    own_root()
    os.chdir(here)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command it was given
