"""containerd with a bridge network, and the images it is given."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from deploy.images.layout import Config, write
from deploy.images.tarball import make_layer
from tests.kubernetes.cluster.places import POD_BRIDGE, POD_SUBNET
from tests.kubernetes.cluster.processes import ClusterError, run, start, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.kubernetes.cluster.places import Places

NETWORK = "weft-test"
"""The network's name; the addresses it gave out are kept in a folder of that name."""
PAUSE_IMAGE = "localhost/weft-test/pause:1"
COREDNS_IMAGE = "localhost/weft-test/coredns:1"

_CONFIG = """\
version = 2
root = "{run}/containerd"
state = "{run}/containerd-state"
[grpc]
  address = "{socket}"
[debug]
  level = "warn"
[plugins."io.containerd.internal.v1.opt"]
  path = "{run}/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  # Where the machine grants no CAP_SYS_RESOURCE, runc cannot lower a score and dies.
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{run}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def start_runtime(places: Places, programs: Mapping[str, Path]) -> None:
    """Returns when containerd answers and has the images a node needs for itself."""
    config = places.run / "containerd.toml"
    config.write_text(
        _CONFIG.format(run=places.run, socket=places.containerd_socket, pause=PAUSE_IMAGE)
    )
    _write_network(places)
    start_containerd(places)
    with tempfile.TemporaryDirectory() as folder:
        for image, program in ((PAUSE_IMAGE, "pause"), (COREDNS_IMAGE, "coredns")):
            load(places, [_program_image(Path(folder), image, programs[program], program)])


def start_containerd(places: Places) -> None:
    """As it was configured; returns when it answers. What ran before goes on running."""
    start(places, "containerd", "/usr/bin/containerd", "--config", f"{places.run}/containerd.toml")
    wait_until("containerd answers", lambda: _answers(places), seconds=30)


def load(places: Places, layouts: Iterable[Path]) -> None:
    """Give containerd images that lie as OCI layouts. Raises ClusterError."""
    for layout in layouts:
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            with tarfile.open(archive.name, "w") as packed:
                packed.add(layout, arcname=".")
            run(*ctr(places), "images", "import", "--no-unpack=false", archive.name)


def pods_shim(places: Places, namespace: str, pod: str) -> int:
    """The process id of the shim that holds a pod's containers. Raises ClusterError."""
    label = f'labels."io.kubernetes.pod.name"=={pod}'
    where = f'labels."io.kubernetes.pod.namespace"=={namespace}'
    found = run(*ctr(places), "containers", "list", "--quiet", f"{label},{where}").split()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[0].endswith("/containerd-shim-runc-v2") and set(words) & set(found):
            return int(process.name)
    raise ClusterError(f"no shim holds {namespace}/{pod}")


def next_pod_address(places: Places, address: str) -> None:
    """Make this the address that the next pod gets, if nobody has it then."""
    folder = places.run / "cni-addresses" / NETWORK
    (folder / "last_reserved_ip.0").write_text(str(IPv4Address(address) - 1))


def ctr(places: Places) -> tuple[str, ...]:
    return ("ctr", "--address", str(places.containerd_socket), "--namespace", "k8s.io")


def _answers(places: Places) -> bool:
    """Whether it takes the calls of a kubelet, which come last: a kubelet that finds none ends."""
    with grpc.insecure_channel(f"unix://{places.containerd_socket}") as channel:
        version: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/runtime.v1.RuntimeService/Version"
        )
        try:
            version(b"", timeout=2)
        except grpc.RpcError:
            return False
    return True


def _write_network(places: Places) -> None:
    bridge = {
        "type": "bridge",
        "bridge": POD_BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "dataDir": f"{places.run}/cni-addresses",
            "ranges": [[{"subnet": POD_SUBNET}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    network = {"cniVersion": "0.4.0", "name": NETWORK, "plugins": [bridge, ports]}
    folder = places.run / "cni"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10-weft.conflist").write_text(json.dumps(network))


def _program_image(folder: Path, image: str, program: Path, name: str) -> Path:
    """An image that holds one static program."""
    root = folder / f"{name}-root"
    for part in ("tmp", "etc", "proc", "sys", "dev"):
        (root / part).mkdir(parents=True, exist_ok=True)
    shutil.copy(program, root / name)
    layer = make_layer(root, folder / f"{name}.tar", compress=False)
    write(folder / name, image, [layer], Config("", (f"/{name}",), (), "/", {}))
    return folder / name
