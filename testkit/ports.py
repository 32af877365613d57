"""Ports for servers whose settings must name one before they start."""

import socket


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody held a moment ago, all different."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
