"""The tap API's answer, cut anywhere; and its refusals."""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import Configuration

from cli.cluster.client import RestCluster
from cli.cluster.errors import Forbidden, Unreachable
from cli.live.question import Filters, ask
from cli.live.stream import (
    ASKED_AGAIN,
    MAX_LINE,
    ApiServerTap,
    Message,
    NothingToTap,
    TapRefused,
    messages,
    refusal,
)

QUESTION = ask(["deploy/web"], "emojivoto", Filters())
SENT = [{"started": {"pods": ["a/b"]}}, {"event": {"id": "1:0"}}, {"dropped": "3"}]
WIRE = b"".join(json.dumps(one).encode() + b"\n" for one in SENT)


@given(st.lists(st.integers(0, len(WIRE))))
def test_bytes_split_everywhere(cuts: list[int]) -> None:
    edges = sorted({0, len(WIRE), *cuts})
    parts = [WIRE[a:b] for a, b in itertools.pairwise(edges)]
    assert list(messages(iter(parts))) == SENT


def test_an_unfinished_line_is_no_message() -> None:
    assert list(messages(iter([WIRE, b'{"event'])))  == SENT  # fmt: skip


@pytest.mark.parametrize("line", [b"x\n", b"[]\n", b"\n", b"x" * (MAX_LINE + 1)])
def test_what_is_no_message(line: bytes) -> None:
    with pytest.raises(TapRefused):
        list(messages(iter([line])))


@pytest.mark.parametrize(
    ("status", "body", "kind", "text", "hint"),
    [
        (403, {"message": "jane cannot watch"}, Forbidden, "jane cannot watch", "weft-weft-tap-admin"),
        (404, {"error": "no pods to tap"}, NothingToTap, "no pods to tap", ""),
        (404, {"message": "the server could not find"}, TapRefused, "could not find", "Is tap installed?"),
        (400, {"error": "max_rps"}, TapRefused, "max_rps", ""),
        (503, {"message": "service unavailable"}, TapRefused, "503", "Is tap installed?"),
    ],
)  # fmt: skip
def test_refusals(status: int, body: Any, kind: type, text: str, hint: str) -> None:
    error = refusal(status, json.dumps(body).encode(), "weft")
    assert type(error) is kind
    assert text in error.message
    assert hint in error.hint


@pytest.mark.parametrize("body", [b"", b"service unavailable", b"[]", b"\xff"])
def test_refusals_that_are_no_json(body: bytes) -> None:
    assert "503" in refusal(503, body, "weft").message


# --- over a socket --------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    answer: ClassVar[tuple[int, bytes]] = (200, WIRE)
    seen: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, json.loads(body), self.headers.get("Impersonate-User")))
        self.send_response(self.answer[0])
        self.end_headers()
        self.wfile.write(self.answer[1])

    def log_message(self, *_: Any) -> None:
        """Silent."""


@contextmanager
def tap(
    status: int, body: bytes, handler: type[Handler] = Handler, **more: int
) -> Iterator[ApiServerTap]:
    one = type("One", (handler,), {"answer": (status, body), **more})
    server = HTTPServer(("127.0.0.1", 0), one)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        configuration = Configuration(host=f"http://127.0.0.1:{server.server_port}")
        cluster = RestCluster(configuration, {"user": "jane"})
        yield ApiServerTap(cluster, "weft", sleep=lambda seconds: None)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_stream() -> None:
    with tap(200, WIRE) as api:
        assert list(api.watch(QUESTION)) == SENT
    assert Handler.seen[-1] == (QUESTION.path, QUESTION.body, "jane")


class Breaking(Handler):
    """Ends each of its first answers inside of it."""

    breaks: ClassVar[int] = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        kind = type(self)
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(self.answer[1]), self.answer[1]))
        if kind.breaks:
            kind.breaks -= 1
        else:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True


def troubles(found: list[Message]) -> list[str]:
    return [one["trouble"]["reason"] for one in found if "trouble" in one]


@pytest.mark.parametrize("breaks", [1, ASKED_AGAIN, 2 * ASKED_AGAIN])
def test_a_stream_that_breaks_off_is_asked_for_again(breaks: int) -> None:
    with tap(200, WIRE, Breaking, breaks=breaks) as api:
        found = list(api.watch(QUESTION))
    assert [one for one in found if "trouble" not in one] == SENT * (breaks + 1)
    assert len(troubles(found)) == breaks
    assert all("broke off" in one and "asked for again" in one for one in troubles(found))


def test_a_stream_that_always_breaks_off_is_given_up() -> None:
    quiet = WIRE.splitlines(keepends=True)[0]
    found: list[Message] = []
    with (
        tap(200, quiet, Breaking, breaks=99) as api,
        pytest.raises(Unreachable, match="the stream broke off"),
    ):
        found.extend(api.watch(QUESTION))
    assert len(troubles(found)) == ASKED_AGAIN


def test_a_refused_stream() -> None:
    with tap(403, b'{"message": "no"}') as api, pytest.raises(Forbidden, match="no"):
        list(api.watch(QUESTION))


def test_no_server() -> None:
    with tap(200, b"") as api:
        pass
    with pytest.raises(Unreachable):
        list(api.watch(QUESTION))
