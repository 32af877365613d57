"""A pod's port as a Unix socket of this host, for clients that bring their own protocol (gRPC, HTTP).

The socket lies in a folder only its owner may enter: nobody else on this host reaches the cluster
through it, as somebody could through a port of the loopback.
"""

import contextlib
import http.client
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from cli.cluster.client import RestCluster
from cli.cluster.portforward import TIMEOUT, ForwardError, Stream, forward

Open = Callable[[], AbstractContextManager[Stream]]
_PIECE = 1 << 16
MAX_BODY = 64 << 20


class Tunnel:
    """Every connection to `path` becomes a port-forward of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problem = ""
        """Why the last connection could not be carried through; empty when all could."""

    @property
    def target(self) -> str:
        """As gRPC names it."""
        return f"unix:{self.path}"


@contextmanager
def tunnel(
    cluster: RestCluster, namespace: str, pod: str, port: int, seconds: float = TIMEOUT
) -> Iterator[Tunnel]:
    """Open while the block runs; what goes wrong later is in `Tunnel.problem`."""
    with tunnel_through(lambda: forward(cluster, namespace, pod, port, seconds)) as made:
        yield made


@contextmanager
def tunnel_through(open_stream: Open) -> Iterator[Tunnel]:
    """The same, over any streams."""
    with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
        made = Tunnel(str(Path(folder) / "port"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(made.path)
            listener.listen()
            accepting = threading.Thread(
                target=_accept, args=(listener, open_stream, made), daemon=True
            )
            accepting.start()
            try:
                yield made
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                accepting.join(TIMEOUT)


def get(
    cluster: RestCluster, namespace: str, pod: str, port: int, path: str, seconds: float = TIMEOUT
) -> tuple[int, bytes]:
    """Status and body of one GET to a pod's port, each wait up to `seconds`. Raises ForwardError."""
    with tunnel(cluster, namespace, pod, port, seconds) as made:
        return get_through(made, path, f"pod {namespace}/{pod} port {port}", seconds)


def get_through(made: Tunnel, path: str, what: str, seconds: float = TIMEOUT) -> tuple[int, bytes]:
    """The same, through a tunnel that is open. Raises ForwardError."""
    connection = _Connection(made.path, seconds)
    try:
        connection.request("GET", path, headers={"Host": "localhost", "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_BODY)
    except (http.client.HTTPException, OSError) as error:
        raise ForwardError(made.problem or f"{what}: {str(error) or 'no answer'}") from None
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    """HTTP over the Unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Called by the library before the first request."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _accept(listener: socket.socket, open_stream: Open, made: Tunnel) -> None:
    while True:
        try:
            local, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_carry, args=(local, open_stream, made), daemon=True).start()


def _carry(local: socket.socket, open_stream: Open, made: Tunnel) -> None:
    """One connection to its end."""
    with local:
        try:
            with open_stream() as stream:
                threading.Thread(target=_send, args=(local, stream), daemon=True).start()
                while True:
                    local.sendall(stream.receive())
        except ForwardError as error:
            made.problem = error.message
        except OSError:
            pass  # The client has closed its end.


def _send(local: socket.socket, stream: Stream) -> None:
    # What keeps the stream from sending keeps it from receiving, which is where it is told.
    with contextlib.suppress(Exception):
        while piece := local.recv(_PIECE):
            stream.send(piece)
        stream.close()
