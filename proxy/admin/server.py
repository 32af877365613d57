"""The admin server's connections: HTTP/1 over trio.

A scraper that stalls, or a thousand of them, must not hurt the proxy: heads and bodies have a
largest size, each request has a time to arrive and each answer a time to be taken, an idle
connection is closed, and beyond a number of connections the one that has been silent the longest is
closed for the next. Were the next one to wait instead, whoever holds connections open and says
nothing would keep out the probes, and with them end the proxy.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from proxy.admin.routes import Request, Response, Stream
from proxy.codec.http1 import CONTINUE, Http1ServerCodec, MalformedMessageError
from proxy.codec.message import HTTP_1_1, Headers, RequestHead, ResponseHead

if TYPE_CHECKING:
    import socket

_log = logging.getLogger("proxy.admin")

MAX_CONNECTIONS = 64
MAX_BODY = 8 * 1024
REQUEST_TIMEOUT = 5.0
RESPONSE_TIMEOUT = 30.0
IDLE_TIMEOUT = 60.0
READ_SIZE = 1 << 14
STREAM_INTERVAL = 0.1
"""Seconds that lines are gathered for whoever follows the log."""

Answer = Callable[[Request], Awaitable[Response]]


class AdminServer:
    """Accepts and answers until cancelled."""

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        """`listener` is bound and listening; it is closed with the server."""
        self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
        self._answer = answer
        self._open: dict[trio.CancelScope, None] = {}
        """Each connection's, the one that has been silent the longest first."""

    async def run(self) -> None:
        async with self._listener, trio.open_nursery() as nursery:
            while True:
                try:
                    stream = await self._listener.accept()
                except OSError as error:
                    _log.warning("cannot accept: %s", error)
                    await trio.sleep(0.1)
                    continue
                if len(self._open) >= MAX_CONNECTIONS:
                    silent = next(iter(self._open))
                    del self._open[silent]
                    silent.cancel()
                scope = trio.CancelScope()
                self._open[scope] = None
                nursery.start_soon(self._serve, stream, scope)

    async def _serve(self, stream: trio.SocketStream, scope: trio.CancelScope) -> None:
        async def asked(request: Request) -> Response:
            if scope in self._open:
                self._open[scope] = self._open.pop(scope)  # to the end: it has just spoken
            return await self._answer(request)

        try:
            with scope:
                async with stream:
                    await AdminConnection(stream, asked, is_local=_is_local(stream)).run()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # The client went away, which is its right.
        except Exception:
            _log.exception("an admin connection failed")
        finally:
            self._open.pop(scope, None)


class AdminConnection:
    """One connection: requests one after another, each answered before the next is read."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        answer: Answer,
        *,
        is_local: bool,
        idle_timeout: float = IDLE_TIMEOUT,
    ) -> None:
        self._stream = stream
        self._answer = answer
        self._is_local = is_local
        self._idle_timeout = idle_timeout
        self._codec = Http1ServerCodec()

    async def run(self) -> None:
        """Serve until the client leaves, errs or falls silent."""
        keep = True
        while keep:
            try:
                request = await self._read_request()
            except MalformedMessageError as error:
                await self._refuse(error)
                return
            except trio.TooSlowError:
                return
            if request is None:
                return
            keep = await self._write(await self._answer(request))

    async def _read_request(self) -> Request | None:
        """The next request; None at the end. Raises MalformedMessageError, TooSlowError."""
        data = b""
        with trio.fail_after(self._idle_timeout) as scope:
            while (parsed := self._codec.read_head(data)) is None:
                data = bytes(await self._stream.receive_some(READ_SIZE))
                if not data:
                    return None
                scope.deadline = min(scope.deadline, trio.current_time() + REQUEST_TIMEOUT)
            head, ended, awaits_continue = parsed
            scope.deadline = trio.current_time() + REQUEST_TIMEOUT
            if awaits_continue and not ended:
                await self._stream.send_all(CONTINUE)
            body = b"" if ended else await self._read_body()
        return _request(head, body, is_local=self._is_local)

    async def _read_body(self) -> bytes:
        body, ended = self._codec.read_body(self._codec.take_kept())
        while not ended:
            if len(body) > MAX_BODY:
                break
            data = bytes(await self._stream.receive_some(READ_SIZE))
            if not data:
                raise MalformedMessageError("the body is cut short")
            more, ended = self._codec.read_body(data)
            body += more
        if len(body) > MAX_BODY:
            raise MalformedMessageError(f"allowed are bodies of {MAX_BODY} bytes", 413)
        return body

    async def _write(self, response: Response) -> bool:
        """Send the answer; whether the connection may carry another request."""
        if response.stream is not None:
            try:
                await self._follow(response, response.stream)
            finally:
                response.stream.leave()
            return False
        headers = Headers()
        if response.status != 204:
            headers["content-type"] = response.content_type
        for name, value in response.headers:
            headers[name] = value
        length = None if response.status == 204 else len(response.body)
        head = ResponseHead(response.status, headers, HTTP_1_1, length)
        wire, closes = self._codec.write_head(head, not response.body, True)
        if response.body:
            wire += self._codec.write_body(response.body) + self._codec.write_end(None)
        with trio.move_on_after(RESPONSE_TIMEOUT) as scope:
            await self._stream.send_all(wire)
        self._codec.next()
        return not closes and not scope.cancelled_caught

    async def _follow(self, response: Response, stream: Stream) -> None:
        """Send what there is, again and again, until the client leaves or does not take it. Only while
        somebody listens is there a timer."""
        headers = Headers()
        headers["content-type"] = response.content_type
        head = ResponseHead(response.status, headers, HTTP_1_1, None)
        wire, _ = self._codec.write_head(head, False, False)

        async def leave_with_client() -> None:
            while await self._stream.receive_some(READ_SIZE):
                pass
            nursery.cancel_scope.cancel()

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(leave_with_client)
                while True:
                    if wire:
                        with trio.fail_after(RESPONSE_TIMEOUT):
                            await self._stream.send_all(wire)
                    await trio.sleep(STREAM_INTERVAL)
                    found = stream.take()
                    wire = self._codec.write_body(found) if found else b""
        except* (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            pass  # The client went away, or does not take what it asked for.

    async def _refuse(self, error: MalformedMessageError) -> None:
        text = f"{error}\n".encode()
        wire = (
            f"HTTP/1.1 {error.status} Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        )
        with trio.move_on_after(RESPONSE_TIMEOUT):
            await self._stream.send_all(wire.encode() + text)


def _request(head: RequestHead, body: bytes, *, is_local: bool) -> Request:
    headers = {name: value.decode("latin-1") for name, value in head.headers.items()}
    return Request(head.method, head.path, headers, body, is_local)


def _is_local(stream: trio.SocketStream) -> bool:
    try:
        ip = stream.socket.getpeername()[0]
    except OSError:
        return False
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
