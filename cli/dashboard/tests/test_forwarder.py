"""The local server in front of a web service on a real socket."""

import http.client
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import urllib3

from cli.cluster.web_api import WebUnavailable
from cli.dashboard.guard import HEADERS
from cli.dashboard.listener import listen, url_of
from cli.dashboard.own import CHECK, Own
from cli.dashboard.upstream import HttpUpstream, wait_until_there
from cli.dashboard.watching import TapApi
from cli.failure import CommandError
from testkit.ports import free_ports

CREDENTIALS = {"Authorization": "Bearer of-the-reader", "Accept": "application/json"}


class WebService(http.server.BaseHTTPRequestHandler):
    """Says what it was asked; `/stream` gives an event and waits until it may give another."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()
    ready = True

    def do_GET(self) -> None:
        if self.path.endswith("/stream"):
            self._stream()
        elif self.path.endswith("/away"):
            self.close_connection = True
        elif self.path.endswith("/half"):
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        else:
            self._say(200 if self.ready else 503, b"")

    def do_HEAD(self) -> None:
        self._say(200, b"")

    def do_POST(self) -> None:
        given = self.rfile.read(int(self.headers["Content-Length"]))
        if "/jobs/" in self.path:
            self._refuse(403, {"error": "jane may not watch", "message": "jane may not watch"})
        elif "/pods/" in self.path:
            self._refuse(404, {"error": "no proxy", "message": "no proxy"})
        elif "/services/" in self.path:
            self._refuse(503, {"kind": "Status", "message": "service unavailable"})
        else:
            self._say(200, given)

    def _refuse(self, status: int, said: dict[str, str]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
        pass

    def _say(self, status: int, body: bytes) -> None:
        said = {"path": self.path, "headers": dict(self.headers.items()), "body": body.decode()}
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Set-Cookie", "a=b")
        self.send_header("Audit-Id", "1")
        self.send_header("ETag", '"x"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(2):
            self.wfile.write(b"9\r\ndata: %d\n\n\r\n" % number)
            if not number:
                self.go_on.wait(10)
        self.wfile.write(b"0\r\n\r\n")


@contextmanager
def served(server: http.server.HTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def port() -> Iterator[int]:
    WebService.go_on.clear()
    WebService.ready = True
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), WebService)
    web.daemon_threads = True
    with served(web) as there, urllib3.PoolManager() as pool:
        upstream = HttpUpstream(f"http://127.0.0.1:{there}/prefix", pool, lambda: CREDENTIALS)
        api_server = HttpUpstream(f"http://127.0.0.1:{there}", pool, lambda: CREDENTIALS)
        own = Own(TapApi(api_server, "mesh"), lambda: '{"success": true}')
        with served(listen("localhost", 0, upstream, own)) as here:
            yield here


def ask(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_a_request_goes_up_with_the_readers_credentials_and_little_else(port: int) -> None:
    answer, body = ask(
        port, "GET", "/a?b=c", {"Accept": "text/html", "Cookie": "secret", "Referer": "x"}
    )
    said = json.loads(body)
    assert (answer.status, said["path"]) == (200, "/prefix/a?b=c")
    assert said["headers"]["Authorization"] == "Bearer of-the-reader"
    up = {name.lower(): value for name, value in said["headers"].items()}
    assert up["accept"] == "text/html"
    assert not {"cookie", "referer", "origin"} & set(up)


def test_an_answer_comes_down_with_our_headers(port: int) -> None:
    answer, _ = ask(port, "GET", "/")
    found = {name.lower(): value for name, value in answer.getheaders()}
    assert {name: found[name.lower()] for name in HEADERS} == HEADERS
    assert found["etag"] == '"x"'
    assert not {"set-cookie", "audit-id", "server"} & set(found)


def test_a_question_goes_up_with_its_body(port: int) -> None:
    _, body = ask(port, "POST", "/api/v1/stat", body=b"{}")
    assert json.loads(body)["body"] == "{}"


def test_a_live_question_goes_to_the_tap_api_in_the_readers_name(port: int) -> None:
    for path, asked in (
        ("emojivoto", "emojivoto/tap"),
        ("emojivoto/deployments/web", "emojivoto/deployments/web/tap"),
    ):
        answer, body = ask(port, "POST", f"/api/v1/tap/namespaces/{path}", body=b"{}")
        said = json.loads(body)
        assert answer.status == 200
        assert said["path"] == f"/apis/tap.linkerd.io/v1alpha1/watch/namespaces/{asked}"
        assert said["headers"]["Authorization"] == "Bearer of-the-reader"
        assert said["body"] == "{}"


@pytest.mark.parametrize(
    ("path", "status", "why", "hint"),
    [
        ("jobs/a", 403, "jane may not watch", "--clusterrole mesh-weft-tap-admin --user USER"),
        ("pods/a", 404, "no proxy", None),
        ("services/a", 503, "the tap API does not answer (503): service", "Is tap installed?"),
    ],
)
def test_why_there_are_no_live_requests(
    port: int, path: str, status: int, why: str, hint: str | None
) -> None:
    answer, body = ask(port, "POST", f"/api/v1/tap/namespaces/a/{path}", body=b"{}")
    said = json.loads(body)
    assert answer.status == status
    assert why in said["error"]
    assert hint is None or hint in said["hint"]
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_without_an_api_server_there_are_neither_live_requests_nor_checks() -> None:
    upstream = HttpUpstream("http://127.0.0.1:1", urllib3.PoolManager())
    with served(listen("localhost", 0, upstream)) as port:
        for method, path in (("POST", "/api/v1/tap/namespaces/a"), ("GET", CHECK)):
            answer, body = ask(port, method, path, body=b"{}")
            assert (answer.status, "--api-addr" in json.loads(body)["hint"]) == (501, True)


def test_checks_are_run_here(port: int) -> None:
    answer, body = ask(port, "GET", CHECK)
    assert (answer.status, json.loads(body)) == (200, {"success": True})
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    answer, _ = ask(port, "GET", CHECK, {"Origin": "http://evil.example"})
    assert answer.status == 403


def test_head_has_no_body(port: int) -> None:
    answer, body = ask(port, "HEAD", "/")
    assert (answer.status, body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_a_stream_arrives_as_it_happens(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/stream")
    answer = connection.getresponse()
    assert answer.read1() == b"data: 0\n\n"  # the service waits for us now
    WebService.go_on.set()
    assert answer.read() == b"data: 1\n\n"
    connection.close()


def test_half_an_answer_does_not_look_whole(port: int) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(port, "GET", "/half")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {"Host": "evil.example"}, 400),
        ("GET", "/", {"Origin": "http://evil.example"}, 403),
        ("POST", "/api/v1/other", {"Content-Length": "0"}, 405),
        ("POST", "/api/v1/stat", {"Content-Length": "99999999"}, 413),
        ("POST", "/api/v1/stat", {"Content-Length": "²"}, 413),
        ("BREW", "/", {}, 501),
        ("GET", "/away", {}, 502),
    ],
)
def test_refusals_are_json_and_carry_the_headers(
    port: int, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer, body = ask(port, method, path, headers)
    assert answer.status == status
    assert set(json.loads(body)) == {"error"}
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_only_addresses_of_this_host_are_bound() -> None:
    upstream = HttpUpstream("http://127.0.0.1:1", urllib3.PoolManager())
    with pytest.raises(CommandError, match="not of this host alone"):
        listen("0.0.0.0", 0, upstream)
    with listen("127.0.0.1", 0, upstream) as first:
        taken = first.server_address[1]
        with pytest.raises(CommandError, match=f"cannot listen on localhost:{taken}"):
            listen("localhost", taken, upstream)
        assert url_of("localhost", first) == f"http://localhost:{taken}"
        assert url_of("::1", first) == f"http://[::1]:{taken}"


def test_waiting_ends_when_it_answers_and_says_why_when_it_does_not(port: int) -> None:
    upstream = HttpUpstream(f"http://127.0.0.1:{port}", urllib3.PoolManager())
    wait_until_there(upstream, 5)
    WebService.ready = False
    with pytest.raises(WebUnavailable, match="it answers 503"):
        wait_until_there(upstream, 0)
    (nobody,) = free_ports(1)
    with pytest.raises(WebUnavailable, match="refused"):
        wait_until_there(HttpUpstream(f"http://127.0.0.1:{nobody}", urllib3.PoolManager()), 0)
