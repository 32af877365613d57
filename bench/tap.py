"""What being watched costs a proxy: `python -m bench.tap`.

A proxy under a fixed load, with nobody watching, with viewers who all ask the same, and with as many who
each ask something else. Every tenth viewer is stuck: it asks and never reads. They take turns within each
round; only ratios of one run are compared. A request that fails ends the run. Latencies are not shown: the
viewers share the load generator's core.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click

from bench.load import FixedRate
from bench.namespaces import CLIENT, BenchError, two_pods
from bench.origin import origin
from bench.peers import weft
from bench.processes import AS_NOBODY, OTHER_CORE, Program, program
from bench.works import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY, SAME, DIFFERENT = "nobody", "the same", "different"
WARM_UP_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn. The proxy is the watched one, which receives the requests."""

    asked: str
    cpu: float
    """Microseconds of the proxy for each request."""
    resident: float
    """Megabytes of the proxy, after the turn."""
    told: float
    """Events told to viewers, a second."""
    dropped: float
    """Events that viewers lost, a second."""


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--seconds", default=10, show_default=True, help="Measured time of each turn.")
@click.option("--per-second", default=1000, show_default=True, help="Requests.")
@click.option("--viewers", default=100, show_default=True)
def main(rounds: int, seconds: int, per_second: int, viewers: int) -> None:
    """Measure, and print a table."""
    if os.geteuid() != 0:
        sys.exit("bench: network namespaces need root")
    load = FixedRate(per_second=per_second, connections=10)
    samples = []
    try:
        for _ in range(rounds):
            for asked in (NOBODY, SAME, DIFFERENT):
                samples.append(measure(load, asked, viewers, seconds))
                click.echo(f"{samples[-1]}", err=True)
    except BenchError as error:
        sys.exit(f"bench: {error}")
    click.echo(table(samples, viewers, per_second))


def measure(load: FixedRate, asked: str, viewers: int, seconds: int) -> Sample:
    """One turn. Raises BenchError when a request fails."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name:
        folder = Path(name)
        with (
            two_pods(),
            origin(Shape.HTTP1_PAIR, folder),
            weft(Shape.HTTP1_PAIR, folder) as (watched, *_),
            watching(asked, viewers, folder) as watchers,
        ):
            load.run(WARM_UP_SECONDS)
            before, began = watched.cpu_seconds(), time.monotonic()
            outcome = load.run(seconds)
            spent, lasted = watched.cpu_seconds() - before, time.monotonic() - began
            resident = watched.resident_mb()
            if outcome.failures or not outcome.requests:
                raise BenchError(f"{outcome.failures} of {outcome.requests} requests failed")
        seen = json.loads(watchers.log.read_text().splitlines()[-1]) if watchers else {}
        if seen.get("trouble"):
            raise BenchError(f"a viewer could not watch: {seen['trouble']}")
        return Sample(
            asked,
            spent / outcome.requests * 1e6,
            resident,
            seen.get("told", 0) / (lasted + WARM_UP_SECONDS),
            seen.get("dropped", 0) / (lasted + WARM_UP_SECONDS),
        )


@contextmanager
def watching(asked: str, viewers: int, folder: Path) -> Iterator[Program | None]:
    """The viewers, every tenth of them stuck."""
    if asked == NOBODY:
        yield None
        return
    command = (
        *AS_NOBODY, sys.executable, "-m", "bench.watchers", "--viewers", str(viewers), "--stuck", str(viewers // 10),
        *(["--different"] if asked == DIFFERENT else []),
    )  # fmt: skip
    with program(CLIENT, "watchers", *command, core=OTHER_CORE, folder=folder) as running:
        deadline = time.monotonic() + 20
        while not running.log.read_text().startswith("{}"):
            if time.monotonic() > deadline:
                raise BenchError(f"the viewers did not start: {running.log.read_text()}")
            time.sleep(0.05)
        yield running


def table(samples: list[Sample], viewers: int, per_second: int) -> str:
    """Medians of all rounds; CPU beside nobody's."""
    quiet = median(one.cpu for one in samples if one.asked == NOBODY)
    lines = [
        f"{viewers} viewers of a proxy under {per_second} requests/s; {viewers // 10} of them never read",
        "",
        "| they ask | CPU us/request | grows by | resident MB | told/s | lost/s |",
        "|---|---|---|---|---|---|",
    ]
    for asked in (NOBODY, SAME, DIFFERENT):
        turns = [one for one in samples if one.asked == asked]
        cpu = median(one.cpu for one in turns)
        figures = [
            median(getattr(one, name) for one in turns) for name in ("resident", "told", "dropped")
        ]
        shown = " | ".join(f"{figure:.0f}" for figure in figures)
        lines.append(f"| {asked} | {cpu:.0f} | {(cpu / quiet - 1) * 100:+.0f} % | {shown} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
