"""The built pages, held in memory: they are few, and every answer is a look-up.

`index.html` names its script and styles relative to itself. A page several segments deep, perhaps
behind somebody's path prefix, is therefore given as many `../` as it is deep.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DIST = Path(__file__).resolve().parents[1] / "ui" / "dist"
INDEX = "index.html"
_RELATIVE = b'="./'
_COMPRESSIBLE = ("text/", "application/json", "image/svg")
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".html": "text/html",
}

NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Weft: no dashboard in this build</title>
<h1>This build has no dashboard</h1>
<p>The web service runs, and its stats API answers: <code>mesh stat</code> works. Its pages were not
built: run <code>python services/web/build_ui.py</code>, then build the image again.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    media_type: str
    etag: str
    compressed: bytes | None = None
    """With gzip; None where that gains nothing."""


@dataclass(frozen=True, slots=True)
class Assets:
    """Files by their path below the root, without a leading slash."""

    files: Mapping[str, Asset]

    @property
    def are_built(self) -> bool:
        return INDEX in self.files

    def page(self, depth: int) -> Asset:
        """The one HTML page, for a path of `depth` segments below the first."""
        index = self.files.get(INDEX)
        if index is None:
            return make_asset("not-built.html", NOT_BUILT)
        if not depth:
            return index
        return make_asset(INDEX, index.content.replace(_RELATIVE, b'="' + b"../" * depth))


def load(folder: Path = DIST) -> Assets:
    """What Vite built; without it, only the page that says so is served."""
    return Assets(
        {
            path.relative_to(folder).as_posix(): make_asset(path.name, path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }
    )


def make_asset(name: str, content: bytes) -> Asset:
    """A file with its type by its name."""
    suffix = Path(name).suffix
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    compressed = (
        gzip.compress(content, mtime=0) if media_type.startswith(_COMPRESSIBLE) else content
    )
    return Asset(
        content,
        f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
        f'"{hashlib.sha256(content).hexdigest()[:16]}"',
        compressed if len(compressed) < len(content) else None,
    )
