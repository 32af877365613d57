"""Image layers as directories that overlayfs can stack.

Each layer is unpacked once, by its diff id, whichever image it came with. Files an image deletes
from a lower layer (`.wh.NAME`, `.wh..wh..opq` in OCI's tar files) become what overlayfs reads as
such: a character device 0:0, and an attribute on the directory.
"""

import hashlib
import os
import shutil
import stat
from pathlib import Path, PurePosixPath

from sandbox.node.process import run

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


class BadLayerError(Exception):
    """A layer that is not what its image says, or reaches out of its directory."""


def directory_of(layers: Path, diff_id: str) -> Path:
    """Short names: all lower directories of an overlay must fit in one page of mount options."""
    return layers / diff_id.removeprefix("sha256:")[:16]


async def unpack(blob: Path, media_type: str, into: Path) -> None:
    """Unpack a layer's tar file to `into`, which appears complete or not at all.

    Raises BadLayerError for a compression nobody knows and for whiteouts of files that are not the
    layer's, CommandError when tar fails, as it does of members beyond a symbolic link that leads out.
    """
    compression = _compression(media_type)
    building = into.with_name(into.name + ".part")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True, mode=0o755)
    names = (await run("tar", *compression, "-tf", str(blob), within=600)).decode(
        errors="surrogateescape"
    )
    await run(
        *("tar", *compression, "-xf", str(blob), "-C", str(building)),
        *("--numeric-owner", "--same-owner", "--preserve-permissions", "--delay-directory-restore"),
        *("--xattrs", "--xattrs-include=*", f"--exclude={_WHITEOUT}*"),
        within=600,
    )
    apply_whiteouts(building, names.splitlines())
    building.rename(into)


def apply_whiteouts(root: Path, names: list[str]) -> None:
    """Write overlayfs's marks for every whiteout among a layer's member `names`.

    Raises BadLayerError for one that symbolic links of the same layer lead out of `root`: we are root
    here, and whoever made the image chose the links.
    """
    inside = root.resolve()
    for name in names:
        path = PurePosixPath(name)
        if not path.name.startswith(_WHITEOUT) or ".." in path.parts or path.is_absolute():
            continue
        directory = _directory_within(inside, path)
        if path.name == _OPAQUE:
            os.setxattr(directory, "trusted.overlay.opaque", b"y")
        else:
            hidden = directory / path.name.removeprefix(_WHITEOUT)
            if not os.path.lexists(hidden):  # deleted below and made again in this very layer
                os.mknod(hidden, stat.S_IFCHR | 0o000, os.makedev(0, 0))


def _directory_within(root: Path, member: PurePosixPath) -> Path:
    """The directory of a member of the layer, made if need be, without links. Raises BadLayerError.

    Where links lead is asked before anything is made.
    """
    try:
        directory = (root / member.parent).resolve()
        if not directory.is_relative_to(root):
            raise BadLayerError(f"the member {str(member)!r} is outside the layer, by its links")
        directory.mkdir(parents=True, exist_ok=True)
    except (RuntimeError, FileExistsError, NotADirectoryError) as error:  # links in a circle, files
        raise BadLayerError(f"the member {str(member)!r} is in no directory: {error}") from error
    return directory


def verify(blob: Path, digest: str) -> None:
    """Raises BadLayerError unless the file has this sha256 digest."""
    with blob.open("rb") as file:
        actual = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    if actual != digest:
        raise BadLayerError(f"{blob.name}: the content's digest is {actual}")


def _compression(media_type: str) -> tuple[str, ...]:
    if media_type.endswith((".tar", "+tar")):
        return ()
    if media_type.endswith(("+gzip", ".gzip")):
        return ("--gzip",)
    if media_type.endswith("+zstd"):
        return ("--zstd",)
    raise BadLayerError(f"layers of type {media_type!r} are not known: allowed are tar, gzip, zstd")
