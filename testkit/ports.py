"""Ports for servers whose settings must name one before they start."""

import random
import socket

_RANGE = range(20_000, 30_000)
"""Below those that the kernel gives to whoever asks for any, so that none is taken by a connection meanwhile; and
below those of Kubernetes' nodes."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody held a moment ago, all different."""
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(_RANGE)
        if _is_free(port):
            found.add(port)
    return list(found)


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
