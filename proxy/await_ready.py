"""Wait until the proxy beside us is ready: what a classic sidecar's postStart hook runs.

`python -m proxy.await_ready --timeout=120s --port=4191` ends with 0 as soon as the admin server
answers /ready with 200, and with 1 when the time is over. Containers after the sidecar start only
then, so that their first connection already finds the mesh.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import time

from weft import ports
from weft.durations import DurationError, parse_duration
from weft.ports import PortError, parse_port

_AGAIN = 0.1


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="await_ready", description="Wait until the proxy is ready."
    )
    parser.add_argument("--timeout", default="120s", type=_duration, help="such as 120s or 2m")
    parser.add_argument("--port", default=ports.ADMIN, type=_port, help="the proxy's admin port")
    given = parser.parse_args(arguments)
    deadline = time.monotonic() + given.timeout
    while not is_ready(given.port):
        if time.monotonic() > deadline:
            print(f"the proxy was not ready within {given.timeout:.0f} s", file=sys.stderr)
            return 1
        time.sleep(_AGAIN)
    return 0


def is_ready(port: int) -> bool:
    """Whether the admin server on loopback says so."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except DurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    try:
        return parse_port(text)
    except PortError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
