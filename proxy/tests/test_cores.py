"""Several processes as one proxy: real ones, behind one admin server."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from proxy.tests.test_app import Proxy, environment
from testkit.control_plane import ControlPlane
from testkit.ports import free_ports

pytestmark = pytest.mark.slow

CORES = 3
CONNECTIONS = 60
"""Enough that one process of three does not get all of them."""


class Several(Proxy):
    inbound: int
    outbound: int

    def siblings(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def end(self) -> str:
        """What it logged; it must end by itself."""
        _, log = self.process.communicate(timeout=20)
        return log


@contextmanager
def proxies(plane: ControlPlane, **overrides: str) -> Iterator[Several]:
    admin, inbound, outbound = free_ports(3)
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy"],
        env=environment(
            plane,
            ADMIN_LISTEN_ADDR=f"127.0.0.1:{admin}",
            INBOUND_LISTEN_ADDR=f"127.0.0.1:{inbound}",
            OUTBOUND_LISTEN_ADDR=f"127.0.0.1:{outbound}",
            **{"CORES": str(CORES), **overrides},
        ),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started = Several(process, admin)
    started.inbound, started.outbound = inbound, outbound
    try:
        yield started
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as started:
        yield started


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def listening(pid: int, port: int) -> bool:
    """Whether the process has a listening socket of its own on the port."""
    rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    fds = Path(f"/proc/{pid}/fd")
    return any(
        os.readlink(fds / name) == f"socket:[{one}]" for one in inodes for name in os.listdir(fds)
    )


def total(page: str, name: str) -> float:
    """The sum of a family."""
    return sum(float(value) for value in re.findall(rf"^{name}{{.*}} (\S+)$", page, re.MULTILINE))


def test_connections_are_spread_and_counted_together(plane: ControlPlane) -> None:
    with proxies(plane) as started:
        started.becomes(200, "/ready")
        pids = [started.process.pid, *started.siblings()]
        assert len(pids) == CORES
        for pid in pids:
            assert listening(pid, started.inbound)
            assert listening(pid, started.outbound)
        assert [listening(pid, started.admin) for pid in pids] == [True, False, False]
        for _ in range(CONNECTIONS):
            # Nothing redirected them, so they have no destination and are closed.
            with socket.create_connection(("127.0.0.1", started.outbound), timeout=5) as sock:
                assert sock.recv(1) == b""
        _, page = started.get("/metrics")
        assert total(page, "outbound_tcp_errors_total") == CONNECTIONS
        assert total(page, "control_identity_cert_refreshes_total") == CORES
        assert total(page, "proxy_build_info") == 1


def test_not_ready_without_certificates(plane: ControlPlane) -> None:
    plane.identity.refusal = (grpc.StatusCode.UNAVAILABLE, "no issuer yet")
    with proxies(plane) as started:
        started.becomes(503, "/ready")
        plane.identity.refusal = None
        started.becomes(200, "/ready", seconds=30.0)


def test_a_signal_ends_all_of_them(plane: ControlPlane) -> None:
    with proxies(plane, LOG="info") as started:
        started.becomes(200, "/ready")
        siblings = started.siblings()
        started.process.send_signal(signal.SIGTERM)
        log = started.end()
        assert started.process.returncode == 0
        assert log.count("ready: <Sockets") == CORES
        assert "has ended" not in log
        assert not any(Path(f"/proc/{pid}").exists() for pid in siblings)


def test_shutdown_ends_all_of_them(plane: ControlPlane) -> None:
    with proxies(plane, SHUTDOWN_ENDPOINT_ENABLED="true") as started:
        started.becomes(200, "/ready")
        siblings = started.siblings()
        assert started.get("/shutdown", "POST") == (200, "shutdown\n")
        started.end()
        assert started.process.returncode == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in siblings)


def test_one_that_dies_takes_the_others_with_it(plane: ControlPlane) -> None:
    with proxies(plane) as started:
        started.becomes(200, "/ready")
        victim, other = started.siblings()
        os.kill(victim, signal.SIGKILL)
        log = started.end()
        assert started.process.returncode == 1
        assert f"process {victim} of this proxy ended with -9" in log
        assert not Path(f"/proc/{other}").exists()


def test_nobody_outlives_the_leader(plane: ControlPlane) -> None:
    with proxies(plane) as started:
        started.becomes(200, "/ready")
        siblings = started.siblings()
        started.process.kill()
        until(lambda: not any(_runs(pid) for pid in siblings))


def _runs(pid: int) -> bool:
    """A process that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_core_is_one_process(plane: ControlPlane) -> None:
    with proxies(plane, CORES="1") as started:
        started.becomes(200, "/ready")
        assert started.siblings() == []


def test_a_taken_port_stops_the_start(plane: ControlPlane) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with proxies(
            plane, CORES="2", TAP_SVC_NAME="tap.x", CONTROL_LISTEN_ADDR=f"127.0.0.1:{port}"
        ) as started:
            assert "in use" in started.end()
            assert started.process.returncode == 1
