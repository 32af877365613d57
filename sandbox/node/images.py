"""The images of this host: loaded from files, pulled where a registry answers, found by name.

On disk: `layers/` holds unpacked layers, `index.json` what is known under which reference. The
file is the truth, so `mesh sandbox load` may write it while the daemon runs.
"""

import asyncio
import fcntl
import json
import os
import shutil
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandbox.node.layers import BadLayerError, directory_of, unpack, verify
from sandbox.node.layouts import BadLayoutError, LayoutImage, images_of
from sandbox.node.process import CommandError, run
from sandbox.node.references import InvalidReference, Reference, default_pull_policy, parse


class ImageError(Exception):
    """Why a container's image cannot be had. `reason` is the waiting reason the kubelet reports."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image says about running it."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""
    stop_signal: str = ""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "ImageConfig":
        """From the `config` object of an OCI image configuration."""
        return cls(
            entrypoint=tuple(config.get("Entrypoint") or ()),
            cmd=tuple(config.get("Cmd") or ()),
            env=tuple(config.get("Env") or ()),
            user=str(config.get("User") or ""),
            workdir=str(config.get("WorkingDir") or ""),
            stop_signal=str(config.get("StopSignal") or ""),
        )


@dataclass(frozen=True, slots=True)
class Image:
    """An image ready to run."""

    reference: str
    id: str
    """The digest of its configuration (of a directory image: `directory:PATH`)."""
    digest: str
    """The digest of its manifest, empty for a directory image."""
    layers: tuple[Path, ...]
    """Directories for overlayfs, top layer first."""
    config: ImageConfig

    @property
    def image_id(self) -> str:
        """As a container status gives it."""
        repository = self.reference.rpartition(":")[0] or self.reference
        return f"{repository}@{self.digest}" if self.digest else self.id


class ImageStore:
    """Everything about images that touches the disk or the network."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._layers = root / "layers"
        self._index = root / "index.json"
        self._unpacking: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pulling: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def find(self, text: str) -> Image | None:
        """The image under this reference, if it is here. Raises InvalidReference."""
        return self._entries().get(str(parse(text)))

    def all(self) -> list[Image]:
        return list(self._entries().values())

    def wants_pull(self, text: str, policy: str | None) -> bool:
        """Whether `ensure` would ask a registry now."""
        try:
            reference = parse(text)
        except InvalidReference:
            return False
        absent = self.find(text) is None
        policy = policy or default_pull_policy(reference)
        return policy == "Always" or (policy == "IfNotPresent" and absent)

    async def ensure(self, text: str, policy: str | None) -> tuple[Image, bool]:
        """The image, and whether it was pulled just now. Raises ImageError."""
        try:
            reference = parse(text)
        except InvalidReference as error:
            raise ImageError("InvalidImageName", str(error)) from error
        async with self._pulling[str(reference)]:
            present = self.find(text)
            if present and (policy or default_pull_policy(reference)) != "Always":
                return present, False
            if policy == "Never":
                raise ImageError(
                    "ErrImageNeverPull",
                    f'Container image "{text}" is not present with pull policy of Never',
                )
            return await self._pull(text, reference), True

    async def load(self, source: Path, reference: str | None = None) -> list[Image]:
        """Take over an OCI archive, a Docker archive or an OCI layout.

        `reference` names an image that carries no whole name itself; it is an error when there are
        several. Raises BadLayoutError, BadLayerError, InvalidReference, CommandError.
        """
        if _is_layout(source):
            return await self._load_layout(source, reference)
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._root, prefix="load-") as directory:
            layout, name = await _unpack_archive(source, Path(directory))
            return await self._load_layout(layout, reference or name)

    def add_directory(self, rootfs: Path, reference: str, config: ImageConfig) -> Image:
        """Use a directory as an image's only layer, in place. Raises InvalidReference."""
        name = str(parse(reference))
        image = Image(name, f"directory:{rootfs}", "", (rootfs,), config)
        self._record([image])
        return image

    async def _pull(self, text: str, reference: Reference) -> Image:
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._root, prefix="pull-") as directory:
            layout = Path(directory) / "layout"
            try:
                await run("skopeo", "copy", f"docker://{reference}", f"oci:{layout}", within=900)
                return (await self._load_layout(layout, str(reference)))[0]
            except FileNotFoundError as error:
                raise ImageError(
                    "ErrImagePull", f'failed to pull image "{text}": skopeo is not installed'
                ) from error
            except (CommandError, BadLayoutError, BadLayerError) as error:
                raise ImageError(
                    "ErrImagePull", f'failed to pull image "{text}": {error}'
                ) from error

    async def _load_layout(self, layout: Path, reference: str | None) -> list[Image]:
        found = images_of(layout)
        if reference and len(found) > 1:
            raise BadLayoutError(f"{len(found)} images in there, and one name for them")
        loaded = [await self._take_over(one, _full_name(one, reference)) for one in found]
        self._record(loaded)
        return loaded

    async def _take_over(self, image: LayoutImage, name: str) -> Image:
        directories = []
        for layer in image.layers:
            directory = directory_of(self._layers, layer.diff_id)
            async with self._unpacking[directory]:
                if not directory.exists():
                    await asyncio.to_thread(verify, layer.blob, layer.digest)
                    await unpack(layer.blob, layer.media_type, directory)
            directories.append(directory)
        if not directories:
            directories.append(directory_of(self._layers, "empty"))
            directories[0].mkdir(parents=True, exist_ok=True)
        config = ImageConfig.of(image.config)
        return Image(name, image.id, image.digest, tuple(reversed(directories)), config)

    def _entries(self) -> dict[str, Image]:
        try:
            content = json.loads(self._index.read_bytes())
        except FileNotFoundError:
            return {}
        return {name: _image_of(name, entry) for name, entry in content.items()}

    def _record(self, images: list[Image]) -> None:
        with self._locked():
            entries = self._entries() | {one.reference: one for one in images}
            content = {name: _entry_of(one) for name, one in entries.items()}
            written = self._index.with_suffix(".part")
            written.write_text(json.dumps(content, indent=1))
            written.rename(self._index)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _is_layout(source: Path) -> bool:
    return source.is_dir()


