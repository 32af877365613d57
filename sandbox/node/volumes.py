"""A pod's volumes on the host: made before its containers, kept fresh, removed after them."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.node import atomic, mounts
from sandbox.node.atomic import Owner
from sandbox.node.objects import Object, spec, uid
from sandbox.node.paths import Paths
from sandbox.node.payload import KINDS, Origin, VolumeError, check_path, payload
from sandbox.node.spec import Mount
from sandbox.node.users import fs_user
from weft.quantities import parse_quantity, whole

_IN_MEMORY = ("secret", "projected")
_SUPPORTED = ("emptyDir", "hostPath", *KINDS)


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume of a pod and the directory or file of the host that it is."""

    name: str
    source: Mapping[str, Any]
    path: Path

    @property
    def read_only(self) -> bool:
        return any(kind in self.source for kind in KINDS)


class Volumes:
    """The volumes of one pod."""

    def __init__(self, pod: Object, paths: Paths) -> None:
        self._paths = paths
        self._uid = uid(pod)
        context = spec(pod).get("securityContext") or {}
        group = context.get("fsGroup")
        self._owner = Owner(None if group is None else int(group), fs_user(pod))
        self._volumes = {
            str(one["name"]): Volume(str(one["name"]), one, self._place(one))
            for one in spec(pod).get("volumes") or ()
        }

    async def set_up(self, origin: Origin) -> None:
        """Make all of them. Raises VolumeError with the volume's name."""
        for volume in self._volumes.values():
            try:
                await asyncio.to_thread(self._make, volume, origin)
            except (OSError, ValueError, VolumeError) as error:
                raise VolumeError(
                    f'MountVolume.SetUp failed for volume "{volume.name}" : {error}'
                ) from error

    async def refresh(self, origin: Origin) -> None:
        """Bring changed content into volumes that carry any. Raises VolumeError."""
        for volume in self._volumes.values():
            if volume.read_only:
                try:
                    files = payload(volume.source, origin)
                    await asyncio.to_thread(atomic.write, volume.path, files, self._owner)
                except (OSError, ValueError) as error:
                    raise VolumeError(f'volume "{volume.name}": {error}') from error

    def mounts(self, container: Object) -> list[Mount]:
        """Where a container wants them. Raises VolumeError."""
        return [self._mount(one) for one in container.get("volumeMounts") or ()]

    async def tear_down(self) -> None:
        await asyncio.to_thread(self._remove)

    def _place(self, volume: Mapping[str, Any]) -> Path:
        if host := volume.get("hostPath"):
            return Path(str(host["path"]))
        if any(kind in volume for kind in _IN_MEMORY):
            return self._paths.secrets(self._uid) / str(volume["name"])
        return self._paths.volumes(self._uid) / str(volume["name"])

    def _make(self, volume: Volume, origin: Origin) -> None:
        if host := volume.source.get("hostPath"):
            _check_host_path(volume.path, str(host.get("type") or ""))
        elif "emptyDir" in volume.source:
            self._empty(volume.path, volume.source["emptyDir"] or {})
        elif volume.read_only:
            atomic.write(volume.path, payload(volume.source, origin), self._owner)
        else:
            kinds = ", ".join(sorted(set(volume.source) - {"name"}))
            raise VolumeError(f"{kinds} is not supported: allowed are {', '.join(_SUPPORTED)}")

    def _empty(self, path: Path, source: Mapping[str, Any]) -> None:
        if path.exists():
            return
        path.mkdir(parents=True)
        if source.get("medium") == "Memory":
            limit = source.get("sizeLimit")
            size = None if limit is None else whole(parse_quantity(limit))
            mounts.tmpfs(path, size=size, mode=0o777)
        path.chmod(0o777)
        if self._owner.group is not None:
            os.chown(path, -1, self._owner.group)
            path.chmod(0o2777)

    def _mount(self, mount: Mapping[str, Any]) -> Mount:
        name = str(mount["name"])
        volume = self._volumes.get(name)
        if volume is None:
            raise VolumeError(f'container mounts the volume "{name}", which the pod does not have')
        source = volume.path
        if sub := str(mount.get("subPath") or ""):
            source = self._sub_path(volume, sub)
        propagation = {"HostToContainer": "rslave", "Bidirectional": "rshared"}
        return Mount(
            source,
            str(mount["mountPath"]),
            read_only=bool(mount.get("readOnly")) or volume.read_only,
            propagation=propagation.get(str(mount.get("mountPropagation")), "rprivate"),
        )

    def _sub_path(self, volume: Volume, sub: str) -> Path:
        check_path(sub)
        found = (volume.path / sub).resolve()
        if not found.is_relative_to(volume.path.resolve()):
            raise VolumeError(f'subPath "{sub}" leaves the volume "{volume.name}"')
        if not found.exists():
            if volume.read_only:
                raise VolumeError(f'subPath "{sub}" is not in the volume "{volume.name}"')
            found.mkdir(parents=True)
            found.chmod(0o777)
        return found

    def _remove(self) -> None:
        mounts.unmount_below(self._paths.volumes(self._uid))
        shutil.rmtree(self._paths.volumes(self._uid), ignore_errors=True)
        shutil.rmtree(self._paths.secrets(self._uid), ignore_errors=True)


def _check_host_path(path: Path, kind: str) -> None:
    """Make or check a hostPath by its `type`. Raises VolumeError, OSError."""
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        path.touch(exist_ok=True)
    checks = {
        "": path.exists,
        "Directory": path.is_dir,
        "DirectoryOrCreate": path.is_dir,
        "File": path.is_file,
        "FileOrCreate": path.is_file,
        "Socket": path.is_socket,
        "CharDevice": path.is_char_device,
        "BlockDevice": path.is_block_device,
    }
    if kind not in checks:
        raise VolumeError(f"hostPath type {kind!r}: allowed are {', '.join(filter(None, checks))}")
    if not checks[kind]():
        raise VolumeError(f"hostPath type check failed: {path} is not a {kind or 'path'}")
