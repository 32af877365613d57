import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from proxy.await_ready import main


@contextmanager
def admin(statuses: list[int]) -> Iterator[int]:
    """An admin server that answers with these statuses in turn; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/ready"
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_it_waits_until_the_proxy_is_ready() -> None:
    with admin([503, 200]) as port:
        assert main(["--timeout=5s", f"--port={port}"]) == 0


def test_it_gives_up_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    with admin([503]) as port:
        assert main(["--timeout=150ms", f"--port={port}"]) == 1
    assert "not ready" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--timeout=soon", "--port=0"])
def test_unusable_flags_are_named(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([flag])
    assert "is not a" in capsys.readouterr().err
