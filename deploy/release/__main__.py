"""`python -m deploy.release`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from deploy.release.contents import SOURCE, Built, ReleaseError, write


@click.command()
@click.option("--mesh", type=click.Path(path_type=Path), default=SOURCE / "bazel-bin/cli/mesh")
@click.option("--images", type=click.Path(path_type=Path), default=SOURCE / ".build/release-images")
@click.option("--output", type=click.Path(path_type=Path), default=SOURCE / "dist")
@click.option("--replace", is_flag=True, help="Remove what an earlier run has written there.")
def main(mesh: Path, images: Path, output: Path, *, replace: bool) -> None:
    """Write the folder of a release and print what is in it."""
    try:
        if replace and (output / "SHA256SUMS").exists():
            shutil.rmtree(output)
        for name in write(Built(mesh, images), output):
            size = (output / name).stat().st_size / 1_000_000
            click.echo(f"{size:8.1f} MB  {output / name}")
    except ReleaseError as error:
        sys.exit(f"weft: {error}")


if __name__ == "__main__":
    main()
