"""Several processes as one proxy: real ones, behind one admin server."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import grpc
import pytest

from proxy.codec.grpc_status import Code
from proxy.identity.store import CertificateStore
from proxy.tests.failing import BUG, FAIL
from proxy.tests.pair import application, echo_http, read_message
from proxy.tests.redirected import TARGET
from proxy.tests.test_app import Proxy, environment
from proxy.tests.test_governed import limited_server
from proxy.tests.test_tap import TAP, Observer
from testkit.control_plane import ControlPlane
from testkit.ports import free_ports

pytestmark = pytest.mark.slow

CORES = 3
OWN = 0
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
def proxies(
    plane: ControlPlane,
    *,
    redirected: int | None = None,
    module: str = "proxy",
    **overrides: str,
) -> Iterator[Several]:
    """`redirected`: the port of this host to which inbound connections were going; OWN: the proxy's.
    `module`: what is run."""
    admin, inbound, outbound = free_ports(3)
    if redirected is not None:
        module = "proxy.tests.redirected"
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        env={TARGET: str(inbound if redirected == OWN else redirected)}
        | environment(
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
    held = set()
    for name in os.listdir(fds):
        with contextlib.suppress(FileNotFoundError):  # closed since
            held.add(os.readlink(fds / name))
    return any(f"socket:[{one}]" in held for one in inodes)


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
        assert started.get("/ready?listening=8080")[0] == 400, "8080 is no port of this pod"
        for _ in range(CONNECTIONS):
            # Nothing redirected them, so they have no destination and are closed.
            with socket.create_connection(("127.0.0.1", started.outbound), timeout=5) as sock:
                assert sock.recv(1) == b""
        _, page = started.get("/metrics")
        assert total(page, "outbound_tcp_errors_total") == CONNECTIONS
        assert total(page, "control_identity_cert_refreshes_total") == CORES
        assert total(page, "proxy_build_info") == 1


def store_of(plane: ControlPlane, name: str) -> CertificateStore:
    """Somebody of that name in the mesh."""
    store = CertificateStore(name, plane.authority.anchors_pem)
    key, chain = plane.authority.key_and_chain(name)
    store.install(chain.decode(), key.decode(), time.time() + 3600)
    return store


def request(port: int) -> int:
    """One on a connection of its own; its status."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        return int(read_message(sock)[0].split()[1])


@contextmanager
def asking(port: int) -> Iterator[None]:
    """Requests go on all the time."""
    enough = threading.Event()

    def ask() -> None:
        with suppress(OSError):
            while not enough.is_set():
                assert request(port) == 200

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join(10)


def test_a_tap_sees_the_requests_of_all(plane: ControlPlane) -> None:
    (port,) = free_ports(1)
    tap = {"TAP_SVC_NAME": TAP, "CONTROL_LISTEN_ADDR": f"127.0.0.1:{port}"}
    with application(echo_http) as app, proxies(plane, redirected=app, **tap) as started:
        started.becomes(200, "/ready")
        pids = [started.process.pid, *started.siblings()]
        assert [listening(pid, port) for pid in pids] == [True, False, False]
        wanted = f"limit: {CONNECTIONS} match {{ all {{}} }}"
        with (
            asking(started.inbound),
            Observer(port, wanted, store_of(plane, TAP)) as observer,
        ):
            assert observer.end() is Code.OK
        began = [one.http.request_init.id.stream for one in observer.events if one.http.HasField("request_init")]  # fmt: skip
        ended = [one.http.response_end.id.stream for one in observer.events if one.http.HasField("response_end")]  # fmt: skip
        assert len(set(began)) == len(began) == CONNECTIONS
        assert set(ended) == set(began)
        assert {stream % CORES for stream in began} == set(range(CORES))


LIMIT = 20
"""Requests a second."""


def test_a_rate_limit_holds_for_all_together(plane: ControlPlane) -> None:
    with application(echo_http) as app:
        plane.server(app).show(limited_server(LIMIT))
        with proxies(plane, redirected=app, INBOUND_PORTS=str(app)) as started:
            started.becomes(200, "/ready")
            until(lambda: plane.server(app).listening == CORES)

            def holds() -> bool:
                """Whether as many pass as may; more do before every process knows its policy."""
                began = time.monotonic()
                passed = [request(started.inbound) for _ in range(8 * LIMIT)].count(200)
                allowed = LIMIT * (1 + time.monotonic() - began)
                # A request on either side of the reading of the clock, and one counted for two.
                return passed <= allowed + 3

            until(holds)
            # And as many do: three processes that each had a third would refuse most of a burst.
            time.sleep(1.0)
            began = time.monotonic()
            codes = [request(started.inbound) for _ in range(8 * LIMIT)]
            assert LIMIT <= codes.count(200) <= LIMIT * (1 + time.monotonic() - began) + 3
            assert codes.count(429) == len(codes) - codes.count(200)
            assert codes[:LIMIT] == [200] * LIMIT


def test_a_limit_of_connections_is_shared_out(plane: ControlPlane) -> None:
    with (
        application(echo_http) as app,
        proxies(plane, redirected=app, INBOUND_MAX_CONNECTIONS=str(2 * CORES)) as started,
        ExitStack() as held,
    ):
        started.becomes(200, "/ready")
        socks = [
            held.enter_context(socket.create_connection(("127.0.0.1", started.inbound), timeout=5))
            for _ in range(CONNECTIONS)
        ]
        until(lambda: refused(started) >= CONNECTIONS - 2 * CORES)
        served = 0
        for sock in socks:
            with suppress(OSError):
                sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
                served += read_message(sock)[0].startswith(b"HTTP/1.1 200")
        assert served == 2 * CORES == CONNECTIONS - refused(started)


def refused(started: Several) -> int:
    """Connections that were closed because there are too many."""
    _, page = started.get("/metrics")
    return int(total(page, "inbound_tcp_errors_total"))


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


def test_a_leader_that_fails_says_why_and_takes_the_others_with_it(plane: ControlPlane) -> None:
    with proxies(plane, module="proxy.tests.failing") as started:
        started.becomes(200, "/ready")
        siblings = started.siblings()
        started.process.send_signal(FAIL)
        log = started.end()
        assert started.process.returncode == 1
        assert f"RuntimeError: {BUG}" in log
        assert "EndedError" not in log
        assert not any(Path(f"/proc/{pid}").exists() for pid in siblings)


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


def test_one_core_imports_nothing_of_several() -> None:
    script = (
        "import sys, proxy.__main__; print([name for name in sys.modules if 'together' in name])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert done.stdout == "[]\n"


def test_a_taken_port_stops_the_start(plane: ControlPlane) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with proxies(
            plane, CORES="2", TAP_SVC_NAME="tap.x", CONTROL_LISTEN_ADDR=f"127.0.0.1:{port}"
        ) as started:
            assert "in use" in started.end()
            assert started.process.returncode == 1
