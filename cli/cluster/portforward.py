"""A byte stream to one port of a pod, through the API server's websocket (`v4.channel.k8s.io`).

Every binary message begins with its channel: 0 carries the port's bytes, 1 what the kubelet has to say
when it cannot connect. The first message of each channel is the port number and is passed over.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from cli.cluster.client import RestCluster, segment
from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
PORT_HEADER = 2
TIMEOUT = 10.0
NEWER_TLS_ONLY = "TLSV1_ALERT_PROTOCOL_VERSION"
"""What OpenSSL calls the refusal of a server that speaks TLS 1.3 alone."""


class Websocket(Protocol):
    """What is used of a websocket."""

    def send(self, message: bytes) -> None:
        """Sends a binary message."""

    def recv(self, timeout: float | None = None) -> str | bytes:
        """The next message. Raises TimeoutError."""

    def close(self) -> None:
        """Wakes whoever waits in `recv`."""


class ForwardError(ClusterError):
    """The pod's port could not be reached."""


class Stream:
    """The port's bytes."""

    def __init__(self, websocket: Websocket, what: str, seconds: float = TIMEOUT) -> None:
        """Silence of `seconds` is an error."""
        self._websocket = websocket
        self._what = what
        self._seconds = seconds
        self._greeted: set[int] = set()

    def send(self, data: bytes) -> None:
        """Sends bytes to the port."""
        self._websocket.send(bytes([DATA]) + data)

    def close(self) -> None:
        """Ends the stream, and a `receive` that waits in another thread."""
        self._websocket.close()

    def receive(self) -> bytes:
        """The next bytes from the port. Raises ForwardError when there are none to come."""
        while True:
            try:
                message = self._websocket.recv(timeout=self._seconds)
            except TimeoutError:
                raise ForwardError(
                    f"{self._what}: no answer in {self._seconds:.0f} seconds"
                ) from None
            except Exception as error:
                if type(error).__module__.startswith("websockets"):
                    raise ForwardError(f"{self._what}: the connection was closed") from None
                raise
            if isinstance(message, str) or not message:
                continue
            channel, payload = message[0], bytes(message[1:])
            if channel not in self._greeted:
                self._greeted.add(channel)
                payload = payload[PORT_HEADER:]
            if payload and channel == ERROR:
                raise ForwardError(f"{self._what}: {payload.decode('utf-8', 'replace').strip()}")
            if payload and channel == DATA:
                return payload


@contextmanager
def forward(
    cluster: RestCluster, namespace: str, pod: str, port: int, seconds: float = TIMEOUT
) -> Iterator[Stream]:
    """A stream to the port while the block runs. Raises ForwardError."""
    from websockets.exceptions import WebSocketException

    what = f"pod {namespace}/{pod} port {port}"
    path = f"/api/v1/namespaces/{segment(namespace)}/pods/{segment(pod)}/portforward?ports={port}"
    try:
        try:
            websocket = _connect(cluster, path, cluster.tls_for_two_threads)
        except ssl.SSLError as error:
            if error.reason != NEWER_TLS_ONLY:
                raise
            websocket = _connect(cluster, path, cluster.tls)
    except (WebSocketException, OSError) as error:
        raise ForwardError(f"{what}: {error}") from None
    with websocket:
        yield Stream(websocket, what, seconds)


def _connect(cluster: RestCluster, path: str, tls: ssl.SSLContext | None) -> "ClientConnection":
    """Its own thread reads from the first moment on."""
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    return connect(
        cluster.server.replace("http", "ws", 1) + path,
        ssl=tls,
        proxy=cluster.proxy,
        additional_headers=[
            (name, value) for name, value in cluster.headers().items() if name != "Accept"
        ],
        subprotocols=[Subprotocol(PROTOCOL)],
        open_timeout=TIMEOUT,
        compression=None,
        max_size=None,
    )


def presented_certificate(stream: Stream, server_name: str) -> bytes:
    """The certificate (DER) a TLS server presents for a name. Raises ForwardError.

    Nothing is verified: the certificate is shown, not trusted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            if pending := outgoing.read():
                stream.send(pending)
            incoming.write(stream.receive())
            continue
        except ssl.SSLError as error:
            raise ForwardError(f"the TLS handshake failed: {error.reason or error}") from None
        certificate = tls.getpeercert(binary_form=True)
        if not certificate:
            raise ForwardError("the server presented no certificate")
        return certificate
