"""Up, down and status of the sandbox on this host, as the command line asks for them.

Everything here is done by the caller's process: the daemon itself is `sandbox.daemon`. One lock (on
the state directory itself, so that no file of it stays) keeps two callers from doing both at once.
"""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox import prerequisites, record, settings
from sandbox.record import Daemon
from sandbox.settings import Settings


class SandboxError(Exception):
    """What went wrong, in one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Started:
    daemon: Daemon
    already: bool
    """It was up before."""
    seconds: float


def up(chosen: Settings, within: float = settings.START_WITHIN + 5) -> Started:
    """Start the daemon, or find it running. Raises SandboxError; then nothing of it is left."""
    _require_host()
    with _alone(chosen):
        if (running := record.read_alive(chosen.record)) is not None:
            return Started(running, True, 0.0)
        began = time.monotonic()
        chosen.run.mkdir(mode=0o755, parents=True, exist_ok=True)
        process = _spawn(chosen)
        try:
            _wait_ready(chosen, process, within)
        except SandboxError:
            _end(process)
            _sweep(chosen)
            raise
        daemon = record.read_alive(chosen.record)
        if daemon is None:
            raise SandboxError(f"the sandbox ended right after its start: see {chosen.log}")
        # The daemon outlives this process; nobody here waits for it any more.
        process.returncode = 0
        return Started(daemon, False, time.monotonic() - began)


def down(chosen: Settings, within: float = settings.STOP_WITHIN) -> bool:
    """Stop the daemon and remove whatever is left of it or of one that crashed.

    The answer is whether there was anything. Raises SandboxError when something stays.
    """
    _require_host()
    with _alone(chosen):
        daemon = record.read_alive(chosen.record)
        there = daemon is not None or chosen.run.exists() or bool(leftovers(chosen))
        if daemon is not None:
            _stop(daemon, within)
        _sweep(chosen)
        if left := leftovers(chosen):
            raise SandboxError(f"could not remove {', '.join(left)}")
        return there


def leftovers(chosen: Settings) -> list[str]:
    """What of the sandbox is on this host besides its images, one line each."""
    from sandbox.node.cleanup import leftovers as of_the_node
    from sandbox.node.network import EGRESS_TABLE
    from sandbox.node.paths import Paths
    from sandbox.services.forwarding import COMMENT
    from sandbox.services.ruleset import TABLE

    found = of_the_node(Paths(state=chosen.state, run=chosen.run))
    tables = _lines("nft", "list", "tables")
    found += [line for line in tables if line.split()[-1] in (TABLE, EGRESS_TABLE)]
    if shutil.which("iptables"):
        rules = _lines("iptables", "-w", "-S", "FORWARD")
        found += [f"iptables rule {rule}" for rule in rules if COMMENT in rule]
    return found + ([f"directory {chosen.run}"] if chosen.run.exists() else [])


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def _require_host() -> None:
    if (lack := prerequisites.missing()) is not None:
        raise SandboxError(lack)


@contextlib.contextmanager
def _alone(chosen: Settings) -> Iterator[None]:
    chosen.state.mkdir(mode=0o711, parents=True, exist_ok=True)
    descriptor = os.open(chosen.state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _spawn(chosen: Settings) -> "subprocess.Popen[bytes]":
    """The daemon in a session of its own, with nothing of ours but a pipe to hear from it."""
    hear, say = os.pipe()
    # The daemon imports what we import, wherever we were started from.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    command = [
        sys.executable,
        "-m",
        "sandbox",
        f"--run-dir={chosen.run}",
        f"--state-dir={chosen.state}",
        f"--api-port={chosen.api_port}",
        f"--ready-fd={say}",
    ]
    try:
        with chosen.log.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[say],
                start_new_session=True,
            )
    except OSError:
        os.close(hear)
        raise
    finally:
        os.close(say)
    process.stdout = os.fdopen(hear, "rb", buffering=0)
    return process


def _wait_ready(chosen: Settings, process: "subprocess.Popen[bytes]", within: float) -> None:
    assert process.stdout is not None
    with process.stdout as pipe:
        if not select.select([pipe], [], [], within)[0]:
            raise SandboxError(f"the sandbox was not up after {within:.0f} s: see {chosen.log}")
        said = pipe.read(4096).decode(errors="replace")
    if said != "ready":
        raise SandboxError(f"the sandbox did not start: {said or _last_words(chosen)}")


def _last_words(chosen: Settings) -> str:
    try:
        lines = chosen.log.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it said nothing"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """A child that did not come up: asked first, so that it can clean up behind itself."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stop(daemon: Daemon, within: float) -> None:
    deadline = time.monotonic() + within
    daemon.signal(signal.SIGTERM)
    while daemon.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    if daemon.alive():
        daemon.signal(signal.SIGKILL)
        while daemon.alive():
            time.sleep(0.02)


def _sweep(chosen: Settings) -> None:
    """Take away what a daemon leaves when it cannot do so itself; and its own files."""
    import asyncio

    from sandbox.node.cleanup import remove_everything
    from sandbox.node.paths import Paths
    from sandbox.services.forwarding import withdraw
    from sandbox.services.ruleset import removal

    async def sweep() -> None:
        await remove_everything(Paths(state=chosen.state, run=chosen.run))
        await withdraw(settings.BRIDGE)

    asyncio.run(sweep())
    subprocess.run(["nft", "-f", "-"], input=removal().encode(), capture_output=True, check=False)
    shutil.rmtree(chosen.run, ignore_errors=True)
