"""The life of a process: start, ready, asked to stop, stopped.

SIGTERM or SIGINT asks to stop: readiness turns off at once so that no new traffic comes, `main`
sees `process.stopping`, and has `grace` seconds before it is cancelled. A second signal cancels at
once. A background job that fails brings the process down, so that a broken part is restarted
instead of being silently absent.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from kit.kube.errors import ConfigError
from kit.settings import SettingsError

log = logging.getLogger(__name__)

EX_CONFIG = 78  # sysexits.h: the configuration is wrong, a restart will not help


class Readiness:
    """Named conditions; the process is ready when all of them are met."""

    def __init__(self) -> None:
        self._met: dict[str, bool] = {}
        self._changed = asyncio.Event()

    def require(self, condition: str) -> "Condition":
        """Adds a condition, not met yet. Its name is what `/ready` shows while it is missing."""
        if condition in self._met:
            raise ValueError(f"readiness condition {condition!r} is required twice")
        self._met[condition] = False
        return Condition(self, condition)

    def set(self, condition: str, met: bool) -> None:
        if self._met[condition] is not met:
            self._met[condition] = met
            self._changed.set()
            log.info(
                "readiness", extra={"condition": condition, "met": met, "ready": self.is_ready}
            )

    async def wait_ready(self) -> None:
        """Returns when all conditions are met."""
        while not self.is_ready:
            self._changed.clear()
            await self._changed.wait()

    @property
    def is_ready(self) -> bool:
        return all(self._met.values())

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name, met in self._met.items() if not met)

    def __repr__(self) -> str:
        return f"<Readiness {'ready' if self.is_ready else 'waits for ' + ', '.join(self.missing)}>"


class Condition:
    """One condition of a Readiness, to be handed to whoever meets it."""

    def __init__(self, readiness: Readiness, name: str) -> None:
        self._readiness = readiness
        self.name = name

    def meet(self, met: bool = True) -> None:
        self._readiness.set(self.name, met)


class Process:
    """What `main` is given: when to stop, and where to say that it is ready."""

    def __init__(self) -> None:
        self.readiness = Readiness()
        self.stopping = asyncio.Event()
        self._running = self.readiness.require("not stopping")
        self._running.meet()

    def stop(self) -> None:
        """Asks the process to stop, as SIGTERM does."""
        self._running.meet(False)
        self.stopping.set()

    async def run(self, *jobs: Coroutine[Any, Any, None]) -> None:
        """Runs background jobs until the process is asked to stop, then cancels them.

        An exception of any job cancels the others and is raised (inside an ExceptionGroup).
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
            await self.stopping.wait()
            for task in tasks:
                task.cancel()


Main = Callable[[Process], Awaitable[None]]


def run(main: Main, *, grace: float = 30.0) -> int:
    """Runs `main` to its end and returns the exit code.

    What is wrong with settings or the way to Kubernetes is printed as it is, without a traceback.
    """
    try:
        return asyncio.run(_run(main, grace))
    except (SettingsError, ConfigError) as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    except KeyboardInterrupt:
        return 130


async def _run(main: Main, grace: float) -> int:
    process = Process()
    task = asyncio.ensure_future(main(process))
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if process.stopping.is_set():
            task.cancel("second signal")
            return
        log.info("stopping", extra={"signal": number.name, "grace": grace})
        process.stop()
        loop.call_later(grace, task.cancel, "grace period is over")

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    try:
        await task
    except asyncio.CancelledError:
        if not process.stopping.is_set():
            raise
        log.warning("stopped before the work in hand was done")
        return 1
    except (SettingsError, ConfigError):
        raise
    except Exception:
        log.exception("the process failed")
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    return 0
