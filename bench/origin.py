"""The application behind the proxies: nginx for HTTP/1 and bulk, nghttpd for gRPC."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.namespaces import SERVER, SERVICE_PORT
from bench.processes import OTHER_CORE, program, wait_listening
from bench.works import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NGINX = """\
worker_processes 1;
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  sendfile on;
  server {{
    listen {ip}:{port};
    listen 127.0.0.1:{port};
    location / {{ return 200 "hello world, this is a small body\\n"; }}
    location = /bulk {{ alias {folder}/bulk; }}
  }}
}}
"""
_BULK_BYTES = 16 << 20


@contextmanager
def origin(shape: Shape, folder: Path) -> Iterator[None]:
    """Serve on the service's port in the server pod until the block ends."""
    command = _nghttpd(folder) if shape is Shape.GRPC_PAIR else _nginx(folder)
    with program(SERVER, "origin", *command, core=OTHER_CORE, folder=folder):
        wait_listening(SERVER, SERVICE_PORT)
        yield


def _nginx(folder: Path) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, ip=SERVER.ip, port=SERVICE_PORT))
    bulk = folder / "bulk"
    if not bulk.exists():
        bulk.write_bytes(bytes(_BULK_BYTES))
    return ["nginx", "-c", str(config), "-p", str(folder)]


def _nghttpd(folder: Path) -> list[str]:
    """A unary answer: one length-prefixed message and the status as a trailer."""
    (folder / "echo").write_bytes(b"\0\0\0\0\5hello")
    return [
        "nghttpd", "--no-tls", "--workers=1", f"--htdocs={folder}", "--trailer=grpc-status: 0",
        str(SERVICE_PORT),
    ]  # fmt: skip
