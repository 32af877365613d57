"""A folder as a tar archive whose bytes depend on its contents alone."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATE = 1_767_225_600
"""Every file's date, 2026-01-01: the same input gives the same bytes on any day."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as a file. `diff_id` is the digest of the uncompressed archive."""

    path: Path
    media_type: str
    digest: str
    diff_id: str
    size: int


def make_layer(root: Path, path: Path, *, compress: bool) -> Layer:
    """Archive `root` as `path`; gzip it when asked (the uncompressed file is replaced)."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for member in _members(root):
            info = _info(archive, root, member)
            if info.isreg():
                with member.open("rb") as content:
                    archive.addfile(info, content)
            else:
                archive.addfile(info)
    diff_id = _digest(path)
    media_type = "application/vnd.oci.image.layer.v1.tar"
    if compress:
        packed = path.with_suffix(".gz")
        with (
            path.open("rb") as content,
            packed.open("wb") as raw,
            gzip.GzipFile("", "wb", 9, raw, mtime=0) as zipped,
        ):
            shutil.copyfileobj(content, zipped, 1 << 20)
        packed.replace(path)
        media_type += "+gzip"
    return Layer(path, media_type, _digest(path), diff_id, path.stat().st_size)


def _members(root: Path) -> Iterator[Path]:
    return iter(sorted(root.rglob("*")))


def _info(archive: tarfile.TarFile, root: Path, path: Path) -> tarfile.TarInfo:
    info = archive.gettarinfo(path, str(path.relative_to(root)))
    if info.islnk():  # a second name for a file already archived: store it as a file of its own
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mtime = DATE
    info.mode = _mode(info)
    info.pax_headers = {}
    return info


def _mode(info: tarfile.TarInfo) -> int:
    """Readable by all; whoever builds the image decides nothing by their umask."""
    if info.name == "tmp":
        return 0o1777
    return 0o755 if info.mode & 0o100 or info.isdir() else 0o644


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
