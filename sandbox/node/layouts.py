"""Reading OCI image layouts: which images are in there, of what layers. Pure but for reading files."""

import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAME = "io.containerd.image.name"
_TAG = "org.opencontainers.image.ref.name"
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class BadLayoutError(Exception):
    """A directory that is no OCI image layout, or one with a hole in it."""


@dataclass(frozen=True, slots=True)
class Layer:
    blob: Path
    digest: str
    diff_id: str
    media_type: str


@dataclass(frozen=True, slots=True)
class LayoutImage:
    """One image of a layout."""

    name: str
    """As annotated: a whole reference, a bare tag, or empty."""
    id: str
    """The digest of its configuration."""
    digest: str
    """The digest of its manifest."""
    config: dict[str, Any]
    """The `config` object of its configuration: Entrypoint, Cmd, Env, User, WorkingDir ..."""
    layers: tuple[Layer, ...]
    """Lowest first."""


def images_of(layout: Path) -> list[LayoutImage]:
    """Every image of this machine's architecture. Raises BadLayoutError."""
    if not (layout / "oci-layout").exists():
        raise BadLayoutError("no OCI image layout (the file oci-layout is missing)")
    found = list(_walk(layout, _read(layout / "index.json"), ""))
    if not found:
        raise BadLayoutError(f"no image for {_architecture()} in there")
    return found


def _walk(layout: Path, index: dict[str, Any], inherited: str) -> Iterator[LayoutImage]:
    for entry in index.get("manifests") or ():
        name = _name_of(entry) or inherited
        if entry.get("platform", {}).get("architecture", _architecture()) != _architecture():
            continue
        content = _read(_blob(layout, entry["digest"]))
        if entry.get("mediaType") in _INDEXES or "manifests" in content:
            yield from _walk(layout, content, name)
        elif "config" in content:
            yield _image(layout, name, entry["digest"], content)


def _image(layout: Path, name: str, digest: str, manifest: dict[str, Any]) -> LayoutImage:
    config_digest = str(manifest["config"]["digest"])
    configuration = _read(_blob(layout, config_digest))
    diff_ids = configuration.get("rootfs", {}).get("diff_ids") or ()
    described = manifest.get("layers") or ()
    if len(diff_ids) != len(described):
        raise BadLayoutError(f"{len(described)} layers but {len(diff_ids)} diff ids")
    layers = tuple(
        Layer(_blob(layout, one["digest"]), one["digest"], diff_id, one["mediaType"])
        for one, diff_id in zip(described, diff_ids, strict=True)
    )
    return LayoutImage(name, config_digest, digest, configuration.get("config") or {}, layers)


def _name_of(entry: dict[str, Any]) -> str:
    annotations = entry.get("annotations") or {}
    return str(annotations.get(_NAME) or annotations.get(_TAG) or "")


def _blob(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    path = layout / "blobs" / algorithm / value
    if not value.isalnum() or not algorithm.isalnum() or not path.exists():
        raise BadLayoutError(f"the blob {digest} is missing")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadLayoutError(f"{path.name}: {error}") from error
    if not isinstance(content, dict):
        raise BadLayoutError(f"{path.name}: not a JSON object")
    return content


def _architecture() -> str:
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)
