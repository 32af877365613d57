"""A container's directory on the host: its root file system, its specification, its last words."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sandbox.node import mounts
from sandbox.node.env import environment
from sandbox.node.etc_files import hostname
from sandbox.node.host import PodContext
from sandbox.node.images import Image
from sandbox.node.objects import Object, uid
from sandbox.node.resources import oom_score_adj
from sandbox.node.spec import Bundle, Mount, runtime_spec
from sandbox.node.users import user_of

_LAST_WORDS = 4096


@dataclass(frozen=True, slots=True)
class Prepared:
    """A container that can be started."""

    id: str
    directory: Path
    config: Object
    log: Path

    @property
    def rootfs(self) -> Path:
        return self.directory / "rootfs"

    @property
    def last_words(self) -> Path:
        return self.directory / "termination-log"


def prepare(
    context: PodContext,
    container: Object,
    image: Image,
    attempt: int,
    given: list[Mount],
    log: Path,
) -> Prepared:
    """Lay the image's layers under a fresh writable one and write everything runc needs.

    `given` are the pod's volumes and files. Raises ConfigError and its like, OSError.
    """
    host, pod = context.host, context.pod
    named = str(container["name"])
    identity = f"{uid(pod)}-{named}-{attempt}"
    directory = host.paths.container(uid(pod), named) / str(attempt)
    for part in ("upper", "work", "rootfs"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    words = directory / "termination-log"
    words.touch()
    words.chmod(0o666)
    rootfs = directory / "rootfs"
    mounts.overlay(rootfs, list(image.layers), directory / "upper", directory / "work")
    try:
        facts = context.facts()
        user = user_of(
            pod, container, image.config.user, _text(rootfs, "passwd"), _text(rootfs, "group")
        )
        path = str(container.get("terminationMessagePath") or "/dev/termination-log")
        bundle = Bundle(
            rootfs=rootfs,
            image=image.config,
            user=user,
            env=environment(pod, container, context.sources(), facts),
            hostname=hostname(pod),
            mounts=(*given, Mount(words, path)),
            network=context.network.namespace if context.network else None,
            cgroup=host.cgroups.path(identity),
            held=host.held,
            oom_score_adj=_allowed(oom_score_adj(pod, container, int(host.allocatable["memory"]))),
            cgroup_mount=host.cgroups.unified,
        )
        config = runtime_spec(pod, container, bundle)
    except BaseException:
        discard(directory)
        raise
    return Prepared(
        identity, directory, config, host.paths.logs(uid(pod), named) / f"{attempt}.log"
    )


def discard(directory: Path) -> None:
    """Remove a container's directory with what is mounted there."""
    mounts.unmount_below(directory)
    shutil.rmtree(directory, ignore_errors=True)


def last_words(prepared: Prepared) -> str:
    """What the container left as its termination message."""
    try:
        with prepared.last_words.open("rb") as file:
            return file.read(_LAST_WORDS).decode(errors="replace")
    except OSError:
        return ""


def _allowed(wanted: int) -> int:
    """Lowering one's own score needs a privilege that containers around us often lack."""
    return max(wanted, int(Path("/proc/self/oom_score_adj").read_text()))


def _text(rootfs: Path, name: str) -> str:
    """A file of the image's /etc; an absolute link in there is not followed out of the image."""
    path = rootfs / "etc" / name
    try:
        return "" if path.is_symlink() else path.read_text(errors="replace")
    except OSError:
        return ""
