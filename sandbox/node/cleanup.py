"""Removing all that is ours from the host, whoever left it: this daemon, or one that died.

Everything is found by its name or place, not by memory: containers in our runc directory,
namespaces `weft-pod-*`, interfaces `wv*` and the bridge, mounts below our directories, our cgroups.
"""

import contextlib
import os
import shutil
from pathlib import Path

from sandbox.node import cgroups, mounts, netns
from sandbox.node.network import NAMESPACE_PREFIX, Network, own_interfaces
from sandbox.node.paths import Paths
from sandbox.node.process import CommandError, run
from sandbox.node.runtime import Runc


async def remove_everything(paths: Paths, *, network: bool = True) -> None:
    """Leave nothing but the images. Safe to call at any time when no agent runs; never raises for absence.

    With `network` false the bridge, interfaces and the host's settings stay, as for another agent beside.
    """
    await _remove_containers(Runc(paths.runc))
    await _remove_namespaces(paths)
    mounts.unmount_below(paths.pods)
    mounts.unmount_below(paths.memory)
    for directory in (paths.pods, paths.memory, paths.runc):
        shutil.rmtree(directory, ignore_errors=True)
    if network:
        await Network(paths).down()
        cgroups.remove_all()


def leftovers(paths: Paths) -> list[str]:
    """What of ours is still on this host, one line each: empty after a clean end."""
    found = [f"namespace {one}" for one in _names(netns.NAMESPACES, NAMESPACE_PREFIX)]
    found += [f"interface {one}" for one in own_interfaces()]
    found += [f"mount {one}" for one in mounts.mounted_below(paths.state)]
    found += [f"container {one}" for one in _names(paths.runc, "")]
    return found


async def _remove_containers(runc: Runc) -> None:
    with contextlib.suppress(CommandError, FileNotFoundError):
        for container in await runc.containers():
            await runc.delete(container)


async def _remove_namespaces(paths: Paths) -> None:
    """Only those of pods we have a directory for: another sandbox may run beside this one."""
    for pod in _names(paths.pods, ""):
        with contextlib.suppress(CommandError):
            await run("ip", "netns", "delete", NAMESPACE_PREFIX + pod)


def _names(directory: Path, prefix: str) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return sorted(one for one in os.listdir(directory) if one.startswith(prefix))
    return []
