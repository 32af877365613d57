"""`python -m bench [--rounds N] [--seconds S] [WORK ...]`: the proxy beside Envoy, in one run."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from bench import page
from bench.namespaces import BenchError, run
from bench.processes import OTHER_CORE
from bench.report import rows, table, write_json
from bench.rounds import Sample, run_rounds
from bench.works import WORKS

PROGRAMS = {
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "nghttpd": "nghttp2-server",
    "nginx": "nginx-light",
    "haproxy": "haproxy",
}
RESULTS = Path(__file__).parent / "out/results.json"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([work.name for work in WORKS]))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option(
    "--seconds", default=4, show_default=True, type=click.IntRange(1), help="Of each run."
)
def main(names: tuple[str, ...], rounds: int, seconds: int) -> None:
    """Compare Weft's proxy with Envoy, on the named works or all.

    A run of all works renews docs/reference/benchmarks.md.
    """
    works = [work for work in WORKS if not names or work.name in names]
    try:
        _install_programs()
        os.sched_setaffinity(0, {int(OTHER_CORE)})  # reading reports takes milliseconds as well
        samples = run_rounds(works, rounds, seconds, _told)
    except BenchError as error:
        sys.exit(f"bench: {error}")
    found = rows(works, samples)
    click.echo(table(found, rounds))
    write_json(found, RESULTS)
    if len(works) == len(WORKS):
        page.write(found, rounds)


def _install_programs() -> None:
    if os.geteuid() != 0:
        raise BenchError("network namespaces need root")
    missing = [package for name, package in PROGRAMS.items() if shutil.which(name) is None]
    if missing:
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def _told(sample: Sample) -> None:
    shown = "; ".join(f"{name} {value:.1f}" for name, value in sample.figures.items())
    click.echo(f"{sample.work:<14} {sample.peer:<8} {shown}", err=True)


if __name__ == "__main__":
    main()
