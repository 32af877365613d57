"""Building images: layers made once per content, laid out per image."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.images import base, layout, wheels
from deploy.images.cache import locked
from deploy.images.catalogue import REGISTRY, Image
from deploy.images.sbom import Component, document
from deploy.images.tarball import Layer, make_layer
from deploy.images.tree import compile_tree, copy_package
from weft.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.metadata import Distribution

SITE = "usr/lib/weft/site"
APP = "usr/lib/weft/app"
_RECIPE = "2"
"""Raised when the way layers are made changes, so that older ones in the cache are not taken."""


def in_checkout(source: Path) -> Callable[[str], Path]:
    """Where a package of the catalogue lies in a checkout."""
    return lambda package: source / package


class Builder:
    """Makes images of packages that `locate` finds; layers are kept in `cache` by their content."""

    def __init__(self, locate: Callable[[str], Path], cache: Path, *, compress: bool) -> None:
        self._locate = locate
        self._cache = cache
        self._compress = compress
        self._fetched: dict[tuple[str, ...], list[base.Package]] = {}

    def build(self, image: Image, target: Path) -> Path:
        """Write the layout `target/NAME` and its SBOM beside it; returns the layout's folder."""
        installed = wheels.closure(image.wheels)
        with locked(self._cache):
            packages = self._debian(image.debian)
            layers = [self._base(packages)]
            if installed:
                layers.append(self._wheels(installed, image.optimize))
        if image.packages:
            layers.append(self._own(image))
        folder = target / image.name
        reference = f"{REGISTRY}/{image.name}:{VERSION}"
        layout.write(folder, reference, layers, _config(image))
        contents = document(reference, layers[-1].diff_id, _components(packages, installed))
        folder.with_suffix(".spdx.json").write_text(json.dumps(contents, indent=1) + "\n")
        return folder

    def _debian(self, names: tuple[str, ...]) -> list[base.Package]:
        """Asked of apt once, however many images lie on them."""
        if names not in self._fetched:
            self._fetched[names] = base.fetch(names, self._cache / "debian")
        return self._fetched[names]

    def _base(self, packages: Sequence[base.Package]) -> Layer:
        return self._layer(f"base-{base.key(packages)}", lambda root: base.unpack(packages, root))

    def _wheels(self, installed: Sequence[Distribution], level: int) -> Layer:
        names = "\n".join((f"level={level}", *(f"{one.name}={one.version}" for one in installed)))
        key = hashlib.sha256(names.encode()).hexdigest()[:16]
        return self._layer(
            f"wheels-{key}",
            lambda root: wheels.install(installed, root / SITE, shown_as=f"/{SITE}", level=level),
        )

    def _own(self, image: Image) -> Layer:
        """Never taken from the cache by name alone: our own code is what changes."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            for package in image.packages:
                copy_package(self._locate(package), root / APP / Path(package).name)
            compile_tree(root / APP, shown_as=f"/{APP}", levels=(image.optimize,))
            made = make_layer(root, Path(folder) / "layer.tar", compress=self._compress)
            return self._keep(made, f"own-{image.name}-{made.digest[7:23]}")

    def _layer(self, name: str, fill: Callable[[Path], None]) -> Layer:
        note = self._note(name)
        if note.exists():
            return _read_note(note)
        with tempfile.TemporaryDirectory(dir=self._cache) as folder:
            root = Path(folder) / "root"
            fill(root)
            made = make_layer(root, Path(folder) / "layer.tar", compress=self._compress)
            return self._keep(made, name)

    def _keep(self, layer: Layer, name: str) -> Layer:
        path = self._cache / "layers" / layer.digest.removeprefix("sha256:")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            shutil.move(layer.path, path)
        kept = Layer(path, layer.media_type, layer.digest, layer.diff_id, layer.size)
        note = self._note(name)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(
            json.dumps([str(path), kept.media_type, kept.digest, kept.diff_id, kept.size])
        )
        return kept

    def _note(self, name: str) -> Path:
        kind = "gz" if self._compress else "tar"
        return self._cache / "notes" / f"{name}-{_RECIPE}.{kind}.json"


def _components(
    packages: Sequence[base.Package], installed: Sequence[Distribution]
) -> list[Component]:
    return [
        *(
            Component(one.name, one.version, f"pkg:deb/debian/{one.name}@{one.version}")
            for one in packages
        ),
        *(
            Component(one.name, one.version, f"pkg:pypi/{wheels.canonical(one.name)}@{one.version}")
            for one in installed
        ),
    ]


def prepare(image: Image, source: Path) -> None:
    """Make what the image's packages hold but the checkout at `source` does not. Raises BaseError.

    The script says itself what it does, and does nothing a second time.
    """
    if image.prepare is not None:
        script = source / image.prepare
        if subprocess.run([sys.executable, str(script)], check=False).returncode:
            raise base.BaseError(f"{script.name} failed")


def _read_note(note: Path) -> Layer:
    path, media_type, digest, diff_id, size = json.loads(note.read_text())
    return Layer(Path(path), media_type, digest, diff_id, size)


def _config(image: Image) -> layout.Config:
    return layout.Config(
        user=f"{image.user}:{image.user}",
        entrypoint=image.command,
        environment=(
            "PATH=/usr/sbin:/usr/bin",
            f"PYTHONPATH=/{APP}:/{SITE}",
            "PYTHONDONTWRITEBYTECODE=1",
            "PYTHONUNBUFFERED=1",
            *((f"PYTHONOPTIMIZE={image.optimize}",) if image.optimize else ()),
        ),
        working_dir="/",
        labels={
            "org.opencontainers.image.title": f"weft {image.name}",
            "org.opencontainers.image.version": VERSION,
        },
    )
