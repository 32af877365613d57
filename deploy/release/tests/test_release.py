"""A release of small stand-ins: what is in it, that it is the same twice, and its script."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from deploy.chart.files import FOLDER as CHART
from deploy.release.contents import SUMS, Built, ReleaseError, digest, write
from weft.version import VERSION


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """An executable that says what it is, and one image."""
    mesh = tmp_path / "mesh"
    mesh.write_text("#!/bin/sh\necho mesh\n")
    images = tmp_path / "images"
    (images / "proxy/blobs/sha256").mkdir(parents=True)
    (images / "proxy/oci-layout").write_text("{}")
    (images / "proxy.spdx.json").write_text("{}")
    return Built(mesh, images)


def test_a_release_holds_all_and_a_checksum_of_each(built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "dist"
    names = write(built, folder)
    assert {
        "mesh", "install.sh", "images/proxy.tar", "sbom/proxy.spdx.json", "manifests/crds.yaml",
        "manifests/values.yaml", "manifests/values-ha.yaml", "manifests/emojivoto.yml",
        f"weft-chart-{VERSION}.tgz", SUMS,
    } == set(names)  # fmt: skip
    sums = dict(line.split("  ")[::-1] for line in (folder / SUMS).read_text().splitlines())
    assert {*sums, SUMS} == set(names)
    assert all(digest(folder / name) == found for name, found in sums.items())
    with tarfile.open(folder / f"weft-chart-{VERSION}.tgz") as chart:
        files = {one.name for one in chart if one.isreg()}
    assert files == {
        f"weft/{path.relative_to(CHART)}" for path in CHART.rglob("*") if path.is_file()
    }


def test_the_same_twice_is_the_same_bytes(built: Built, tmp_path: Path) -> None:
    write(built, tmp_path / "one")
    os.utime(built.images / "proxy/oci-layout", (1, 1))
    write(built, tmp_path / "two")
    assert (tmp_path / "one" / SUMS).read_text() == (tmp_path / "two" / SUMS).read_text()


def test_what_is_not_built_is_named(built: Built, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="deploy/bazel build //cli:mesh"):
        write(Built(tmp_path / "none", built.images), tmp_path / "a")
    with pytest.raises(ReleaseError, match="make images"):
        write(Built(built.mesh, tmp_path / "none"), tmp_path / "b")
    (built.images / "proxy.spdx.json").unlink()
    with pytest.raises(ReleaseError, match=r"proxy\.spdx\.json"):
        write(built, tmp_path / "c")
    with pytest.raises(ReleaseError, match="is not empty"):
        write(built, tmp_path / "c")


def install(folder: Path, home: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the script as a user with this home."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"] + path}
    return subprocess.run(
        [str(folder / "install.sh")], env=environment, capture_output=True, text=True
    )


def test_the_script_installs_for_one_user_and_says_what_to_add(
    built: Built, tmp_path: Path
) -> None:
    write(built, tmp_path / "dist")
    ran = install(tmp_path / "dist", tmp_path)
    assert ran.returncode == 0, ran.stderr
    command = tmp_path / ".weft/bin/mesh"
    assert subprocess.run([str(command)], capture_output=True, text=True).stdout == "mesh\n"
    assert f'export PATH="$PATH:{command.parent}"' in ran.stdout
    again = install(tmp_path / "dist", tmp_path, f":{command.parent}")
    assert (again.returncode, "export PATH" in again.stdout) == (0, False)


def test_the_script_refuses_what_was_changed(built: Built, tmp_path: Path) -> None:
    write(built, tmp_path / "dist")
    with (tmp_path / "dist/mesh").open("a") as file:
        file.write("echo more\n")
    ran = install(tmp_path / "dist", tmp_path)
    assert ran.returncode == 1
    assert "is not the file that SHA256SUMS names" in ran.stderr
    assert not (tmp_path / ".weft").exists()
    (tmp_path / "dist" / SUMS).unlink()
    assert "SHA256SUMS is not beside this script" in install(tmp_path / "dist", tmp_path).stderr
