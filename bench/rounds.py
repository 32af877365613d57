"""Peers taking turns: each round runs every peer once on the same work."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from bench.load import Held
from bench.namespaces import CLIENT, SERVER, SERVICE_PORT, BenchError, two_pods
from bench.origin import origin
from bench.peers import KNOWN, PEERS, peers_of
from bench.processes import told
from bench.works import (
    CPU,
    CPU_GB,
    ENDPOINTS,
    GROWTH,
    HOLDING,
    IDLE,
    P50,
    P99,
    RATE,
    READY,
    WAITING,
    Shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.load import Load
    from bench.processes import Program
    from bench.works import Work

WARM_UP_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """What one peer did in one round."""

    work: str
    peer: str
    figures: dict[str, float]


def run_rounds(
    works: Sequence[Work], rounds: int, seconds: int, heard: Callable[[Sample], None]
) -> list[Sample]:
    """All samples. Raises BenchError when a request fails: a failing peer is not a fast one."""
    samples = []
    for _ in range(rounds):
        for work in works:
            for peer in peers_of(work):
                sample = Sample(work.name, peer, _measure(work, peer, seconds))
                heard(sample)
                samples.append(sample)
    return samples


def _measure(work: Work, peer: str, seconds: int) -> dict[str, float]:
    if work.shape is Shape.CROWD:
        alone, crowded = (_knowing(shape, peer) for shape in (Shape.PLAIN, Shape.CROWD))
        return {GROWTH: crowded - alone}
    with _standing(work.shape, peer) as proxies:
        if isinstance(work.load, Held):
            return _held(work.load, proxies)
        return _loaded(work, work.load, peer, proxies, seconds)


@contextmanager
def _standing(shape: Shape, peer: str) -> Iterator[list[Program]]:
    """The peer's proxies between the client pod and an origin."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name:
        folder = Path(name)
        with two_pods(), origin(shape, folder), PEERS[peer](shape, folder) as proxies:
            yield proxies


def _loaded(
    work: Work, load: Load, peer: str, proxies: Sequence[Program], seconds: int
) -> dict[str, float]:
    load.run(WARM_UP_SECONDS)
    before = [(one.cpu_seconds(), one.waiting_seconds()) for one in proxies]
    outcome = load.run(seconds)
    spent = sum(one.cpu_seconds() for one in proxies) - sum(cpu for cpu, _ in before)
    waited = sum(one.waiting_seconds() for one in proxies) - sum(waiting for _, waiting in before)
    if outcome.failures or not outcome.requests:
        logs = "\n".join(one.log.read_text()[-1500:] for one in proxies)
        raise BenchError(
            f"{work.title} through {peer}: of {outcome.requests} requests "
            f"{outcome.failures} failed\n{logs}"
        )
    figures = {
        CPU: spent / outcome.requests * 1e6,
        WAITING: waited / outcome.requests * 1e6,
        RATE: outcome.per_second,
        P50: outcome.p50,
        P99: outcome.p99,
    }
    if outcome.bytes_read:
        figures[CPU_GB] = spent / (outcome.bytes_read / 1e9)
    return figures


def _held(load: Held, proxies: Sequence[Program]) -> dict[str, float]:
    idle = _resident(proxies)
    with load.open():
        return {
            IDLE: idle,
            # Of the proxy that the connections are made to.
            HOLDING: max(one.resident_mb() for one in proxies),
            READY: mean(one.ready for one in proxies),
        }


def _knowing(shape: Shape, peer: str) -> float:
    """Resident megabytes of a proxy that knows the endpoints of this shape."""
    port, path, pattern = KNOWN[peer]
    total = ENDPOINTS if shape is Shape.CROWD else 1
    with (
        _standing(shape, peer) as proxies,
        told(
            CLIENT, "known", SERVER.ip, str(SERVICE_PORT), f"--admin={port}", f"--path={path}",
            f"--pattern={pattern}", f"--total={total}", as_nobody=True,
        ) as line,
    ):  # fmt: skip
        line()
        return _resident(proxies)


def _resident(proxies: Sequence[Program]) -> float:
    """Megabytes, of one proxy."""
    return mean(one.resident_mb() for one in proxies)
