"""One image as Bazel asks for it: `python -m deploy.images.bazel NAME LISTING ARCHIVE BILL`.

LISTING has a line `path<tab>path as imported` for each source file. ARCHIVE becomes an OCI layout in
a tar file, BILL the list of what is inside. The bytes depend on the sources and the versions alone.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from deploy.images.base import BaseError
from deploy.images.build import Builder
from deploy.images.cache import cache_folder
from deploy.images.catalogue import IMAGES
from deploy.images.tarball import make_layer


def main(name: str, listing: str, archive: str, bill: str) -> int:
    (image,) = (one for one in IMAGES if one.name == name)
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder) / "sources"
        for line in Path(listing).read_text().splitlines():
            path, inside = line.split("\t")
            target = sources / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        try:
            builder = Builder(
                lambda package: sources / Path(package).name, cache_folder(), compress=True
            )
            layout = builder.build(image, Path(folder) / "out")
        except BaseError as error:
            print(f"weft: {error}", file=sys.stderr)
            return 1
        make_layer(layout, Path(archive), compress=False)
        shutil.copyfile(layout.with_suffix(".spdx.json"), bill)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
