"""Ending the cluster and leaving the machine as it was: also after a crash, also twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kubernetes.cluster import control_plane, node
from tests.kubernetes.cluster.places import NODE_BRIDGE, POD_BRIDGE
from tests.kubernetes.cluster.processes import stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kubernetes.cluster.places import Places

_NFT_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))


def down(places: Places) -> None:
    """State is thrown away, so only containerd gets a gentle end."""
    stop(places, *node.COMPONENTS, *control_plane.COMPONENTS, at_once=True)
    _kill_containers(places)
    stop(places, "containerd")
    _kill_shims(places)
    _unmount(places)
    _remove_network()
    _restore_sysctls(places.run / "sysctls.json")
    _remove_cgroups()
    shutil.rmtree(places.run, ignore_errors=True)


def _kill_containers(places: Places) -> None:
    """Every process of every pod, found by the cgroups that kubelet made."""
    if not places.run.exists():
        return
    for listing in _pod_cgroups():
        for pid in _numbers(listing / "cgroup.procs"):
            _kill(pid)
    time.sleep(0.2)  # shims report the ends before containerd goes


def _kill_shims(places: Places) -> None:
    """containerd leaves its shims running by design; ours are known by the socket they name."""
    wanted = f"-address {places.containerd_socket}"
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if words.startswith("/usr/bin/containerd-shim") and wanted in words:
            _kill(int(process.name))


def _unmount(places: Places) -> None:
    for _ in range(3):
        points = [
            line.split()[1]
            for line in Path("/proc/self/mounts").read_text().splitlines()
            if line.split()[1].startswith(f"{places.run}/")
        ]
        for point in sorted(points, reverse=True):
            _quietly("umount", "--lazy", point)


def _remove_network() -> None:
    for namespace in sorted(Path("/run/netns").glob("cni-*")):
        _quietly("ip", "netns", "delete", namespace.name)
    for bridge in (POD_BRIDGE, NODE_BRIDGE):
        _quietly("ip", "link", "delete", bridge)
    for family, table in _NFT_TABLES:
        _quietly("nft", "delete", "table", family, table)
    for command in ("iptables", "ip6tables"):
        for table in ("nat", "filter", "mangle"):
            _remove_chains(command, table)


def _remove_chains(command: str, table: str) -> None:
    """kubelet's and the CNI plugins' chains, and the rules that lead into them; no others."""
    listing = subprocess.run(
        [command, "-w", "-t", table, "-S"], capture_output=True, text=True, check=False
    ).stdout
    chains = re.findall(r"^-N ((?:KUBE|CNI)-\S+)$", listing, re.MULTILINE)
    for rule in listing.splitlines():
        if (
            rule.startswith("-A ")
            and not rule.startswith(("-A KUBE-", "-A CNI-"))
            and any(f"-j {chain}" in rule for chain in chains)
        ):
            _quietly("sh", "-c", f"{command} -w -t {table} {rule.replace('-A', '-D', 1)}")
    for flag in ("-F", "-X"):
        for chain in chains:
            _quietly(command, "-w", "-t", table, flag, chain)


def _restore_sysctls(saved: Path) -> None:
    if saved.exists():
        for name, value in json.loads(saved.read_text()).items():
            _quietly("sysctl", "-qw", f"{name}={value}")


def _remove_cgroups() -> None:
    for folder in sorted(_pod_cgroups(), key=lambda path: -len(path.parts)):
        try:
            folder.rmdir()
        except OSError:
            continue


def _pod_cgroups() -> Iterator[Path]:
    for root in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")):
        for name in ("kubepods", "k8s.io"):
            # What ends meanwhile takes its own away: `walk` minds that as little as we do.
            for folder, _, _ in os.walk(root / name):
                yield Path(folder)


def _numbers(path: Path) -> list[int]:
    """Process ids; a process of another pid namespace shows as 0, which would mean our own group."""
    try:
        return [number for line in path.read_text().split() if (number := int(line))]
    except OSError:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _quietly(*command: str) -> None:
    """What is not there needs no removal."""
    subprocess.run(command, capture_output=True, check=False)
