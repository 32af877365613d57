"""`python -m deploy.images [NAME ...]`: OCI layouts in .build/images, one folder an image."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from deploy.images.base import BaseError
from deploy.images.build import Builder, in_checkout, prepare
from deploy.images.cache import cache_folder
from deploy.images.catalogue import IMAGES

_SOURCE = Path(__file__).parents[2]


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([image.name for image in IMAGES]))
@click.option("--output", type=click.Path(path_type=Path), default=_SOURCE / ".build/images")
@click.option("--compress/--no-compress", default=False, help="gzip the layers, for publishing")
def main(names: tuple[str, ...], output: Path, *, compress: bool) -> None:
    """Build the named images, or all of them, and print where each one lies."""
    try:
        builder = Builder(in_checkout(_SOURCE), cache_folder(), compress=compress)
        for image in IMAGES:
            if not names or image.name in names:
                started = time.monotonic()
                prepare(image, _SOURCE)
                folder = builder.build(image, output)
                click.echo(f"{folder}  {time.monotonic() - started:.1f} s", err=True)
    except BaseError as error:
        sys.exit(f"weft: {error}")


if __name__ == "__main__":
    main()
