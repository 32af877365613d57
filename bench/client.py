"""What runs inside a pod for a benchmark: `python -m bench.client ready|hold|known ...`.

It keeps to the standard library, so that it starts quickly; each prints one line when what it waits
for is so.
"""

from __future__ import annotations

import argparse
import http.client
import re
import socket
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0
"""Seconds after which it will not be so any more."""
_PAUSE = 0.005


def main() -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    ready = commands.add_parser("ready", help="print the monotonic time of the first 200")
    ready.add_argument("port", type=int)
    hold = commands.add_parser(
        "hold", help="hold connections on each of which a request was answered"
    )
    hold.add_argument("address")
    hold.add_argument("port", type=int)
    hold.add_argument("connections", type=int)
    known = commands.add_parser("known", help="connect, and wait until a metric adds up")
    known.add_argument("address")
    known.add_argument("port", type=int)
    known.add_argument("--admin", type=int, required=True)
    known.add_argument("--path", required=True)
    known.add_argument("--pattern", required=True, help="its group is added up")
    known.add_argument("--total", type=int, required=True)
    given = parser.parse_args()
    if given.command == "ready":
        return _ready(given.port)
    if given.command == "hold":
        return _hold(given.address, given.port, given.connections)
    return _known(given)


def _ready(port: int) -> int:
    print("waiting", flush=True)
    if not _until(lambda: _get(port, "/ready") is not None):
        return 1
    print(time.monotonic(), flush=True)
    return 0


def _hold(address: str, port: int, connections: int) -> int:
    held = []
    for _ in range(connections):
        connection = http.client.HTTPConnection(address, port, timeout=PATIENCE)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            print(f"answered with {answer.status}", file=sys.stderr)
            return 1
        held.append(connection)
    print("held", flush=True)
    sys.stdin.read()
    return 0


def _known(given: argparse.Namespace) -> int:
    with socket.create_connection((given.address, given.port), timeout=PATIENCE) as sock:
        # Whoever looks endpoints up does so for a request; nobody waits for its answer.
        sock.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")

        def adds_up() -> bool:
            text = _get(given.admin, given.path) or ""
            total = sum(map(float, re.findall(given.pattern, text, re.MULTILINE)))
            return total >= float(given.total)

        if not _until(adds_up, pause=0.2):
            print("the metric does not add up", file=sys.stderr)
            return 1
        print("known", flush=True)
        sys.stdin.read()
    return 0


def _until(condition: Callable[[], bool], *, pause: float = _PAUSE) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def _get(port: int, path: str) -> str | None:
    """What an admin server on loopback answers with 200; None for anything else."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        return text if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
