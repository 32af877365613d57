"""Sockets inside a pod's network namespace, from the host that runs the pod.

A socket belongs to the namespace it was made in, for ever; the thread that makes it enters the
namespace and ends, so no thread of ours is left standing in a pod's network.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PROCESSES = Path("/proc")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def find(ip: str) -> Path:
    """The namespace that has this address, held open for as long as we run. Raises LookupError.

    Found by the processes in it: its name may be in a mount namespace that we cannot see.
    """
    seen: set[int] = set()
    for link in _PROCESSES.glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):  # of a process that ended meanwhile
            descriptor = os.open(link, os.O_RDONLY)
            namespace = _PROCESSES / str(os.getpid()) / "fd" / str(descriptor)
            inode = os.fstat(descriptor).st_ino
            if inode not in seen and ip in _addresses(namespace):
                return namespace
            seen.add(inode)
            os.close(descriptor)
    raise LookupError(f"no process is in a network namespace that has the address {ip}")


def forget_neighbour(namespace: Path, ip: str) -> None:
    """Let those in a namespace ask anew who has an address. Otherwise they go on sending to the link
    of its last owner, for up to a minute where the network does not announce the next one."""
    subprocess.run(
        ["nsenter", f"--net={namespace}", "ip", "neighbour", "flush", "to", ip],
        check=True,
    )


def make_socket(namespace: Path, make: Callable[[], socket.socket]) -> socket.socket:
    """What `make` returns, made inside the namespace. Raises what `make` raises, or OSError."""
    made: list[socket.socket] = []
    failures: list[OSError] = []

    def inside() -> None:
        try:
            _enter(namespace)
            made.append(make())
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return made[0]


def connect(namespace: Path, address: tuple[str, int], *, timeout: float = 5.0) -> socket.socket:
    """A TCP connection as from the pod itself. Raises OSError."""
    return make_socket(namespace, lambda: socket.create_connection(address, timeout))


def _enter(namespace: Path) -> None:
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(namespace))
    finally:
        os.close(descriptor)


def _addresses(namespace: Path) -> set[str]:
    result = subprocess.run(
        ["nsenter", f"--net={namespace}", "ip", "-j", "address"],
        capture_output=True,
        text=True,
        check=True,
    )
    links = json.loads(result.stdout)
    return {one["local"] for link in links for one in link.get("addr_info", []) if "local" in one}
