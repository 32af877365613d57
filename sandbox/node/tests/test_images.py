import asyncio
import gzip
import io
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest

from sandbox.node.images import ImageConfig, ImageError, ImageStore, forget_unused_layers
from sandbox.node.layers import BadLayerError, apply_whiteouts, unpack
from sandbox.node.layouts import BadLayoutError, images_of
from sandbox.node.process import CommandError, run
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


@pytest.mark.parametrize(
    "member", ["a/.wh.passwd", "a/new/dir/.wh.x", "a/.wh..wh..opq", "b/c/.wh.x"]
)
@pytest.mark.parametrize("way", ["absolute", "../host"])
def test_a_whiteout_does_not_follow_links_out_of_its_layer(
    tmp_path: Path, way: str, member: str
) -> None:
    host, root = tmp_path / "host", tmp_path / "root"
    host.mkdir()
    root.mkdir()
    (root / "a").symlink_to(host if way == "absolute" else way)
    (root / "b").symlink_to("a")
    with pytest.raises(BadLayerError, match=f"member '{member}' is outside the layer"):
        apply_whiteouts(root, ["a", "b", member])
    assert list(host.iterdir()) == []
    assert os.listxattr(host) == []


@pytest.mark.parametrize(("member", "why"), [("round/.wh.x", "loop"), ("file/.wh.x", "exists")])
def test_a_whiteout_in_what_is_no_directory(tmp_path: Path, member: str, why: str) -> None:
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadLayerError, match=f"'{member}' is in no directory: .*{why}"):
        apply_whiteouts(tmp_path, [member])


@pytest.mark.root
def test_links_within_a_layer_are_followed_and_those_made_again_stay(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    (tmp_path / "usr" / "lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "usr" / "again").symlink_to("/nowhere")
    apply_whiteouts(tmp_path, ["lib/.wh.gone", "usr/.wh.again"])
    assert stat.S_ISCHR((tmp_path / "usr" / "lib" / "gone").lstat().st_mode)
    assert (tmp_path / "usr" / "again").is_symlink()


def linked(target: str, *members: tarfile.TarInfo) -> bytes:
    """A tar file with a symbolic link `a` to somewhere, then these members."""
    link = tarfile.TarInfo("a")
    link.type, link.linkname = tarfile.SYMTYPE, target
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for one in (link, *members):
            tar.addfile(one, io.BytesIO())
    return written.getvalue()


def member(name: str, type: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:  # noqa: A002
    made = tarfile.TarInfo(name)
    made.type, made.linkname = type, to
    return made


@pytest.mark.parametrize("way", ["absolute", "../host"])
@pytest.mark.parametrize(
    "members",
    [
        [member("a/planted")],
        [member("a/planted", tarfile.DIRTYPE)],
        [member("a/planted", tarfile.SYMTYPE, "/")],
        [member("b", tarfile.SYMTYPE, "a"), member("b/planted")],
        [member("a/.wh.planted")],
        [member("a/.wh..wh..opq")],
        [member("b", tarfile.LNKTYPE, "a/secret")],
        [member("b", tarfile.LNKTYPE, "../host/secret")],
    ],
)
def test_no_member_of_a_layer_reaches_the_host(
    tmp_path: Path, members: list[tarfile.TarInfo], way: str
) -> None:
    """Neither what tar unpacks nor what whiteouts make."""
    host, blob = tmp_path / "host", tmp_path / "blob"
    host.mkdir()
    (host / "secret").write_text("")
    blob.write_bytes(linked(str(host) if way == "absolute" else way, *members))
    with pytest.raises((BadLayerError, CommandError)):
        asyncio.run(unpack(blob, "application/vnd.oci.image.layer.v1.tar", tmp_path / "out"))
    assert [one.name for one in host.iterdir()] == ["secret"]
    assert os.listxattr(host) == []
    assert (host / "secret").stat().st_nlink == 1
    assert not (tmp_path / "out").exists()


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
