"""The HTTPS face: uvicorn on given sockets, as a task on a loop that is shared with everything else."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.apiserver.app import App

SHUTDOWN_SECONDS = 2


class CertificateProtocol(HttpToolsProtocol):
    """Tells the application which client certificate the connection was opened with."""

    def connection_made(self, transport: Any) -> None:
        session = transport.get_extra_info("ssl_object")
        certificate = session.getpeercert(binary_form=True) if session is not None else None
        self.app_state = {**self.app_state, "peer_certificate": certificate}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """Leaves the process's signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int = 0) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the socket says it is TCP.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((host, port))
    opened.listen(1024)
    opened.setblocking(False)
    return opened


class Server:
    """`async with server.running():` serves until the block ends."""

    def __init__(
        self,
        app: App,
        sockets: Sequence[socket.socket],
        *,
        certificate: Path,
        key: Path,
        client_ca: Path,
    ) -> None:
        self._app = app
        self._sockets = list(sockets)
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=CertificateProtocol,
            ws="websockets-sansio",
            lifespan="off",
            interface="asgi3",
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ssl_ca_certs=str(client_ca),
            ssl_cert_reqs=ssl.CERT_OPTIONAL,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=120,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            ws_max_size=4 * 1024 * 1024,
            ws_per_message_deflate=False,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns once connections are accepted. OSError or ssl.SSLError when that is not possible."""
        self._task = asyncio.create_task(
            self._server.serve(sockets=self._sockets), name="apiserver"
        )
        while not self._server.started:
            if self._task.done():
                await self._task
                raise OSError("the API server ended while starting")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._task is None:
            return
        await self._app.aclose()
        self._server.should_exit = True
        await self._task
        self._task = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()
