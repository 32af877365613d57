"""Kubernetes' websocket framing: every binary message begins with the number of its channel."""

import json
from enum import IntEnum

EXEC_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
"""In order of preference. v5 can say that stdin ended."""
PORT_FORWARD_PROTOCOL = "v4.channel.k8s.io"


class Channel(IntEnum):
    """The channels of exec and attach."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255
    """v5: the next byte is the channel that ended."""


def choose(offered: list[str], known: tuple[str, ...]) -> str | None:
    """The protocol to speak: the first known one that is offered."""
    return next((one for one in known if one in offered), None)


def frame(channel: int, data: bytes) -> bytes:
    return bytes([channel]) + data


def exit_status(code: int) -> bytes:
    """What channel ERROR says when the process ended: success, or its exit code."""
    if code == 0:
        return json.dumps({"metadata": {}, "status": "Success"}).encode()
    body = {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
    return json.dumps(body).encode()


def port_header(port: int) -> bytes:
    """What port-forwarding sends first on each channel: the port, two bytes, little-endian."""
    return port.to_bytes(2, "little")
