"""Files of a layer: copied without what running code never reads, and compiled."""

from __future__ import annotations

import compileall
import os
import shutil
from py_compile import PycInvalidationMode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NEVER_RUN = {"__pycache__", "tests", "test", "BUILD", "py.typed"}
_BUILT = {"ui": {"dist"}}
"""Folders of sources of which only what was built from them is served."""


def copy_package(source: Path, target: Path) -> None:
    """A package without its tests, stubs and earlier compilations."""
    shutil.copytree(source, target, ignore=_ignored, symlinks=True)


def compile_tree(root: Path, *, shown_as: str, levels: Sequence[int] = (0,)) -> None:
    """Byte code beside every module, the same bytes whenever it is made.

    Containers have read-only roots, so what is not compiled here is compiled at every start.
    `shown_as` is the folder's name inside the image, for tracebacks; `levels` are those of
    PYTHONOPTIMIZE that it is compiled for.
    """
    for level in levels:
        compileall.compile_dir(
            root,
            quiet=2,
            force=True,
            optimize=level,
            stripdir=str(root),
            prependdir=shown_as,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )


def remove(root: Path, *patterns: str) -> None:
    """Everything the glob patterns name, folders with what is in them."""
    for pattern in patterns:
        for path in list(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif os.path.lexists(path):
                path.unlink()


def _ignored(folder: str, names: list[str]) -> set[str]:
    wanted = _BUILT.get(os.path.basename(folder), set(names))
    return {
        name
        for name in names
        if name in _NEVER_RUN or name not in wanted or name.endswith((".pyc", ".pyi"))
    }
