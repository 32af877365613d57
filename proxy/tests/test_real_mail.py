"""A real server that speaks first, Debian's msmtpd, through both proxies with nothing configured."""

from __future__ import annotations

import contextlib
import shutil
import smtplib
import socket
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import default_policy
from proxy.tests.pair import LOCAL, Pair
from testkit.debian import NotInstalled, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_ADDED = 0.005
"""Seconds that the mesh may add until a client has read the greeting."""
TIMES = 20
PATIENT = 30.0
"""Of protocol detection: nothing may wait for its end."""


@pytest.fixture
def mail_port(tmp_path: Path) -> Iterator[int]:
    """A mail server that writes what it gets to a file."""
    try:
        server = program("msmtpd", "msmtp-mta")
    except NotInstalled as error:
        pytest.skip(str(error))
    with socket.create_server((LOCAL, 0)) as free:
        port: int = free.getsockname()[1]
    shell = shutil.which("sh")
    command = f"{shell} -c 'cat >> {tmp_path}/mail' %F --"
    process = subprocess.Popen(
        [server, f"--interface={LOCAL}", f"--port={port}", f"--command={command}"]
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection((LOCAL, port)).close()
                break
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait(5)


def mesh(port: int) -> Pair:
    policy = replace(default_policy("all-unauthenticated"), detect_timeout=PATIENT)
    pair = Pair(port, inbound_policy=policy)
    pair.lookups.policy = replace(pair.lookups.policy, detect_timeout=PATIENT)
    return pair


def until_greeted(port: int) -> float:
    """Seconds from connecting to having read the greeting."""
    began = time.perf_counter()
    with socket.create_connection((LOCAL, port), timeout=5) as sock:
        assert sock.recv(1000).startswith(b"220 ")
        return time.perf_counter() - began


def test_mail_is_delivered_through_the_mesh(mail_port: int, tmp_path: Path) -> None:
    with mesh(mail_port) as pair:
        for number in range(3):
            with smtplib.SMTP(LOCAL, pair.outbound_port, timeout=10) as client:
                client.sendmail("a@demo", ["b@demo"], f"Subject: {number}\n\nhello {number}\n")
        assert pair.metric("outbound_tcp_detect_http_results_total", result="not_http") >= 1
        assert pair.metric("inbound_tcp_detect_http_results_total", result="not_http") >= 1
    delivered = (tmp_path / "mail").read_text()
    assert [f"hello {number}" in delivered for number in range(3)] == [True] * 3


def test_the_greeting_comes_as_soon_as_without_the_mesh(mail_port: int) -> None:
    """The quickest of many each: what else the machine does meanwhile is not the mesh's."""
    quickest = dict.fromkeys(("no mesh", "nothing known of it", "known to greet"), PATIENT)
    deadline = time.monotonic() + PATIENT
    with mesh(mail_port) as pair:

        def forget() -> None:
            pair.outbound.verdicts._known.clear()
            pair.inbound.verdicts._known.clear()

        def added() -> float:
            plain, *meshed = quickest.values()
            return max(meshed) - plain

        tried = 0
        while tried < TIMES or (added() >= MOST_ADDED and time.monotonic() < deadline):
            tried += 1
            pair.run(forget)
            ports = (mail_port, pair.outbound_port, pair.outbound_port)
            for name, port in zip(quickest, ports, strict=True):
                quickest[name] = min(quickest[name], until_greeted(port))
    for name, seconds in quickest.items():
        print(f"{name}: greeted after {seconds * 1000:.2f} ms")
    assert added() < MOST_ADDED
