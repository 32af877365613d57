"""What of a package goes into an image."""

import marshal
from pathlib import Path
from types import CodeType

from deploy.images.tree import compile_tree, copy_package


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


def test_compiled_for_every_level_and_named_as_inside_the_image(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text('"""Said."""\nassert True\n')
    compile_tree(tmp_path, shown_as="/usr/lib/app", levels=(0, 2))
    names = sorted(path.name for path in (tmp_path / "__pycache__").iterdir())
    assert [name.removeprefix("app.").split(".", 1)[1] for name in names] == ["opt-2.pyc", "pyc"]
    plain, lean = (_code(tmp_path / "__pycache__" / name) for name in reversed(names))
    assert plain.co_filename == lean.co_filename == "/usr/lib/app/app.py"
    assert "Said." in plain.co_consts
    assert "Said." not in lean.co_consts


def _code(compiled: Path) -> CodeType:
    code = marshal.loads(compiled.read_bytes()[16:])
    assert isinstance(code, CodeType)
    return code
