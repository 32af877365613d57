"""The built files, and the page that is served without them."""

import gzip
from pathlib import Path

from web.pages.assets import load

INDEX = '<script src="./assets/a.js"></script><link href="./favicon.svg">'


def built(folder: Path) -> Path:
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "assets/a.js").write_text("let a = 1;\n" * 100)
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / ".sources").write_text("hash")
    return folder


def test_files_with_their_types(tmp_path: Path) -> None:
    assets = load(built(tmp_path))
    assert sorted(assets.files) == ["assets/a.js", "favicon.svg", "index.html"]
    script = assets.files["assets/a.js"]
    assert script.media_type == "text/javascript; charset=utf-8"
    assert script.compressed is not None
    assert gzip.decompress(script.compressed) == script.content
    assert assets.files["favicon.svg"].media_type == "image/svg+xml"
    assert assets.files["favicon.svg"].compressed is None


def test_a_page_points_to_its_files_from_wherever_it_is(tmp_path: Path) -> None:
    assets = load(built(tmp_path))
    assert assets.page(0).content.decode() == INDEX
    assert b'src="../../assets/a.js"' in assets.page(2).content
    assert b'href="../../favicon.svg"' in assets.page(2).content


def test_without_a_build_there_is_a_page_that_says_so(tmp_path: Path) -> None:
    assets = load(tmp_path / "nowhere")
    assert not assets.are_built
    assert b"no dashboard" in assets.page(0).content
    assert assets.page(3).media_type == "text/html; charset=utf-8"
