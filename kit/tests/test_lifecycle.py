"""Start, readiness, signals, failures."""

import asyncio
import os
import signal

import pytest

from kit.kube.errors import ConfigError
from kit.lifecycle import EX_CONFIG, Process, Readiness, run
from kit.settings import SettingsError


def test_readiness_names_what_is_missing() -> None:
    readiness = Readiness()
    pods, nodes = readiness.require("pods listed"), readiness.require("nodes listed")
    assert readiness.missing == ("pods listed", "nodes listed")
    pods.meet()
    assert repr(readiness) == "<Readiness waits for nodes listed>"
    nodes.meet()
    assert readiness.is_ready
    assert repr(readiness) == "<Readiness ready>"
    pods.meet(False)
    assert not readiness.is_ready
    with pytest.raises(ValueError, match="twice"):
        readiness.require("pods listed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_gracefully(number: signal.Signals) -> None:
    story: list[str] = []

    async def main(process: Process) -> None:
        story.append(f"ready {process.readiness.is_ready}")
        os.kill(os.getpid(), number)
        await process.stopping.wait()
        story.append(f"ready {process.readiness.is_ready}")

    assert run(main) == 0
    assert story == ["ready True", "ready False"]


def test_a_second_signal_cancels() -> None:
    async def main(process: Process) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await process.stopping.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    assert run(main) == 1


def test_the_grace_period_ends() -> None:
    async def slow(process: Process) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    assert run(slow, grace=0.01) == 1


@pytest.mark.parametrize("kind", [SettingsError, ConfigError])
def test_a_wrong_configuration_is_one_line_and_its_own_exit_code(
    kind: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    async def main(process: Process) -> None:
        raise kind("WEFT_X is not a setting")

    assert run(main) == EX_CONFIG
    assert capsys.readouterr().err == "WEFT_X is not a setting\n"


def test_several_may_wait_until_ready() -> None:
    async def main(process: Process) -> None:
        pods, nodes = (process.readiness.require(name) for name in ("pods", "nodes"))
        waiting = [asyncio.ensure_future(process.readiness.wait_ready()) for _ in range(2)]
        pods.meet()
        await asyncio.sleep(0)
        assert not any(one.done() for one in waiting)
        nodes.meet()
        await asyncio.gather(*waiting)

    assert run(main) == 0


def test_a_failing_job_brings_the_process_down() -> None:
    async def broken() -> None:
        raise RuntimeError("watch broke")

    async def forever() -> None:
        await asyncio.Event().wait()

    async def main(process: Process) -> None:
        await process.run(broken(), forever())

    assert run(main) == 1


def test_jobs_are_cancelled_when_asked_to_stop() -> None:
    story: list[str] = []

    async def job(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            story.append(name)

    async def main(process: Process) -> None:
        asyncio.get_running_loop().call_later(0.001, process.stop)
        await process.run(job("a"), job("b"))

    assert run(main) == 0
    assert sorted(story) == ["a", "b"]
