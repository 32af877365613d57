"""The loopback address and port the dashboard is served at."""

import http.server
import socket

from cli.dashboard.forwarder import Forwarder
from cli.dashboard.guard import is_loopback
from cli.dashboard.own import Own
from cli.dashboard.upstream import Upstream
from cli.failure import CommandError


class DashboardServer(http.server.ThreadingHTTPServer):
    """A thread for each connection: a reader has a few, and a stream holds one for long."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no error."""


class _Ipv6Server(DashboardServer):
    address_family: int = socket.AF_INET6


def listen(address: str, port: int, upstream: Upstream, own: Own | None = None) -> DashboardServer:
    """Bound, not serving yet; port 0 lets the kernel choose. Raises CommandError."""
    if not is_loopback(address):
        raise CommandError(
            f"--address {address} is not of this host alone: allowed are localhost, 127.0.0.1 and ::1",
            hint="Whoever reaches the dashboard asks the cluster with your credentials.",
        )
    host = "127.0.0.1" if address.lower() == "localhost" else address.strip("[]")
    handler = type("BoundForwarder", (Forwarder,), {"upstream": upstream, "own": own or Own()})
    try:
        return (_Ipv6Server if ":" in host else DashboardServer)((host, port), handler)
    except OSError as error:
        raise CommandError(
            f"cannot listen on {address}:{port}: {error.strerror or error}",
            hint="Is a dashboard open already? --port 0 takes any free port.",
        ) from None


def url_of(address: str, server: DashboardServer) -> str:
    """Where to point a browser."""
    shown = f"[{address.strip('[]')}]" if ":" in address else address
    return f"http://{shown}:{server.server_address[1]}"
