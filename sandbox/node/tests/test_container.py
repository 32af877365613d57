"""A container's lives under a virtual clock; each life is played, not run."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sandbox.node.cgroups import Hierarchy
from sandbox.node.container import ContainerRun
from sandbox.node.host import Host, PodContext
from sandbox.node.images import ImageStore
from sandbox.node.network import Network
from sandbox.node.paths import Paths
from sandbox.node.runtime import Runc
from sandbox.node.status import Running, Terminated, Waiting
from sandbox.node.tests.fakes import FakeCluster
from sandbox.node.tests.virtual_time import now, run_virtually

POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u"},
    "spec": {"containers": [{"name": "c", "image": "localhost/c:1"}]},
}


class Played(ContainerRun):
    """Every life lasts as long as the script says and ends with its exit code."""

    script: list[tuple[float, int]]
    births: list[float]

    async def _live(self) -> Terminated | None:
        seconds, code = self.script.pop(0)
        began = now()
        self.births.append(began)
        self._set(Running(began), restarts=self.attempt)
        await asyncio.sleep(seconds)
        ended = Terminated(code, "Completed" if code == 0 else "Error", began, now())
        self._set(ended)
        return ended


def container(tmp_path: Path, cluster: FakeCluster) -> Played:
    paths = Paths(tmp_path / "state", tmp_path / "run")
    host = Host(
        paths, cluster, ImageStore(paths.images), Network(paths), Runc(paths.runc),
        Hierarchy(True, tmp_path), frozenset(), {}, now,
    )  # fmt: skip
    run = Played(
        PodContext(POD, host), POD["spec"]["containers"][0], "main", lambda _: [], lambda: None
    )
    run.births = []
    return run


def failing(ended: Terminated) -> bool:
    return ended.exit_code != 0


@pytest.mark.parametrize(
    ("script", "births"),
    [
        ([(1, 0)], [0]),
        ([(1, 1), (1, 0)], [0, 1]),
        ([(1, 1)] * 4 + [(1, 0)], [0, 1, 12, 33, 74]),
        ([(0, 1)] * 9 + [(0, 0)], [0, 0, 10, 30, 70, 150, 310, 610, 910, 1210]),
        ([(0, 1), (0, 1), (0, 1), (700, 1), (1, 0)], [0, 0, 10, 30, 730]),
    ],
)
def test_when_it_lives_again(
    tmp_path: Path, script: list[tuple[float, int]], births: list[float]
) -> None:
    async def main() -> list[float]:
        run = container(tmp_path, FakeCluster())
        run.script = script
        await run.supervise(failing)
        assert run.finished
        return run.births

    assert run_virtually(main()) == births


def test_what_is_shown_while_it_waits(tmp_path: Path) -> None:
    async def main() -> None:
        cluster = FakeCluster()
        run = container(tmp_path, cluster)
        run.script = [(1, 1), (1, 7), (1, 0)]
        supervised = asyncio.create_task(run.supervise(failing))
        await asyncio.sleep(5)
        assert run.view.state == Waiting(
            "CrashLoopBackOff", "back-off 10s restarting failed container=c pod=p_n(u)"
        )
        assert run.view.last is not None
        assert run.view.last.exit_code == 7
        assert run.view.restarts == 1
        await supervised
        assert (run.view.restarts, run.view.last.exit_code) == (2, 7)
        assert ("Warning", "BackOff") in [event[:2] for event in cluster.events]

    run_virtually(main())


def test_retiring_ends_a_wait_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        run = container(tmp_path, FakeCluster())
        run.script = [(1, 1), (1, 1)]
        supervised = asyncio.create_task(run.supervise(failing))
        await asyncio.sleep(5)
        run.retire()
        await supervised
        assert now() == 5
        assert isinstance(run.view.state, Terminated)

    run_virtually(main())
