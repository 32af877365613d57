"""The whole cluster, in order: returns when the node is ready and DNS answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.demo.terminal import KUBECTL
from tests.kubernetes.cluster import build, pki
from tests.kubernetes.cluster.control_plane import start_control_plane
from tests.kubernetes.cluster.down import down
from tests.kubernetes.cluster.node import start_node
from tests.kubernetes.cluster.places import DEBIAN_PACKAGES, NODE, NODE_BRIDGE, NODE_IP, SOURCE
from tests.kubernetes.cluster.processes import ClusterError, run, wait_until
from tests.kubernetes.cluster.runtime import start_runtime

if TYPE_CHECKING:
    from tests.kubernetes.cluster.places import Places

_SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    "fs.inotify.max_user_instances": "1024",
    # One table for all network namespaces: the usual 1,024 neighbours are those of 180 pods.
    "net.ipv4.neigh.default.gc_thresh2": "4096",
    "net.ipv4.neigh.default.gc_thresh3": "8192",
}


def up(places: Places) -> None:
    """Raises ClusterError; what was started until then stays for `down` and for reading logs.

    What a run that was cut off has left is cleared away first.
    """
    if places.run.exists():
        down(places)
    install_packages()
    programs = build.programs(places)
    places.run.mkdir(parents=True, exist_ok=True)
    pki.make(places)
    _set_sysctls(places.run / "sysctls.json")
    _add_node_address()
    start_runtime(places, programs)
    start_control_plane(places, programs["kube"])
    start_node(places, programs["kube"])
    wait_until(
        "the default service account exists", lambda: _exists(places, "sa/default"), seconds=60
    )
    kubectl(places, "apply", "-f", str(SOURCE / "manifests/dns.yaml"))
    wait_until("the node is ready", lambda: _node_ready(places), seconds=90)
    kubectl(places, "-n", "kube-system", "rollout", "status", "deploy/coredns", "--timeout=90s")


def kubectl(places: Places, *arguments: str, given: str | None = None) -> str:
    """Run kubectl as the cluster's administrator. Raises ClusterError."""
    env = {"KUBECONFIG": str(places.kubeconfig())}
    return run(*KUBECTL, *arguments, given=given, env=env)


def install_packages() -> None:
    """The Debian packages that this cluster needs beyond the project's own list."""
    missing = [name for name in DEBIAN_PACKAGES if not _installed(name)]
    if missing:
        run("apt-get", "update", "-qq")
        run(
            "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing,
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip


def _installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    result = subprocess.run(query, capture_output=True, text=True, check=False)
    return result.stdout == "installed"


def _set_sysctls(saved: Path) -> None:
    """Remember what they were: `down` puts them back."""
    before = {}
    for name, value in _SYSCTLS.items():
        try:
            before[name] = run("sysctl", "-n", name).strip()
        except ClusterError:  # a kernel without bridge netfilter has none to set
            continue
        run("sysctl", "-qw", f"{name}={value}")
    saved.write_text(json.dumps(before))


def _add_node_address() -> None:
    if not shutil.which("ip"):
        raise ClusterError("`ip` is missing: install the package iproute2")
    if Path("/sys/class/net", NODE_BRIDGE).exists():
        raise ClusterError(
            f"the interface {NODE_BRIDGE} is there already: another such cluster runs on this machine, or one"
            f" was killed whose files are gone, and then `ip link delete {NODE_BRIDGE}` removes it"
        )
    run("ip", "link", "add", NODE_BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{NODE_IP}/32", "dev", NODE_BRIDGE)
    run("ip", "link", "set", NODE_BRIDGE, "up")


def _exists(places: Places, name: str) -> bool:
    try:
        kubectl(places, "get", name)
    except ClusterError:
        return False
    return True


def _node_ready(places: Places) -> bool:
    query = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    try:
        return kubectl(places, "get", "node", NODE, "-o", query) == "True"
    except ClusterError:
        return False
