"""`python -m bench.soak [--minutes M] [--every S]`: mixed load, and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.namespaces import CLIENT, SERVER, SERVICE_PORT, BenchError, two_pods
from bench.peers import weft
from bench.processes import AS_NOBODY, OTHER_CORE, Program, environment, program, wait_listening
from bench.soak.series import Point, Series
from bench.works import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RESULTS = Path(__file__).parent.parent / "out/soak.json"
SETTLE = 25.0
"""Seconds after the load in which idle connections are closed: longer than they are kept."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a soak came to."""

    series: Sequence[Series]
    done: Mapping[str, int]
    failed: Sequence[str]

    def faults(self) -> list[str]:
        """What should not have been."""
        grown = [fault for one in self.series for fault in one.faults()]
        return [*grown, *self.failed[:20]]


def soak(seconds: float, every: float, tell: Callable[[str], None] = lambda _: None) -> Result:
    """Run the load for so long. Raises BenchError when something could not be started."""
    with tempfile.TemporaryDirectory() as name, two_pods(), ExitStack() as stack:
        folder = Path(name)
        origin = ("-m", "bench.soak.origin", str(SERVICE_PORT))
        stack.enter_context(
            program(SERVER, "origin", sys.executable, *origin, core=OTHER_CORE, folder=folder)
        )
        wait_listening(SERVER, SERVICE_PORT)
        proxies = stack.enter_context(weft(Shape.HTTP1_PAIR, folder))
        names = ("server's proxy", "client's proxy")
        began = time.monotonic()
        before = [_measure(proxy, 0.0) for proxy in proxies]
        during: list[list[Point]] = [[] for _ in proxies]
        load = ("-m", "bench.soak.clients", SERVER.ip, str(SERVICE_PORT), str(seconds))
        command = ["taskset", "-c", OTHER_CORE, *CLIENT.inside(*AS_NOBODY, sys.executable, *load)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment()
        ) as clients:
            while clients.poll() is None:
                time.sleep(every)
                at = time.monotonic() - began
                for points, proxy in zip(during, proxies, strict=True):
                    points.append(_measure(proxy, at))
                tell(
                    f"{at:6.0f} s  "
                    + "  ".join(
                        f"{name} {points[-1].resident_mb:.1f} MB {points[-1].descriptors} fds"
                        for name, points in zip(names, during, strict=True)
                    )
                )
            assert clients.stdout is not None
            said = clients.stdout.read()
        if clients.returncode:
            raise BenchError("the clients did not come to their end")
        time.sleep(SETTLE)
        after = [_measure(proxy, time.monotonic() - began) for proxy in proxies]
        counted = json.loads(said)
        series = [
            Series(*one) for one in zip(names, before, map(tuple, during), after, strict=True)
        ]
        return Result(series, counted["done"], counted["failed"])


def _measure(proxy: Program, at: float) -> Point:
    return Point(at, proxy.resident_mb(), len(list(Path(f"/proc/{proxy.pid}/fd").iterdir())))


@click.command()
@click.option("--minutes", default=15.0, show_default=True)
@click.option("--every", default=10.0, show_default=True, help="Seconds between measurements.")
def main(minutes: float, every: float) -> None:
    """Mixed load on a pair of proxies; memory and descriptors must stay flat."""
    try:
        result = soak(minutes * 60, every, click.echo)
    except BenchError as error:
        sys.exit(f"soak: {error}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(asdict(result), indent=1))
    for one in result.series:
        click.echo("\n".join(one.lines()))
    done = ", ".join(f"{name} {count}" for name, count in sorted(result.done.items()))
    click.echo(f"done: {done}")
    click.echo(f"failed that should not have: {len(result.failed)}")
    faults = result.faults()
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
