"""Third-party packages of a layer: the closure of a few distributions in this environment.

The environment was installed from the hashed lock file, so what is copied is what was pinned.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from deploy.images.tree import compile_tree, remove

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNUSED = (
    "**/__pycache__",
    "**/tests",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/include",
    "*.dist-info/RECORD",
    "*.dist-info/direct_url.json",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "bin",
)


def closure(names: Iterable[str]) -> list[Distribution]:
    """The named distributions and everything they need here, by name."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(name) for name in names]
    while waiting:
        wanted = waiting.pop()
        key = canonical(wanted.name)
        if key in found:
            continue
        found[key] = distribution(wanted.name)
        for text in found[key].requires or ():
            need = Requirement(text)
            extras = wanted.extras or {""}
            if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(need)
    return [found[key] for key in sorted(found)]


def canonical(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def install(
    distributions: Iterable[Distribution], site: Path, *, shown_as: str, level: int = 0
) -> None:
    """Copy the distributions' files into `site`, prune and compile them for a level of PYTHONOPTIMIZE."""
    for one in distributions:
        for file in one.files or ():
            if ".." in file.parts or "__pycache__" in file.parts:
                continue
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(Path(str(file.locate())).read_bytes())
    remove(site, *_UNUSED)
    compile_tree(site, shown_as=shown_as, levels=(level,))
