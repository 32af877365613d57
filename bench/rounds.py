"""Peers taking turns: each round runs every peer once on the same work."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.namespaces import BenchError, two_pods
from bench.origin import origin
from bench.peers import PEERS
from bench.works import CPU, CPU_GB, MEMORY, P50, P99

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.works import Work

WARM_UP_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """What one peer did in one round."""

    work: str
    peer: str
    figures: dict[str, float]


def run_rounds(
    works: Sequence[Work], rounds: int, seconds: int, told: Callable[[Sample], None]
) -> list[Sample]:
    """All samples. Raises BenchError when a request fails: a failing peer is not a fast one."""
    samples = []
    for _ in range(rounds):
        for work in works:
            for peer in PEERS:
                sample = _measure(work, peer, seconds)
                told(sample)
                samples.append(sample)
    return samples


def _measure(work: Work, peer: str, seconds: int) -> Sample:
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name:
        folder = Path(name)
        with (
            two_pods(),
            origin(work.shape, folder),
            PEERS[peer](work.shape, folder) as proxies,
        ):
            work.load.run(WARM_UP_SECONDS)
            before = [one.cpu_seconds() for one in proxies]
            outcome = work.load.run(seconds)
            spent = sum(one.cpu_seconds() for one in proxies) - sum(before)
            if outcome.failures:
                logs = "\n".join(one.log.read_text()[-1500:] for one in proxies)
                raise BenchError(
                    f"{work.title} through {peer}: {outcome.failures} of "
                    f"{outcome.requests} requests failed\n{logs}"
                )
            figures = {
                CPU: spent / outcome.requests * 1e6,
                "requests/s": outcome.per_second,
                P50: outcome.p50,
                P99: outcome.p99,
                MEMORY: sum(one.resident_mb() for one in proxies) / max(1, len(proxies)),
            }
            if outcome.bytes_read:
                figures[CPU_GB] = spent / (outcome.bytes_read / 1e9)
            return Sample(work.name, peer, figures)
