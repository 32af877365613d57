"""What can go wrong with the Kubernetes API; the library's own exception is always the cause.

KubeError
|-- ConfigError          no usable kubeconfig or service account
|-- Unreachable          no answer: refused, reset, timed out, TLS
`-- ApiError             an answer that is an error; has status, reason, message
    |-- BadRequest       400, 422
    |-- Unauthorized     401
    |-- Forbidden        403
    |-- NotFound         404
    |-- Conflict         409 (also: exists already)
    |-- Expired          410: the resource version is too old, list again
    |-- TooManyRequests  429
    `-- ServerError      5xx
"""

import json
from collections.abc import Mapping
from typing import Any


class KubeError(Exception):
    """Anything that kept us from an answer of the Kubernetes API."""


class ConfigError(KubeError):
    """We do not know where the API server is, or who we are there."""


class Unreachable(KubeError):
    """The API server did not answer; trying again may help."""


class ApiError(KubeError):
    """The API server answered with a Status that is a failure."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}" if message else f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.message = message


class BadRequest(ApiError):
    pass


class Unauthorized(ApiError):
    pass


class Forbidden(ApiError):
    pass


class NotFound(ApiError):
    pass


class Conflict(ApiError):
    pass


class Expired(ApiError):
    pass


class TooManyRequests(ApiError):
    pass


class ServerError(ApiError):
    pass


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: BadRequest,
    429: TooManyRequests,
}


def from_status(status: Mapping[str, Any], http_status: int = 0) -> ApiError:
    """The error a Kubernetes `Status` object describes (an ERROR watch event carries one too)."""
    code = int(status.get("code") or http_status)
    kind = _BY_STATUS.get(code, ServerError if code >= 500 else ApiError)
    return kind(code, str(status.get("reason") or "Unknown"), str(status.get("message") or ""))


def from_body(http_status: int, body: bytes) -> ApiError:
    """The error an HTTP answer describes, whether or not its body is a Status."""
    try:
        status = json.loads(body)
    except (ValueError, RecursionError):
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        status = {"message": body[:300].decode("utf-8", "replace").strip()}
    return from_status({**status, "code": http_status})
