"""runc: start a container, run a further process in it, take it away."""

import asyncio
import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.node.process import Adopted, CommandError, run


class StartError(Exception):
    """A container or process that could not be started; the message is runc's."""


@dataclass(frozen=True, slots=True)
class Stdio:
    """File descriptors the new process gets; -1 is /dev/null. They stay the caller's to close."""

    stdin: int = -1
    stdout: int = -1
    stderr: int = -1


class Runc:
    """One state directory of runc and everything in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._limits = True
        self._starts = asyncio.Semaphore(2 * (os.cpu_count() or 1))

    async def start(
        self, container: str, bundle: Path, config: dict[str, Any], io: Stdio, console: Path | None
    ) -> Adopted:
        """Create and start in one go; `bundle` is the container's directory. Raises StartError.

        Where cgroups cannot be limited the container runs without limits, and so do those after it.
        """
        if not self._limits:
            config = without_limits(config)
        try:
            return await self._start(container, bundle, config, io, console)
        except StartError as error:
            if not self._limits or "cgroup" not in str(error):
                raise
            process = await self._start(container, bundle, without_limits(config), io, console)
            self._limits = False
            return process

    async def exec(
        self, container: str, process: dict[str, Any], io: Stdio, console: Path | None = None
    ) -> Adopted:
        """Start `process` (an OCI process object) in a running container. Raises StartError."""
        with tempfile.TemporaryDirectory(prefix="weft-exec-") as directory:
            described = Path(directory) / "process.json"
            described.write_text(json.dumps(process))
            return await self._adopt(
                Path(directory),
                ["exec", "--detach", "--process", str(described)],
                [container],
                io,
                console,
            )

    async def delete(self, container: str) -> None:
        """Kill what still runs in it and forget it; not being there is fine."""
        with contextlib.suppress(CommandError):
            await run("runc", "--root", str(self._root), "delete", "--force", container)

    async def containers(self) -> list[str]:
        """Ids of all containers. Raises CommandError."""
        return (await run("runc", "--root", str(self._root), "list", "--quiet")).decode().split()

    async def _start(
        self, container: str, bundle: Path, config: dict[str, Any], io: Stdio, console: Path | None
    ) -> Adopted:
        (bundle / "config.json").write_text(json.dumps(config))
        try:
            async with self._starts:  # more at once would only make each slower
                return await self._adopt(
                    bundle, ["run", "--detach", "--bundle", str(bundle)], [container], io, console
                )
        except BaseException:
            await self.delete(container)
            raise

    async def _adopt(
        self,
        directory: Path,
        verb: list[str],
        rest: list[str],
        io: Stdio,
        console: Path | None,
    ) -> Adopted:
        pid, log = directory / "pid", directory / "runc.log"
        log.unlink(missing_ok=True)
        terminal = ["--console-socket", str(console)] if console else []
        process = await asyncio.create_subprocess_exec(
            *("runc", "--root", str(self._root), "--log", str(log), "--log-format", "json"),
            *(*verb, *terminal, "--pid-file", str(pid), *rest),
            stdin=_or_null(io.stdin),
            stdout=_or_null(io.stdout),
            stderr=_or_null(io.stderr),
        )
        code = await asyncio.shield(process.wait())
        if code:
            raise StartError(_complaint(log) or f"runc: exit status {code}")
        return Adopted(int(pid.read_text()))


def without_limits(config: dict[str, Any]) -> dict[str, Any]:
    """The same specification with no cgroup values but the devices'."""
    resources = {"devices": config["linux"]["resources"]["devices"]}
    return {**config, "linux": {**config["linux"], "resources": resources}}


def _or_null(descriptor: int) -> int:
    return asyncio.subprocess.DEVNULL if descriptor < 0 else descriptor


def _complaint(log: Path) -> str:
    """The last error in runc's log."""
    try:
        lines = log.read_text().splitlines()
    except OSError:
        return ""
    found = ""
    for line in lines:
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("level") == "error":
                found = str(entry.get("msg"))
    return found
