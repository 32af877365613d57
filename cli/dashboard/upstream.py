"""The web service as this host reaches it: through the API server with the reader's credentials, or
directly with --api-addr; and the API server itself."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import urllib3

from cli.cluster.client import RestCluster, connect, segment
from cli.cluster.web_api import WebUnavailable
from cli.options import Globals
from weft.names import WEB_COMPONENT
from weft.ports import WEB

CONNECT_TIMEOUT = 5.0
SILENCE = 60.0
"""Seconds without a byte after which an answer is given up; streams say something every few."""
RETRY = 1.0
IDLE_CONNECTIONS = 16


class Upstream(Protocol):
    """What the forwarder needs; tests answer from a socket of their own."""

    def open(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        """An answer whose body is not read yet. Raises urllib3's HTTPError, OSError."""


class HttpUpstream:
    """`base` is a URL without a slash at its end; `credentials` are asked for with every request,
    because a token may be renewed meanwhile."""

    def __init__(
        self,
        base: str,
        pool: urllib3.PoolManager,
        credentials: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._base = base
        self._pool = pool
        self._credentials = credentials

    def open(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        """Raises urllib3's HTTPError, OSError."""
        sent = urllib3.HTTPHeaderDict(self._credentials())
        for name, value in headers.items():
            sent[name] = value
        return self._pool.request(
            method,
            self._base + path,
            headers=sent,
            body=body,
            preload_content=False,
            decode_content=False,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=SILENCE),
        )


@dataclass(frozen=True, slots=True)
class Reached:
    web: Upstream
    api_server: Upstream | None
    """None with --api-addr, which names the web service alone."""


def connect_upstream(chosen: Globals) -> Reached:
    """What the global flags name. Raises ClusterError."""
    if chosen.api_addr is not None:
        pool = urllib3.PoolManager(maxsize=IDLE_CONNECTIONS)
        return Reached(HttpUpstream(f"http://{chosen.api_addr}", pool), None)
    cluster = connect(chosen)
    path = (
        f"/api/v1/namespaces/{segment(chosen.weft_namespace)}/services/{WEB_COMPONENT}:{WEB}/proxy"
    )
    return Reached(_through(cluster, path), _through(cluster, ""))


def _through(cluster: RestCluster, path: str) -> Upstream:
    return HttpUpstream(cluster.server + path, cluster.new_pool(IDLE_CONNECTIONS), cluster.headers)


def wait_until_there(upstream: Upstream, seconds: float) -> None:
    """Until the web service answers. Raises WebUnavailable when it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = upstream.open("GET", "/api/v1/version", {"Accept": "application/json"}, None)
            said = answer.read(4096).decode(errors="replace").strip()
            answer.close()
            if answer.status == 200:
                return
            why = f"it answers {answer.status}: {said}"
        except (urllib3.exceptions.HTTPError, OSError) as error:
            why = str(error)
        if time.monotonic() + RETRY > deadline:
            raise WebUnavailable(why)
        time.sleep(RETRY)
