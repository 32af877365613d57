"""The HTTPS server of a webhook: TLS 1.2 or newer, bodies of bounded size, a certificate that is
taken into use when its files change, without dropping a connection.

Any pod can connect. None can keep the API server's reviews from being answered by holding connections:
they have no bound in number, only in the time that they may be silent, and of unfinished bodies the
oldest gives way.
"""

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kit import tracing
from kit.admission.answer import Answer, failure
from kit.settings import SettingsError
from weft.addresses import SocketAddress

log = logging.getLogger(__name__)

Judge = Callable[[bytes], Awaitable[Answer]]
"""Answers the body of a review; raises nothing but for cancellation."""
LARGEST_BODY = 10 * 1024 * 1024
CONCURRENT = 200
"""Reviews judged at once, and bodies read at once. More are told to come again in a second, which the API
server does: it repeats a call that is answered with 429 and Retry-After."""
LONGEST_HEAD, LONGEST_BODY = 10.0, 10.0
"""Seconds until the head of a request is there, from the connection or the request's first byte on, and its body."""


class BodyTooLarge(Exception):
    """More bytes than any review has."""


def app(judge: Judge) -> Starlette:
    """The routes, without a socket."""
    bodies = Bodies()
    judging = asyncio.Semaphore(CONCURRENT)

    async def review(request: Request) -> Response:
        with tracing.http_call("POST", "/", request.headers.items) as answered:
            response = await reviewed(request)
            answered(response.status_code)
            return response

    async def reviewed(request: Request) -> Response:
        try:
            body = await bodies.read(request)
        except BodyTooLarge:
            return _response(failure(413, f"the body is larger than {LARGEST_BODY} bytes"))
        except TimeoutError:
            return _response(failure(408, "the body came too slowly"), connection="close")
        except ClientDisconnect:
            return Response(status_code=400)
        if judging.locked():
            log.warning("too many reviews at once", extra={"limit": CONCURRENT})
            why = f"{CONCURRENT} reviews are at work; try again"
            return _response(failure(429, why), retry_after="1")
        async with judging:
            return _response(await judge(body))

    return Starlette(routes=[Route("/", review, methods=["POST"])])


def _response(answer: Answer, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(answer.body, answer.status, named, media_type="application/json")


class Bodies:
    """Reads up to CONCURRENT bodies at once; for one more, that which has taken longest is given up.

    The API server's are there in a moment, so those that give way are somebody else's.
    """

    def __init__(self) -> None:
        self._deadlines: deque[asyncio.Timeout] = deque()

    async def read(self, request: Request) -> bytes:
        """The whole body. Raises BodyTooLarge without reading further, ClientDisconnect, TimeoutError."""
        async with asyncio.timeout(LONGEST_BODY) as deadline:
            if len(self._deadlines) >= CONCURRENT:
                _end_now(self._deadlines.popleft())
            self._deadlines.append(deadline)
            try:
                return await read_body(request)
            finally:
                if deadline in self._deadlines:
                    self._deadlines.remove(deadline)


def _end_now(deadline: asyncio.Timeout) -> None:
    if not deadline.expired():
        deadline.reschedule(asyncio.get_running_loop().time())


async def read_body(request: Request) -> bytes:
    """The whole body. Raises BodyTooLarge without reading further, ClientDisconnect."""
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > LARGEST_BODY:
            raise BodyTooLarge
    return bytes(held)


class Protocol(HttpToolsProtocol):
    """Ends a connection on which no head of a request comes in time; uvicorn waits for the first for ever."""

    _silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._stop_waiting()
        self._silence = self.loop.call_later(LONGEST_HEAD, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._silence is not None:
            self._silence.cancel()


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process has its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone."""
        yield


class Serving:
    """Serves the webhook from a folder with tls.crt and tls.key."""

    def __init__(self, judge: Judge, tls_path: Path) -> None:
        """Raises SettingsError when the folder has no usable certificate and key."""
        self._certificate = tls_path / "tls.crt"
        self._key = tls_path / "tls.key"
        config = uvicorn.Config(
            app(judge),
            ssl_certfile=str(self._certificate),
            ssl_keyfile=str(self._key),
            log_config=None,
            access_log=False,
            http=Protocol,
            timeout_graceful_shutdown=3,
            lifespan="off",
            server_header=False,
        )
        try:
            config.load()
        except OSError as error:
            raise SettingsError(
                f"WEFT_TLS_PATH: {tls_path} has no usable tls.crt and tls.key: {error}"
            ) from error
        assert config.ssl is not None
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls = config.ssl
        self._server = Server(config)
        self._stamp = self._files()

    @asynccontextmanager
    async def listening(self, address: SocketAddress) -> AsyncIterator[SocketAddress]:
        """Serves until the block ends and the reviews in hand are answered; yields the address it is bound
        to. Raises OSError."""
        family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
        with socket.create_server(
            (address.ip, address.port), family=family, backlog=512
        ) as listener:
            running = asyncio.create_task(self._server.serve([listener]))
            try:
                ip, port = listener.getsockname()[:2]
                yield SocketAddress(ip, port)
            finally:
                self._server.should_exit = True
                await running

    async def watch_certificate(self, interval: float) -> None:
        """Takes a changed certificate into use; a broken one is logged and the old one kept."""
        while True:
            await asyncio.sleep(interval)
            self.reload()

    def reload(self) -> bool:
        """Whether a changed certificate was taken into use."""
        stamp = self._files()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            probe = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            probe.load_cert_chain(self._certificate, self._key)
            self._tls.load_cert_chain(self._certificate, self._key)
        except (OSError, ssl.SSLError) as error:
            log.error("changed certificate is unusable", extra={"why": str(error)})
            return False
        log.info("certificate reloaded")
        return True

    def _files(self) -> bytes | None:
        try:
            return self._certificate.read_bytes() + self._key.read_bytes()
        except OSError:
            return None
