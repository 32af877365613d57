"""The files of a release. The same checkout gives the same bytes."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cli.manifests import crds
from cli.manifests.values import Values
from cli.render.yaml_text import dump_all
from deploy.chart.files import FOLDER as CHART
from deploy.images.tarball import make_layer
from weft.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "install.sh"
DEMO = SOURCE / "demo/emojivoto.yml"
SUMS = "SHA256SUMS"


class ReleaseError(Exception):
    """Something that belongs into a release has not been built; the message says what builds it."""


@dataclass(frozen=True, slots=True)
class Built:
    """What other steps have made."""

    mesh: Path
    """The executable."""
    images: Path
    """A folder of OCI layouts, `<name>.spdx.json` beside each."""


def write(built: Built, folder: Path) -> list[str]:
    """Fills `folder`, which must be empty or absent; returns the names of its files. Raises ReleaseError."""
    if folder.exists() and any(folder.iterdir()):
        raise ReleaseError(f"{folder} is not empty: a release is written whole")
    if not built.mesh.is_file():
        raise ReleaseError(
            f"there is no {built.mesh}: build it with `deploy/bazel build //cli:mesh`"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _copy(built.mesh, folder / "mesh", 0o755)
    _copy(SCRIPT, folder / "install.sh", 0o755)
    _images(built.images, folder)
    _chart(folder / f"weft-chart-{VERSION}.tgz")
    manifests = folder / "manifests"
    manifests.mkdir()
    (manifests / "crds.yaml").write_text(dump_all(crds.render(Values())), "utf-8")
    _copy(CHART / "values.yaml", manifests / "values.yaml", 0o644)
    _copy(CHART / "values-ha.yaml", manifests / "values-ha.yaml", 0o644)
    _copy(DEMO, manifests / "emojivoto.yml", 0o644)
    names = sorted(_files(folder))
    (folder / SUMS).write_text(
        "".join(f"{digest(folder / one)}  {one}\n" for one in names), "utf-8"
    )
    return [*names, SUMS]


def digest(path: Path) -> str:
    """SHA-256, in hex."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[str]:
    return (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _copy(source: Path, target: Path, mode: int) -> None:
    shutil.copyfile(source, target)
    target.chmod(mode)


def _images(layouts: Path, folder: Path) -> None:
    """Each layout as one archive that `ctr images import` and `kind load image-archive` read."""
    found = sorted(path.parent for path in layouts.glob("*/oci-layout"))
    if not found:
        raise ReleaseError(f"there are no images in {layouts}: build them with `make images`")
    for kind in ("images", "sbom"):
        (folder / kind).mkdir()
    for layout in found:
        make_layer(layout, folder / "images" / f"{layout.name}.tar", compress=False)
        inside = layouts / f"{layout.name}.spdx.json"
        if not inside.exists():
            raise ReleaseError(f"there is no {inside}: build the images anew with `make images`")
        _copy(inside, folder / "sbom" / inside.name, 0o644)


def _chart(path: Path) -> None:
    """As `helm package` makes it: everything below a folder of the chart's name."""
    with TemporaryDirectory() as stage:
        shutil.copytree(CHART, Path(stage) / "weft")
        make_layer(Path(stage), path, compress=True)
