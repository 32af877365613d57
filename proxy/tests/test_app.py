"""The process: started by its environment, asked over HTTP, ended by a signal."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from testkit.control_plane import ControlPlane
from testkit.ports import free_ports

WEB = "web.emojivoto.serviceaccount.identity.weft.cluster.local"

pytestmark = pytest.mark.slow


@dataclass
class Proxy:
    process: subprocess.Popen[str]
    admin: int

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=5)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def becomes(self, status: int, path: str, *, seconds: float = 10.0) -> float:
        """Wait for a status; how long it took since the call."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            assert self.process.poll() is None, "the proxy ended"
            try:
                if self.get(path)[0] == status:
                    return time.monotonic() - began
            except ConnectionRefusedError:
                pass
            time.sleep(0.005)
        raise TimeoutError(f"{path} never answered {status}")

    def memory(self) -> int:
        """Resident kilobytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])  # type: ignore[index]


def environment(plane: ControlPlane, **overrides: str) -> dict[str, str]:
    return {
        **os.environ,
        **plane.environment(WEB, **overrides),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


@contextmanager
def proxy(plane: ControlPlane, **overrides: str) -> Iterator[Proxy]:
    (admin,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy"],
        env=environment(plane, ADMIN_LISTEN_ADDR=f"127.0.0.1:{admin}", **overrides),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Proxy(process, admin)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as started:
        yield started


@pytest.fixture
def as_in_its_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled before it starts, without docstrings: compiling takes memory that stays taken."""
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    path = os.pathsep.join(sys.path)
    subprocess.run(
        [sys.executable, "-c", "import proxy.__main__"],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )


@pytest.mark.usefixtures("as_in_its_image")
def test_started_small_and_ended_by_a_signal(plane: ControlPlane) -> None:
    began = time.monotonic()
    with proxy(plane, INBOUND_PORTS="8080", LOG="info") as started:
        started.becomes(200, "/ready")
        assert time.monotonic() - began < 5.0
        assert started.get("/live") == (200, "live\n")
        assert started.memory() < 40 * 1024
        _, text = started.get("/metrics")
        assert 'control_identity_cert_refreshes_total{result="ok"} 1' in text
        assert "proxy_build_info{" in text
        while plane.server(8080).subscriptions == 0:
            time.sleep(0.005)
        assert started.get("/shutdown", "POST")[0] == 404
        started.process.send_signal(signal.SIGTERM)
        _, log = started.process.communicate(timeout=10)
        assert started.process.returncode == 0
        assert "ready: <Sockets inbound" in log


def test_ready_for_a_kubelet_only_while_the_application_listens(plane: ControlPlane) -> None:
    (port,) = free_ports(1)
    asked = f"/ready?listening={port}"
    with proxy(plane, INBOUND_PORTS=str(port), INBOUND_IPS="127.0.0.1") as started:
        started.becomes(200, "/ready")
        assert started.get(asked) == (503, f"not ready: nothing listens on port {port}\n")
        with socket.create_server(("127.0.0.1", port)):
            assert started.get(asked) == (200, "ready\n")
        assert started.get(asked)[0] == 503
        assert started.get("/ready")[0] == 200, "its own readiness is for good"


def test_not_ready_without_a_certificate(plane: ControlPlane) -> None:
    plane.identity.refusal = (grpc.StatusCode.UNAVAILABLE, "no issuer yet")
    with proxy(plane, SHUTDOWN_ENDPOINT_ENABLED="true") as started:
        started.becomes(503, "/ready")
        assert started.get("/live")[0] == 200
        plane.identity.refusal = None
        started.becomes(200, "/ready")
        plane.stop()
        assert started.get("/ready")[0] == 200, "ready is for good"
        assert started.get("/shutdown", "POST") == (200, "shutdown\n")
        assert started.process.wait(10) == 0


def test_ended_while_waiting_for_a_certificate(plane: ControlPlane) -> None:
    plane.identity.refusal = (grpc.StatusCode.UNAVAILABLE, "no issuer yet")
    with proxy(plane) as started:
        started.becomes(503, "/ready")
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(10) == 0


def refused(plane: ControlPlane, **overrides: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "proxy"],
        env=environment(plane, **overrides),
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return done.returncode, done.stderr


def test_what_cannot_be_used_stops_the_start(plane: ControlPlane) -> None:
    code, said = refused(plane, INBOUND_DETECT_TIMEOUT="soon")
    assert code == 64
    assert said.startswith("error: LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT: 'soon' is not a duration")
    code, said = refused(plane, ADMIN_LISTEN_ADDR=plane.address)
    assert code == 1
    assert "Address already in use" in said
    code, said = refused(plane, IDENTITY_TRUST_ANCHORS="-----BEGIN CERTIFICATE-----\nx")
    assert code == 64
    assert "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS" in said


def test_what_the_proxy_must_not_import(plane: ControlPlane) -> None:
    """Each of these would cost more memory than the rest of the process."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, proxy.app\n"
            "print({'grpc', 'pydantic', 'prometheus_client', 'cryptography', 'asyncio'} & set(sys.modules))",
        ],
        env=environment(plane),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
