"""HAProxy and nginx as plain HTTP/1 proxies: what software that only forwards costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.namespaces import SERVER, SERVICE_PORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[[Path, int], list[str]]

_HAPROXY = """\
global
  nbthread 1
  maxconn 5000
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  http-reuse always
listen next
  bind 127.0.0.1:{port}
  server next {target}
"""

_NGINX = """\
daemon off;
master_process off;
user root;
pid {folder}/proxy.pid;
error_log {folder}/proxy.err;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  upstream next {{
    server {target};
    keepalive 200;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://next;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


def haproxy(folder: Path, port: int) -> list[str]:
    """Listens on loopback, forwards to the service."""
    config = folder / "haproxy.cfg"
    config.write_text(_HAPROXY.format(port=port, target=f"{SERVER.ip}:{SERVICE_PORT}"))
    return ["haproxy", "-db", "-f", str(config)]


def nginx(folder: Path, port: int) -> list[str]:
    """As `haproxy`."""
    config = folder / "proxy.conf"
    target = f"{SERVER.ip}:{SERVICE_PORT}"
    config.write_text(_NGINX.format(folder=folder, port=port, target=target))
    return ["nginx", "-c", str(config), "-p", str(folder)]
