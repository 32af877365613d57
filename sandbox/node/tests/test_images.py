import asyncio
import gzip
import json
import os
import stat
from pathlib import Path

import pytest

from sandbox.node.images import ImageConfig, ImageError, ImageStore, forget_unused_layers
from sandbox.node.layers import BadLayerError, apply_whiteouts, unpack
from sandbox.node.layouts import BadLayoutError, images_of
from sandbox.node.process import run
from sandbox.node.references import InvalidReference, default_pull_policy, parse
from sandbox.node.tests.fakes import tar_of, write_layout

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("me/app", "docker.io/me/app:latest"),
        ("localhost/weft/proxy:0.1", "localhost/weft/proxy:0.1"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("ghcr.io/x/y_z:v1", "ghcr.io/x/y_z:v1"),
        (f"a@{DIGEST}", f"docker.io/library/a@{DIGEST}"),
        (f"a:1@{DIGEST}", f"docker.io/library/a@{DIGEST}"),
    ],
)
def test_references(text: str, full: str) -> None:
    assert str(parse(text)) == full


@pytest.mark.parametrize(
    "text", ["", "Upper", "a:", "a:b:c", "a b", "a@sha256:12", "-a", "a//b", "../x", "a/../b"]
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(InvalidReference, match="invalid reference format: allowed is"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("a", "Always"),
        ("a:latest", "Always"),
        ("a:1", "IfNotPresent"),
        (f"a@{DIGEST}", "IfNotPresent"),
    ],
)
def test_default_policy(text: str, policy: str) -> None:
    assert default_pull_policy(parse(text)) == policy


CONFIG = {"Entrypoint": ["/run"], "Cmd": ["x"], "Env": ["A=1"], "User": "7", "WorkingDir": "/w"}


def layout(tmp_path: Path, name: str = "localhost/a:1", *layers: bytes) -> Path:
    return write_layout(tmp_path / "layout", name, list(layers) or [tar_of({"f": b"1"})], CONFIG)


