"""`python -m deploy.chart [--check]`."""

from __future__ import annotations

import sys

import click

from deploy.chart.files import renew, stale


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail when a file is stale.")
def main(*, check: bool) -> None:
    """Renew the chart in deploy/chart/weft."""
    changed = stale() if check else renew()
    for name in changed:
        click.echo(
            f"deploy/chart/weft/{name} {'is stale: run `make docs`' if check else 'renewed'}"
        )
    sys.exit(1 if check and changed else 0)


if __name__ == "__main__":
    main()
