"""Which process is ours."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import record


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that waits, for us to record and to end."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def recorded(pid: int) -> record.Daemon:
    started = record.start_time(pid)
    assert started is not None
    return record.Daemon(pid, started, 0.0, "https://127.0.0.1:1")


def test_a_record_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    written = record.this_process("https://127.0.0.1:1")
    record.write(path, written)
    assert record.read(path) == written
    assert written.alive()
    assert [file.name for file in tmp_path.iterdir()] == ["daemon.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', '{"pid": 1, "more": 2}'])
def test_what_is_no_record_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "daemon.json"
    assert record.read(path) is None
    path.write_text(text)
    assert record.read(path) is None


def test_a_pid_that_was_given_to_somebody_else_is_not_ours(
    child: "subprocess.Popen[bytes]",
) -> None:
    ours = recorded(child.pid)
    stale = replace(ours, start_time=ours.start_time - 1)
    assert ours.alive()
    assert not stale.alive()
    stale.signal(signal.SIGKILL)
    assert child.poll() is None
    ours.signal(signal.SIGKILL)
    assert child.wait(5) == -signal.SIGKILL


def test_a_zombie_and_the_dead_are_not_alive(child: "subprocess.Popen[bytes]") -> None:
    ours = recorded(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet reaped
    assert not ours.alive()
    child.wait(5)
    assert not ours.alive()
    ours.signal(signal.SIGTERM)


def test_a_process_is_there_until_its_last_thread_is_over() -> None:
    """Its ports are not free before that, whatever has become of the first one."""
    script = """
import ctypes, threading
thread = threading.Thread(target=input)
thread.start()
ctypes.CDLL(None).pthread_exit(None)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as process:
        stat = Path(f"/proc/{process.pid}/stat")
        deadline = time.monotonic() + 10
        while stat.read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert record.start_time(process.pid) is not None
        process.communicate(b"\n")
    assert record.start_time(process.pid) is None
