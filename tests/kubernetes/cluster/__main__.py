"""`python -m tests.kubernetes.cluster up|down|build|kubeconfig|program NAME|load LAYOUT...`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from tests.kubernetes.cluster import build, runtime
from tests.kubernetes.cluster import down as ending
from tests.kubernetes.cluster import up as starting
from tests.kubernetes.cluster.places import default_places
from tests.kubernetes.cluster.processes import ClusterError


@click.group()
def main() -> None:
    """A real Kubernetes of one node."""


@main.command()
def up() -> None:
    """Build what is missing and start it."""
    places, started = default_places(), time.monotonic()
    starting.up(places)
    click.echo(f"up in {time.monotonic() - started:.1f} s", err=True)
    click.echo(places.kubeconfig())


@main.command()
def down() -> None:
    """End it and remove what it left."""
    ending.down(default_places())


@main.command(name="build")
def build_all() -> None:
    """Build what is missing of what a cluster runs."""
    build.programs(default_places())


@main.command()
def kubeconfig() -> None:
    """Print where the administrator's kubeconfig is."""
    click.echo(default_places().kubeconfig())


@main.command()
@click.argument("name", type=click.Choice(build.TOOLS))
def program(name: str) -> None:
    """Print where a program is that tests use; build it if it is missing."""
    click.echo(build.program(default_places(), name))


@main.command()
@click.argument("layouts", nargs=-1, type=click.Path(exists=True, path_type=Path))
def load(layouts: tuple[Path, ...]) -> None:
    """Give the node images that lie as OCI layouts."""
    runtime.load(default_places(), layouts)


if __name__ == "__main__":
    try:
        main()
    except ClusterError as error:
        sys.exit(f"kubernetes: {error}")
