import json
import os
import tarfile
from pathlib import Path

from deploy.images.catalogue import IMAGES
from deploy.images.layout import Config, write
from deploy.images.sbom import Component, document
from deploy.images.tarball import make_layer
from deploy.images.tree import compile_tree, copy_package, remove
from deploy.images.wheels import canonical, closure


def _fill(root: Path) -> None:
    (root / "b/tests").mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "b/module.py").write_text("VALUE = 1\n")
    (root / "b/module.pyi").write_text("VALUE: int\n")
    (root / "b/tests/test_module.py").write_text("")
    (root / "a").symlink_to("b")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o700)


def test_the_same_folder_gives_the_same_bytes_on_any_day(tmp_path: Path) -> None:
    layers = []
    for number in (1, 2):
        root = tmp_path / f"root{number}"
        root.mkdir()
        _fill(root)
        os.utime(root / "run", (number, number))
        layers.append(make_layer(root, tmp_path / f"{number}.tar", compress=False))
    assert layers[0].digest == layers[1].digest
    with tarfile.open(layers[0].path) as archive:
        assert [(one.name, oct(one.mode), one.uid) for one in archive if one.name != "a"] == [
            ("b", "0o755", 0),
            ("b/module.py", "0o644", 0),
            ("b/module.pyi", "0o644", 0),
            ("b/tests", "0o755", 0),
            ("b/tests/test_module.py", "0o644", 0),
            ("run", "0o755", 0),
            ("tmp", "0o1777", 0),
        ]


def test_compression_changes_the_digest_and_not_the_content(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    _fill(root)
    plain = make_layer(root, tmp_path / "plain.tar", compress=False)
    packed = make_layer(root, tmp_path / "packed.tar", compress=True)
    assert packed.diff_id == plain.diff_id == plain.digest
    assert packed.digest != plain.digest
    assert packed.media_type.endswith("+gzip")


def test_a_copied_package_has_no_tests_and_no_stubs(tmp_path: Path) -> None:
    source = tmp_path / "root"
    source.mkdir()
    _fill(source)
    copy_package(source / "b", tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["module.py"]
    compile_tree(tmp_path / "copy", shown_as="/app")
    (compiled,) = (tmp_path / "copy/__pycache__").iterdir()
    assert b"/app/module.py" in compiled.read_bytes()
    assert str(tmp_path).encode() not in compiled.read_bytes()
    remove(tmp_path / "copy", "**/__pycache__", "*.py", "nothing")
    assert list((tmp_path / "copy").iterdir()) == []


def test_a_layout_names_its_image_and_holds_every_blob(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    _fill(root)
    layer = make_layer(root, tmp_path / "layer.tar", compress=False)
    config = Config("2102:2102", ("/usr/bin/python3",), ("A=b",), "/", {"k": "v"})
    write(tmp_path / "image", "localhost/weft/proxy:1", [layer], config)
    index = json.loads((tmp_path / "image/index.json").read_text())
    (entry,) = index["manifests"]
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "localhost/weft/proxy:1"
    blobs = tmp_path / "image/blobs/sha256"
    manifest = json.loads((blobs / entry["digest"][7:]).read_text())
    image = json.loads((blobs / manifest["config"]["digest"][7:]).read_text())
    assert image["rootfs"]["diff_ids"] == [layer.diff_id]
    assert image["config"]["User"] == "2102:2102"
    assert (blobs / manifest["layers"][0]["digest"][7:]).stat().st_size == layer.size


def test_a_closure_holds_what_its_names_need_and_nothing_else() -> None:
    names = [canonical(one.name) for one in closure(["trio"])]
    assert {"trio", "outcome", "attrs", "sniffio"} <= set(names)
    assert not {"pytest", "grpcio", "pydantic"} & set(names)
    assert names == sorted(names)


def test_the_bill_of_materials_lists_each_component_once() -> None:
    contents = document("a:1", "sha256:ab", [Component("trio", "1", "pkg:pypi/trio@1")])
    (package,) = contents["packages"]
    assert (package["name"], package["versionInfo"]) == ("trio", "1")
    assert contents["documentNamespace"].endswith("/ab")


def test_only_the_debug_image_runs_as_root_or_has_a_shell() -> None:
    roots = [one.name for one in IMAGES if one.user == 0]
    shells = [one.name for one in IMAGES if {"bash", "dash"} & set(one.debian)]
    assert roots == shells == ["debug"]
