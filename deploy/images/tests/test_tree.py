"""What of a package goes into an image."""

from pathlib import Path

from deploy.images.tree import copy_package


def test_only_what_running_code_reads(tmp_path: Path) -> None:
    for name in (
        "app.py",
        "app.pyi",
        "tests/test_app.py",
        "__pycache__/app.pyc",
        "ui/package.json",
        "ui/src/main.tsx",
        "ui/dist/index.html",
        "ui/dist/assets/index.js",
        "pages/dist.py",
    ):
        path = tmp_path / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    copy_package(tmp_path / "web", tmp_path / "copy")
    copied = sorted(
        path.relative_to(tmp_path / "copy").as_posix()
        for path in (tmp_path / "copy").rglob("*")
        if path.is_file()
    )
    assert copied == ["app.py", "pages/dist.py", "ui/dist/assets/index.js", "ui/dist/index.html"]