def _full_name(image: LayoutImage, given: str | None) -> str:
    if given:
        return str(parse(given))
    if "/" in image.name or ":" in image.name:
        return str(parse(image.name))
    raise BadLayoutError(f"the image {image.id} carries no name: give it one")


async def _unpack_archive(source: Path, directory: Path) -> tuple[Path, str | None]:
    """An archive as a layout, and the name found beside it (Docker archives only)."""
    try:
        with tarfile.open(source) as archive:
            names = set(archive.getnames())
            docker = None
            if "oci-layout" not in names and "./oci-layout" not in names:
                member = archive.extractfile("manifest.json") if "manifest.json" in names else None
                if member is None:
                    raise BadLayoutError("neither an OCI archive nor a Docker archive")
                docker = json.load(member)
    except tarfile.TarError as error:
        raise BadLayoutError("neither an OCI archive nor a Docker archive") from error
    except OSError as error:
        raise BadLayoutError(error.strerror or str(error)) from error
    layout = directory / "layout"
    if docker is not None:
        name = (docker[0].get("RepoTags") or [None])[0]
        await run("skopeo", "copy", f"docker-archive:{source}", f"oci:{layout}", within=600)
        return layout, name
    layout.mkdir()
    await run("tar", "-xf", os.fspath(source), "-C", str(layout), within=600)
    return layout, None


def _entry_of(image: Image) -> dict[str, Any]:
    return {
        "id": image.id,
        "digest": image.digest,
        "layers": [str(one) for one in image.layers],
        "config": asdict(image.config),
    }


def _image_of(name: str, entry: dict[str, Any]) -> Image:
    config: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry["config"].items()
    }
    layers = tuple(Path(one) for one in entry["layers"])
    return Image(name, entry["id"], entry["digest"], layers, ImageConfig(**config))


def forget_unused_layers(root: Path) -> list[Path]:
    """Remove the layers no image has any more; returns what went. Not while something is loading."""
    used = {layer for image in ImageStore(root).all() for layer in image.layers}
    unused = [one for one in (root / "layers").glob("*") if one not in used]
    for one in unused:
        shutil.rmtree(one)
    return unused
