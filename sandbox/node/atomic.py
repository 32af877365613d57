"""Writing a volume's files so that a reader sees all of the old or all of the new.

The layout is the kubelet's: files live in a directory named for the time, `..data` points to it,
and every visible name is a link through `..data`. Renaming that one link changes everything.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sandbox.node.payload import File

_DATA = "..data"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose the files are: the pod's fsGroup, and for tokens the containers' common user."""

    group: int | None = None
    user: int | None = None


def write(directory: Path, files: Mapping[str, File], owner: Owner) -> bool:
    """Make `files` the content of `directory`; returns whether that changed anything. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    current = directory / _DATA
    if current.exists() and _same(current, files):
        return False
    fresh = directory / f"..{time.time_ns()}"
    fresh.mkdir(mode=0o755)
    for name, file in files.items():
        _write_one(fresh / name, fresh, file, owner)
    _own_directories(directory, fresh, owner)
    previous = directory / os.readlink(current) if current.is_symlink() else None
    link = directory / "..data_tmp"
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    link.rename(current)
    _link_names(directory, {PurePosixPath(name).parts[0] for name in files})
    if previous is not None:
        shutil.rmtree(previous, ignore_errors=True)
    return True


def _same(current: Path, files: Mapping[str, File]) -> bool:
    present = {str(one.relative_to(current)) for one in current.rglob("*") if one.is_file()}
    return present == set(files) and all(
        (current / name).read_bytes() == file.content for name, file in files.items()
    )


def _write_one(path: Path, root: Path, file: File, owner: Owner) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    mode = file.mode
    if file.token and (owner.user is not None or owner.group is not None):
        mode = 0o600
    if owner.group is not None:
        mode |= 0o440
    path.write_bytes(file.content)
    path.chmod(mode)
    user = owner.user if file.token and owner.user is not None else -1
    os.chown(path, user, -1 if owner.group is None else owner.group)


def _own_directories(directory: Path, fresh: Path, owner: Owner) -> None:
    if owner.group is None:
        return
    for one in (directory, fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
        os.chown(one, -1, owner.group)
        one.chmod(0o2775)


def _link_names(directory: Path, wanted: set[str]) -> None:
    present = {one.name for one in directory.iterdir() if not one.name.startswith("..")}
    for name in wanted - present:
        (directory / name).symlink_to(f"{_DATA}/{name}")
    for name in present - wanted:
        with contextlib.suppress(OSError):
            (directory / name).unlink()
