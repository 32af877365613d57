"""A way through a firewall that forwards nothing: in a network namespace with Docker's policy."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sandbox.services.forwarding import is_closed


@pytest.mark.parametrize(
    ("listing", "closed"),
    [
        ("-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n", True),
        ("-P FORWARD ACCEPT\n", False),
        ("", False),
    ],
)
def test_what_counts_as_closed(listing: str, closed: bool) -> None:
    assert is_closed(listing) is closed


CALL = (
    "import asyncio, sys; from sandbox.services import forwarding;"
    "asyncio.run(getattr(forwarding, sys.argv[1])('weft0'))"
)


@pytest.fixture
def host() -> Iterator[str]:
    name = f"wt{secrets.token_hex(3)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


def inside(host: str, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["ip", "netns", "exec", host, *command],
        env=environment, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def rules(host: str) -> list[str]:
    return inside(host, "iptables", "-S", "FORWARD").splitlines()


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.skipif(shutil.which("iptables") is None, reason="iptables is not installed")
def test_rules_come_once_and_go_without_trace(host: str) -> None:
    def call(what: str) -> None:
        inside(host, sys.executable, "-c", CALL, what)

    call("allow")
    assert rules(host) == ["-P FORWARD ACCEPT"]
    inside(host, "iptables", "-P", "FORWARD", "DROP")
    inside(host, "iptables", "-A", "FORWARD", "-i", "docker0", "-j", "DROP")
    before = rules(host)
    call("allow")
    call("allow")
    ours = [rule for rule in rules(host) if "weft-sandbox" in rule]
    assert len(ours) == 2
    assert rules(host)[1:3] == ours
    call("withdraw")
    call("withdraw")
    assert rules(host) == before
