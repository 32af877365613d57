"""Requests to the Kubernetes API: plain dicts in and out, our own errors, no models.

The library's typed models cost tens of megabytes and a pass over every object; control-plane
processes read a handful of fields of many objects, so they take the JSON as it is.
"""

import json
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from kit import nesting
from kit.kube import config, errors
from kit.kube.objects import Object, Resource, key

log = logging.getLogger(__name__)

TOO_DEEP = "TOO DEEP"
"""The type of a watch event whose object cannot be read; of the object only its metadata's values are there."""
PAGE = 500  # objects per page of a list, as client-go asks
_TIMEOUT = aiohttp.ClientTimeout(total=30.0, sock_connect=5.0)
_MERGE = "application/merge-patch+json"

Params = Mapping[str, str | int]


class Client:
    """One session with an API server. Close it, or use `async with`.

    Every method raises `kit.kube.errors`: Unreachable when there is no answer, an ApiError when
    the answer is a failure.
    """

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration
        self._base = str(configuration.host).rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=config.tls_context(configuration), limit=0, socket_factory=_socket
            ),
            headers={"Accept": "application/json", "User-Agent": "weft"},
            timeout=_TIMEOUT,
        )

    @classmethod
    async def connect(cls, kubeconfig: Path | None = None, context: str | None = None) -> Self:
        """A client of the cluster the file (or the pod's service account) names. Raises ConfigError."""
        return cls(await config.load(kubeconfig, context))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        return await self.request("GET", resource.path(namespace, name))

    async def list(
        self, resource: Resource, namespace: str | None = None, **selectors: str
    ) -> tuple[list[Object], str]:
        """All objects, and the resource version to watch from. Selectors: labelSelector, fieldSelector.

        One that nests too deeply to be read is left out, with a line in the log.
        """
        items: list[Object] = []
        params: dict[str, str | int] = {**selectors, "limit": PAGE}
        while True:
            async with self._open("GET", resource.path(namespace), params=params) as response:
                page = _decode(await response.read(), _OF_A_LIST)
            items += [one for one in page.get("items") or [] if not _too_deep(resource, one)]
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                return items, str(meta.get("resourceVersion") or "")
            params["continue"] = str(meta["continue"])

    async def create(
        self, resource: Resource, body: Object, namespace: str | None = None, *, sub: str = ""
    ) -> Object:
        full = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        name = full.get("metadata", {}).get("name") if sub else None
        return await self.request("POST", resource.path(namespace, name, sub), body=full)

    async def patch(
        self,
        resource: Resource,
        name: str,
        body: Object,
        namespace: str | None = None,
        *,
        sub: str = "",
        content_type: str = _MERGE,
    ) -> Object:
        return await self.request(
            "PATCH", resource.path(namespace, name, sub), body=body, content_type=content_type
        )

    async def delete(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        return await self.request("DELETE", resource.path(namespace, name))

    async def watch(
        self,
        resource: Resource,
        version: str,
        namespace: str | None = None,
        *,
        seconds: int,
        **selectors: str,
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """The changes after `version` as (type, object), bookmarks included, for up to `seconds`.

        What nests too deeply to be read is TOO_DEEP instead of added or modified, with a line in the log.

        One connection; ends quietly when the server ends it. `kit.kube.watch` is the one that lasts.
        """
        params: dict[str, str | int] = {
            **selectors,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": seconds,
        }
        quiet = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=seconds + 30.0)
        async with self._open(
            "GET", resource.path(namespace), params=params, timeout=quiet
        ) as response:
            async for line in _lines(response):
                event = _decode(line, _OF_A_WATCH)
                kind, obj = str(event.get("type")), event.get("object") or {}
                if kind == "ERROR":
                    raise errors.from_status(obj)
                if kind in ("ADDED", "MODIFIED") and _too_deep(resource, obj):
                    kind = TOO_DEEP
                yield kind, obj

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """One request to any path of the API; JSON in, JSON out."""
        async with self._open(
            method, path, params=params, body=body, content_type=content_type
        ) as response:
            answer = _decode(await response.read(), level=1)
        if nesting.is_outline(answer):
            raise errors.Unreachable(f"{method} {path}: the answer is nested too deeply to be read")
        return answer

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = await self._credentials()
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        try:
            async with self._session.request(
                method,
                self._base + path,
                params=params,
                data=data,
                headers=headers,
                timeout=timeout,
                server_hostname=self._configuration.tls_server_name,
                proxy=self._configuration.proxy,
            ) as response:
                if response.status >= 400:
                    raise errors.from_body(response.status, await response.read())
                yield response
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            why = str(error) or type(error).__name__
            raise errors.Unreachable(f"{method} {self._base}{path}: {why}") from error

    async def _credentials(self) -> dict[str, str]:
        """Asked anew for each request: the kubelet rotates the pod's token."""
        bearer = await self._configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": bearer} if bearer else {}


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length: one line is one object, and aiohttp's own reader bounds a line."""
    held = bytearray()
    async for chunk in response.content.iter_any():
        held += chunk
        *whole, rest = held.split(b"\n")
        for line in whole:
            if line.strip():
                yield bytes(line)
        held = bytearray(rest)


_OF_A_LIST, _OF_A_WATCH = 3, 2  # the level of an object in a page and in an event


def _decode(body: bytes, level: int) -> Object:
    """Objects are at `level`; too deep ones are outlines."""
    try:
        value = nesting.decode(body, level)
    except ValueError as error:
        raise errors.Unreachable(f"the answer is not JSON: {body[:80]!r}") from error
    if not isinstance(value, dict):
        raise errors.Unreachable(f"the answer is not a JSON object: {body[:80]!r}")
    return value


def _too_deep(resource: Resource, obj: Object) -> bool:
    """Any tenant can make such an object: it must not cost the others theirs."""
    if not nesting.is_outline(obj):
        return False
    about = {"resource": str(resource), "object": str(key(obj))}
    log.warning("an object is nested too deeply to be read; it is left out", extra=about)
    return True


def _socket(address: Any) -> socket.socket:
    """A socket that notices within a minute when the other side is gone without a word."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 50_000)
    return made
