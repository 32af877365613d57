"""Weft's web API, reached through the API server's proxy, or directly with --api-addr."""

import json
from typing import Protocol

import urllib3

from cli.cluster.client import Cluster, Json, connect, segment
from cli.cluster.errors import ApiError, ClusterError, Forbidden, NotFound
from cli.options import Globals
from weft.names import WEB_COMPONENT
from weft.ports import WEB

CHECK_HINT = "`mesh check` says what is wrong with the control plane."
_TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)


class WebUnavailable(ClusterError):
    """The web component gave no answer."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Weft's web API does not answer: {why}", hint=CHECK_HINT)


class WebRefused(ClusterError):
    """The web component answered that it cannot do what was asked; the message is its own."""


class WebApi(Protocol):
    """What commands need of the web component; tests answer with a dictionary."""

    def post(self, path: str, body: Json) -> Json:
        """Raises ClusterError. `path` begins with a slash."""


class ProxiedWebApi:
    """Through the API server, so that whoever reaches the cluster reaches this."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._prefix = (
            f"/api/v1/namespaces/{segment(namespace)}/services/{WEB_COMPONENT}:{WEB}/proxy"
        )

    def post(self, path: str, body: Json) -> Json:
        """Raises ClusterError."""
        try:
            return self._cluster.post(self._prefix + path, body)
        except Forbidden:
            raise
        except NotFound as error:
            raise WebUnavailable(error.message) from None
        except ApiError as error:
            raise _from_status(error.status, error.message) from None


class DirectWebApi:
    """At an address."""

    def __init__(self, address: str) -> None:
        self._base = f"http://{address}"
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)

    def post(self, path: str, body: Json) -> Json:
        """Raises ClusterError."""
        try:
            answer = self._pool.request("POST", self._base + path, json=body)
            said = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise WebUnavailable(f"{self._base}: {error}") from None
        if not isinstance(said, dict):
            raise WebUnavailable(f"{self._base}: the answer is not a JSON object")
        if answer.status >= 400:
            raise _from_status(answer.status, str(said.get("error") or "no reason given"))
        return said


def connect_web(chosen: Globals) -> WebApi:
    """The web API the global flags name. Raises ClusterError."""
    if chosen.api_addr is not None:
        return DirectWebApi(chosen.api_addr)
    return ProxiedWebApi(connect(chosen), chosen.weft_namespace)


def _from_status(status: int, message: str) -> ClusterError:
    if status in (400, 413):
        return WebRefused(message.removeprefix(f"the Kubernetes API answered {status}: "))
    return WebUnavailable(message)
