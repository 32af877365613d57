"""A pod's port as a Unix socket: bytes, many connections, and errors in words."""

import http.server
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.cluster.portforward import ForwardError
from cli.cluster.tunnel import get_through, tunnel_through
from cli.tests.loopback import forward_to
from testkit.ports import free_ports


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"you asked for {self.path}\n".encode() * 1000
        self.send_response(200 if self.path == "/metrics" else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_through_a_tunnel(port: int) -> None:
    with tunnel_through(lambda: forward_to(port)) as made:
        for path, status in (("/metrics", 200), ("/ready", 503)):
            found, body = get_through(made, path, "pod p")
            assert found == status
            assert body == f"you asked for {path}\n".encode() * 1000


def test_nobody_else_on_this_host_can_use_it(port: int) -> None:
    with tunnel_through(lambda: forward_to(port)) as made:
        folder = Path(made.path).parent
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert not folder.exists()


def test_a_port_that_refuses_is_an_error_in_words() -> None:
    (nobodys,) = free_ports(1)
    with (
        tunnel_through(lambda: forward_to(nobodys)) as made,
        pytest.raises(ForwardError, match=f"pod p port {nobodys}: Connection refused"),
    ):
        get_through(made, "/", "pod p")


def test_an_answer_that_is_no_http_is_an_error_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(4096)
                accepted.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        with (
            tunnel_through(lambda: forward_to(port)) as made,
            pytest.raises(ForwardError),
        ):
            get_through(made, "/", "pod p")
        thread.join()
