"""The web API through the API server and directly, and what each failure is called."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from cli.cluster.client import Json
from cli.cluster.errors import ApiError, ClusterError, Forbidden, NotFound, Unreachable
from cli.cluster.web_api import (
    DirectWebApi,
    ProxiedWebApi,
    WebRefused,
    WebUnavailable,
    connect_web,
)
from cli.options import Globals
from testkit.ports import free_ports


class OneAnswer:
    """A cluster with one answer, or one error, for everything."""

    def __init__(self, answer: Json | ClusterError) -> None:
        self.answer = answer
        self.path = ""

    def get(self, path: str, **query: str) -> Json:
        raise NotImplementedError

    def post(self, path: str, body: Json) -> Json:
        self.path = path
        if isinstance(self.answer, ClusterError):
            raise self.answer
        return self.answer


def test_through_the_api_server() -> None:
    cluster = OneAnswer({"rows": []})
    assert ProxiedWebApi(cluster, "weft").post("/api/v1/stat", {}) == {"rows": []}
    assert cluster.path == "/api/v1/namespaces/weft/services/weft-web:8084/proxy/api/v1/stat"


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (NotFound(404, "services \"weft-web\" not found"), WebUnavailable, "does not answer: services"),
        (ApiError(503, "no endpoints"), WebUnavailable, "does not answer: no endpoints"),
        (ApiError(400, "the Kubernetes API answered 400: window: no"), WebRefused, "window: no"),
        (Forbidden(403, "may not"), Forbidden, "may not"),
        (Unreachable("https://x", "refused"), Unreachable, "cannot reach the Kubernetes API"),
    ],
)  # fmt: skip
def test_failures(error: ClusterError, kind: type[ClusterError], said: str) -> None:
    with pytest.raises(kind) as caught:
        ProxiedWebApi(OneAnswer(error), "weft").post("/api/v1/stat", {})
    assert said in caught.value.message
    if kind is WebRefused:
        assert caught.value.message == said


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = asked["status"]
        body = (
            b"<html>"
            if asked.get("odd")
            else json.dumps({"error": "why", "path": self.path}).encode()
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_directly(address: str) -> None:
    api = connect_web(Globals(api_addr=address))
    assert isinstance(api, DirectWebApi)
    assert api.post("/api/v1/stat", {"status": 200})["path"] == "/api/v1/stat"
    with pytest.raises(WebRefused, match=r"^why$"):
        api.post("/", {"status": 400})
    with pytest.raises(WebUnavailable, match="why"):
        api.post("/", {"status": 503})
    with pytest.raises(WebUnavailable, match=address):
        api.post("/", {"status": 200, "odd": True})


def test_nobody_there() -> None:
    (port,) = free_ports(1)
    with pytest.raises(WebUnavailable, match=f"127.0.0.1:{port}"):
        DirectWebApi(f"127.0.0.1:{port}").post("/", {})
