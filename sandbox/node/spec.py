"""From a container of a pod to the OCI runtime specification that runc reads. Pure."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.node.capabilities import granted
from sandbox.node.env import ConfigError, expand
from sandbox.node.images import ImageConfig
from sandbox.node.objects import Object, host_network, spec
from sandbox.node.resources import cgroup_resources
from sandbox.node.users import User

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_MASKED = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
]
_READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or directory of the host at a place in the container."""

    source: Path
    target: str
    read_only: bool = False
    propagation: str = "rprivate"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything a container's specification depends on beside its pod."""

    rootfs: Path
    image: ImageConfig
    user: User
    env: dict[str, str]
    hostname: str
    mounts: tuple[Mount, ...]
    network: Path | None
    """The network namespace; None for the host's."""
    cgroup: str
    """The path below every cgroup controller's root, or below our own place when relative."""
    held: frozenset[str]
    """The capabilities this process can pass on."""
    oom_score_adj: int
    cgroup_mount: bool = False
    """Whether /sys/fs/cgroup may be shown (unified hierarchy only)."""
    annotations: dict[str, str] = field(default_factory=dict)


def runtime_spec(pod: Object, container: Object, bundle: Bundle) -> Object:
    """The content of config.json. Raises ConfigError, CapabilityError, QuantityError."""
    context = container.get("securityContext") or {}
    privileged = bool(context.get("privileged"))
    return {
        "ociVersion": "1.0.2",
        "hostname": bundle.hostname if not host_network(pod) else "",
        "root": {
            "path": str(bundle.rootfs),
            "readonly": bool(context.get("readOnlyRootFilesystem")),
        },
        "process": process(container, bundle),
        "mounts": [
            *_system_mounts(privileged, bundle.cgroup_mount),
            *(_bind(one) for one in sorted(bundle.mounts, key=_depth)),
        ],
        "annotations": bundle.annotations,
        "linux": _linux(pod, container, bundle, privileged),
    }


def process(container: Object, bundle: Bundle) -> Object:
    """The container's first process. Raises ConfigError when nothing says what to run."""
    context = container.get("securityContext") or {}
    capabilities = granted(context, bundle.held)
    process: Object = {
        "terminal": bool(container.get("tty")),
        "user": {
            "uid": bundle.user.uid,
            "gid": bundle.user.gid,
            "additionalGids": list(bundle.user.groups),
        },
        "args": arguments(container, bundle.image, bundle.env),
        "env": [f"{key}={value}" for key, value in full_environment(bundle).items()],
        "cwd": str(container.get("workingDir") or bundle.image.workdir or "/"),
        "capabilities": {
            "bounding": capabilities,
            "effective": capabilities,
            "permitted": capabilities,
        },
        "noNewPrivileges": context.get("allowPrivilegeEscalation") is False,
        "oomScoreAdj": bundle.oom_score_adj,
    }
    return process


def arguments(container: Object, image: ImageConfig, env: dict[str, str]) -> list[str]:
    """What to run: the manifest's `command` silences the image's Cmd, its `args` replace it.

    Raises ConfigError when there is nothing to run.
    """
    command = [expand(str(one), env) for one in container.get("command") or ()]
    args = [expand(str(one), env) for one in container.get("args") or ()]
    if command:
        return command + args
    found = [*image.entrypoint, *(args or image.cmd)]
    if not found:
        raise ConfigError("no command specified")
    return found


def full_environment(bundle: Bundle) -> dict[str, str]:
    """The image's variables with the pod's on top, PATH, HOME and HOSTNAME always there."""
    image = dict(one.partition("=")[::2] for one in bundle.image.env)
    base = {"PATH": DEFAULT_PATH, "HOSTNAME": bundle.hostname, "HOME": bundle.user.home}
    return base | image | bundle.env


def _linux(pod: Object, container: Object, bundle: Bundle, privileged: bool) -> Object:
    namespaces: list[dict[str, str]] = [{"type": "mount"}]
    if not spec(pod).get("hostPID"):
        namespaces.append({"type": "pid"})
    if not spec(pod).get("hostIPC"):
        namespaces.append({"type": "ipc"})
    if not host_network(pod):
        namespaces.append({"type": "uts"})
    if bundle.network is not None:
        namespaces.append({"type": "network", "path": str(bundle.network)})
    if bundle.cgroup_mount:
        namespaces.append({"type": "cgroup"})
    resources = cgroup_resources(container)
    if privileged:
        resources["devices"] = [{"allow": True, "access": "rwm"}]
    return {
        "namespaces": namespaces,
        "resources": resources,
        "cgroupsPath": bundle.cgroup,
        "maskedPaths": [] if privileged else _MASKED,
        "readonlyPaths": [] if privileged else _READ_ONLY,
    }


def _system_mounts(privileged: bool, cgroup: bool) -> list[Object]:
    access = "rw" if privileged else "ro"
    quiet = ["nosuid", "noexec", "nodev"]

    def one(target: str, kind: str, *options: str) -> Object:
        return {"destination": target, "type": kind, "source": kind, "options": list(options)}

    mounts = [
        one("/proc", "proc", *quiet),
        one("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        one(
            "/dev/pts",
            "devpts",
            "nosuid",
            "noexec",
            "newinstance",
            "ptmxmode=0666",
            "mode=0620",
            "gid=5",
        ),
        one("/dev/mqueue", "mqueue", *quiet),
        one("/sys", "sysfs", *quiet, access),
    ]
    if cgroup:
        mounts.append(one("/sys/fs/cgroup", "cgroup", *quiet, "relatime", access))
    return mounts


def _bind(mount: Mount) -> Object:
    options = ["rbind", mount.propagation, "ro" if mount.read_only else "rw"]
    return {
        "destination": mount.target,
        "type": "bind",
        "source": str(mount.source),
        "options": options,
    }


def _depth(mount: Mount) -> tuple[int, str]:
    """Parents before what is mounted inside them."""
    return len(PurePosixPath(mount.target).parts), mount.target


def exec_process(base: dict[str, Any], command: list[str], *, tty: bool) -> Object:
    """The process `exec` runs: as the container's own, with another command line."""
    process = {**base, "args": command, "terminal": tty}
    if tty and not any(one.startswith("TERM=") for one in base["env"]):
        process["env"] = [*base["env"], "TERM=xterm"]
    return process
