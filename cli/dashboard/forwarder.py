"""One request handed on, its answer handed back as it comes.

Bodies are passed on piece by piece, so that server-sent events arrive when they happen. Of the
reader's headers only those go up that the answer depends on, of the answer's only those come down
that a browser needs: neither credentials nor the API server's own headers pass through.
"""

import http.server
import json
from collections.abc import Mapping
from typing import ClassVar

import urllib3

from cli.dashboard.guard import HEADERS, refuse
from cli.dashboard.own import CHECK, Own
from cli.dashboard.upstream import Upstream
from cli.dashboard.watching import api_path
from weft.numbers import whole_number

UP = ("accept", "accept-encoding", "content-type", "if-none-match")
DOWN = ("content-type", "content-encoding", "content-length", "etag", "vary", "cache-control")
MAX_BODY = 64 << 10
MAX_REFUSAL = 64 << 10
PIECE = 64 << 10
NO_BODY = (204, 304)
NO_API_SERVER = "Open the dashboard without --api-addr, with a kubeconfig."


class Forwarder(http.server.BaseHTTPRequestHandler):
    """A subclass with `upstream` set handles the connections of a server."""

    upstream: ClassVar[Upstream]
    own: ClassVar[Own] = Own()
    protocol_version = "HTTP/1.1"
    server_version = "mesh"
    sys_version = ""
    timeout: ClassVar[float | None] = 300.0  # seconds an idle connection is kept

    def do_GET(self) -> None:
        self._forward(None)

    def do_HEAD(self) -> None:
        self._forward(None)

    def do_POST(self) -> None:
        length = whole_number(self.headers.get("Content-Length", ""))
        if length is None or length > MAX_BODY:
            self.close_connection = True
            self._say(413, f"a request has at most {MAX_BODY} bytes, and says how many")
            return
        self._forward(self.rfile.read(length))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
        """Nothing: the terminal belongs to the reader."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses by itself carries the headers too."""
        self.close_connection = True
        self._say(code, message or explain or "this request cannot be read")

    def _forward(self, body: bytes | None) -> None:
        given = {name.lower(): value for name, value in self.headers.items()}
        refusal = refuse(self.command, self.path, given)
        if refusal is not None:
            self._say(refusal.status, refusal.why)
            return
        headers = {name: given[name] for name in UP if name in given}
        if self.path == CHECK:
            self._check()
            return
        watched = api_path(self.path)
        if watched is not None:
            self._watch(watched, headers, body)
            return
        answer = self._ask(self.upstream, self.path, headers, body)
        if answer is not None:
            self._hand_back(answer)

    def _check(self) -> None:
        found = self.own.checked()
        if found is None:
            self._say(501, "what is checked is the cluster", NO_API_SERVER)
        else:
            self._write(200, found.encode())

    def _watch(self, path: str, headers: Mapping[str, str], body: bytes | None) -> None:
        """Live requests, or why there are none and what to do about it."""
        tap = self.own.tap
        if tap is None:
            self._say(501, "live requests are asked of the API server", NO_API_SERVER)
            return
        answer = self._ask(tap.api_server, path, headers, body)
        if answer is None:
            return
        if answer.status < 400:
            self._hand_back(answer)
            return
        try:
            why = tap.why(answer.status, answer.read(MAX_REFUSAL, decode_content=True))
            self._say(answer.status, why.message, why.hint)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._say(502, f"the cluster does not answer: {error}")
        finally:
            answer.close()

    def _ask(
        self, upstream: Upstream, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse | None:
        """An answer whose body is not read yet; None when there is none, which has been said."""
        try:
            return upstream.open(self.command, path, headers, body)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._say(502, f"the cluster does not answer: {error}")
            return None

    def _hand_back(self, answer: urllib3.BaseHTTPResponse) -> None:
        try:
            self._answer(answer)
        except (urllib3.exceptions.HTTPError, OSError):
            self.close_connection = True  # one side is gone; half an answer must not look whole
        finally:
            answer.close()

    def _answer(self, answer: urllib3.BaseHTTPResponse) -> None:
        down = {name: answer.headers[name] for name in DOWN if name in answer.headers}
        whole = self.command == "HEAD" or answer.status in NO_BODY or "content-length" in down
        self.send_response_only(answer.status)
        for name, value in {**{key.lower(): text for key, text in HEADERS.items()}, **down}.items():
            self.send_header(name, value)
        if not whole:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD" or answer.status in NO_BODY:
            return
        while piece := answer.read1(PIECE):
            self.wfile.write(piece if whole else b"%x\r\n%s\r\n" % (len(piece), piece))
        if not whole:
            self.wfile.write(b"0\r\n\r\n")

    def _say(self, status: int, why: str, hint: str = "") -> None:
        """A failure in a sentence; `hint` says what would change it."""
        self._write(status, json.dumps({"error": why} | ({"hint": hint} if hint else {})).encode())

    def _write(self, status: int, body: bytes) -> None:
        """An answer of our own, in JSON."""
        self.send_response_only(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
