"""OCI image layouts: blobs, manifests and the index, as the image specification 1.1 lays them out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deploy.images.tarball import DATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deploy.images.tarball import Layer

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True, slots=True)
class Config:
    """How a container of the image starts."""

    user: str
    entrypoint: tuple[str, ...]
    environment: tuple[str, ...]
    working_dir: str
    labels: Mapping[str, str]


def write(folder: Path, reference: str, layers: Sequence[Layer], config: Config) -> None:
    """Make `folder` a layout that holds one image under `reference`. Layers are hard links."""
    shutil.rmtree(folder, ignore_errors=True)
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    for layer in layers:
        os.link(layer.path, blobs / layer.digest.removeprefix("sha256:"))
    image = _put(blobs, _CONFIG, _config(layers, config))
    manifest = _put(
        blobs,
        _MANIFEST,
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": image,
            "layers": [
                {"mediaType": one.media_type, "digest": one.digest, "size": one.size}
                for one in layers
            ],
        },
    )
    names = {"org.opencontainers.image.ref.name": reference, "io.containerd.image.name": reference}
    index = {"schemaVersion": 2, "manifests": [{**manifest, "annotations": names}]}
    (folder / "index.json").write_bytes(_json(index))
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))


def _config(layers: Sequence[Layer], config: Config) -> dict[str, Any]:
    return {
        "created": datetime.fromtimestamp(DATE, UTC).isoformat().replace("+00:00", "Z"),
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": config.user,
            "Entrypoint": list(config.entrypoint),
            "Env": list(config.environment),
            "WorkingDir": config.working_dir,
            "Labels": dict(config.labels),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }


def _put(blobs: Path, media_type: str, value: dict[str, Any]) -> dict[str, Any]:
    content = _json(value)
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
