"""`mesh dashboard` in front of a made-up web service, and a tap API that tells what a test tells it.

The forwarder is the real one: its guard, its paths, the way it hands a stream on.
"""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import urllib3

from cli.dashboard.listener import listen, url_of
from cli.dashboard.own import Own
from cli.dashboard.upstream import HttpUpstream
from cli.dashboard.watching import TapApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.dashboard import Service

Json = dict[str, Any]
POD = "emojivoto/web-5d4f-x7k2p"


@dataclass
class FakeTap:
    """Whoever watches hears everything that is told from then on."""

    asked: list[tuple[str, Json]] = field(default_factory=list)
    """Path and body of every question."""
    refusal: tuple[int, Json] | None = None
    started: Json = field(default_factory=lambda: {"pods": [POD]})
    _viewers: list[SimpleQueue[Json | None]] = field(default_factory=list)

    def tell(self, *messages: Json) -> None:
        for viewer in list(self._viewers):
            for message in messages:
                viewer.put(message)

    def tell_call(self, events: list[Json]) -> None:
        self.tell(*({"event": event} for event in events))

    def hang_up(self) -> None:
        """Ends every stream."""
        for viewer in list(self._viewers):
            viewer.put(None)

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    def watch(self) -> Iterator[Json]:
        viewer: SimpleQueue[Json | None] = SimpleQueue()
        self._viewers.append(viewer)
        try:
            yield {"started": self.started}
            while (message := viewer.get()) is not None:
                yield message
        finally:
            self._viewers.remove(viewer)


class _ApiServer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tap: FakeTap

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.tap.asked.append((self.path, body))
        if self.tap.refusal is not None:
            status, said = self.tap.refusal
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for message in self.tap.watch():
            line = json.dumps(message).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that left."""


@contextmanager
def _serving(server: http.server.HTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def forwarded(service: Service, tap: FakeTap, checks: str = "{}") -> Iterator[str]:
    """The URL of the dashboard as `mesh dashboard` serves it; `checks` is what they say."""
    handler = type("BoundApiServer", (_ApiServer,), {"tap": tap})
    api_server = _Server(("127.0.0.1", 0), handler)
    with _serving(api_server), urllib3.PoolManager(maxsize=16) as pool:
        web = HttpUpstream(f"http://127.0.0.1:{service.port}", pool)
        there = HttpUpstream(f"http://127.0.0.1:{api_server.server_address[1]}", pool)
        server = listen("localhost", 0, web, Own(TapApi(there, "weft"), lambda: checks))
        try:
            with _serving(server):
                yield url_of("localhost", server)
        finally:
            tap.hang_up()