def test_loading_a_layout(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    layers = tar_of({"f": b"1", "d": None}), tar_of({"g": b"2"})
    (image,) = asyncio.run(store.load(layout(tmp_path, "localhost/a:1", *layers)))
    assert image.config == ImageConfig(("/run",), ("x",), ("A=1",), "7", "/w")
    assert [(one / "g").exists() for one in image.layers] == [True, False]
    assert store.find("localhost/a:1") == image
    assert ImageStore(tmp_path / "images").all() == [image]
    assert image.image_id.startswith("localhost/a@sha256:")


def test_loading_an_archive_with_a_name_of_ones_own(tmp_path: Path) -> None:
    layout(tmp_path, "only-a-tag")
    store = ImageStore(tmp_path / "images")

    async def main() -> None:
        archive = tmp_path / "a.tar"
        await run("tar", "-cf", str(archive), "-C", str(tmp_path / "layout"), ".")
        with pytest.raises(BadLayoutError, match="carries no name"):
            await store.load(archive)
        await store.load(archive, "localhost/b:2")

    asyncio.run(main())
    assert [one.reference for one in store.all()] == ["localhost/b:2"]
    assert not list((tmp_path / "images").glob("load-*"))


def test_layers_are_shared_and_forgotten_with_their_last_image(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    first = asyncio.run(store.load(layout(tmp_path, "localhost/a:1")))[0]
    second = asyncio.run(
        store.load(write_layout(tmp_path / "other", "localhost/b:1", [tar_of({"f": b"1"})], {}))
    )[0]
    assert first.layers == second.layers
    assert forget_unused_layers(tmp_path / "images") == []
    asyncio.run(
        store.load(write_layout(tmp_path / "new", "localhost/a:1", [tar_of({"f": b"2"})], {}))
    )
    asyncio.run(
        store.load(write_layout(tmp_path / "new2", "localhost/b:1", [tar_of({"f": b"2"})], {}))
    )
    assert forget_unused_layers(tmp_path / "images") == list(first.layers)


def test_a_directory_as_an_image(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    (tmp_path / "rootfs").mkdir()
    image = store.add_directory(tmp_path / "rootfs", "localhost/dev:1", ImageConfig(cmd=("x",)))
    assert store.find("localhost/dev:1") == image
    assert image.layers == (tmp_path / "rootfs",)


def test_a_damaged_blob_is_refused(tmp_path: Path) -> None:
    found = layout(tmp_path)
    blob = images_of(found)[0].layers[0].blob
    blob.write_bytes(blob.read_bytes() + b"x")
    with pytest.raises(BadLayerError, match="the content's digest is"):
        asyncio.run(ImageStore(tmp_path / "images").load(found))


def test_what_is_no_layout(tmp_path: Path) -> None:
    with pytest.raises(BadLayoutError, match="oci-layout is missing"):
        images_of(tmp_path)
    found = layout(tmp_path)
    (found / "index.json").write_text("[]")
    with pytest.raises(BadLayoutError, match="not a JSON object"):
        images_of(found)
    (found / "index.json").write_text(json.dumps({"manifests": [{"digest": DIGEST}]}))
    with pytest.raises(BadLayoutError, match="is missing"):
        images_of(found)
    (found / "index.json").write_text(json.dumps({"manifests": [{"digest": "sha256:../../x"}]}))
    with pytest.raises(BadLayoutError, match="is missing"):
        images_of(found)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BadLayoutError, match=r"^neither an OCI archive nor a Docker archive$"):
        asyncio.run(ImageStore(tmp_path / "images").load(tmp_path / "text"))


def test_other_architectures_are_not_ours(tmp_path: Path) -> None:
    found = layout(tmp_path)
    index = json.loads((found / "index.json").read_text())
    index["manifests"][0]["platform"] = {"architecture": "s390x"}
    (found / "index.json").write_text(json.dumps(index))
    with pytest.raises(BadLayoutError, match="no image for"):
        images_of(found)


@pytest.mark.parametrize("policy", ["Never", "IfNotPresent", "Always"])
def test_policies_with_an_image_that_is_not_here(tmp_path: Path, policy: str) -> None:
    """Nothing listens on port 1, so a pull fails at once."""
    store = ImageStore(tmp_path / "images")
    with pytest.raises(ImageError) as caught:
        asyncio.run(store.ensure("127.0.0.1:1/a:1", policy))
    expected = "ErrImageNeverPull" if policy == "Never" else "ErrImagePull"
    assert caught.value.reason == expected
    assert "127.0.0.1:1/a:1" in str(caught.value)


def test_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        asyncio.run(ImageStore(tmp_path).ensure("No Such", None))
    assert caught.value.reason == "InvalidImageName"


def test_a_present_image_is_used_unless_always(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    asyncio.run(store.load(layout(tmp_path)))
    for policy in ("Never", "IfNotPresent", None):
        image, pulled = asyncio.run(store.ensure("localhost/a:1", policy))
        assert (image.reference, pulled) == ("localhost/a:1", False)
        assert store.wants_pull("localhost/a:1", policy) is False
    assert store.wants_pull("localhost/a:1", "Always")
    assert store.wants_pull("localhost/none:1", "IfNotPresent")


@pytest.mark.root
def test_whiteouts_become_overlayfs_marks(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    names = ["a/.wh.gone", "b/.wh..wh..opq", "./c/.wh.again", "c/again", "../.wh.out", "plain"]
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "again").write_text("")
    apply_whiteouts(tmp_path, names)
    made = (tmp_path / "a" / "gone").stat()
    assert stat.S_ISCHR(made.st_mode)
    assert made.st_rdev == 0
    assert os.getxattr(tmp_path / "b", "trusted.overlay.opaque") == b"y"
    assert (tmp_path / "c" / "again").is_file()
    assert not (tmp_path.parent / "out").exists()


@pytest.mark.parametrize(("suffix", "squeeze"), [("+gzip", gzip.compress), ("", bytes)])
def test_compressions(tmp_path: Path, suffix: str, squeeze: "type[bytes]") -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(squeeze(tar_of({"f": b"1", ".wh.x": b""})))
    asyncio.run(unpack(blob, f"application/vnd.oci.image.layer.v1.tar{suffix}", tmp_path / "out"))
    assert (tmp_path / "out" / "f").read_bytes() == b"1"
    assert not (tmp_path / "out" / ".wh.x").exists()


def test_an_unknown_compression(tmp_path: Path) -> None:
    with pytest.raises(BadLayerError, match=r"\+lzma' are not known: allowed are"):
        asyncio.run(unpack(tmp_path, "application/x.tar+lzma", tmp_path / "out"))
