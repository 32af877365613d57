"""Every generated page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.docs import checks, commands, errors, metrics, settings, values

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parents[2] / "docs/reference"

PAGES: dict[str, Callable[[], str]] = {
    "checks.md": checks.write,
    "cli.md": commands.write,
    "errors.md": errors.write,
    "metrics.md": metrics.write,
    "settings.md": settings.write,
    "values.md": values.write,
}


def stale(folder: Path = FOLDER) -> list[str]:
    """The pages that the code no longer says."""
    return [name for name, write in PAGES.items() if _read(folder / name) != write()]


def renew(folder: Path = FOLDER) -> list[str]:
    """Write what is stale; returns which pages that were."""
    changed = stale(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        (folder / name).write_text(PAGES[name](), encoding="utf-8")
    return changed


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
