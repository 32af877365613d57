"""pods/proxy and services/proxy: an HTTP reverse proxy, streaming both ways.

Names are `NAME`, `NAME:PORT` or `https:NAME:PORT`; a service's port may be a name. Over https the
pod's certificate is not checked, as the real server does not.
"""

import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from sandbox.apiserver.call import Call
from sandbox.apiserver.errors import ApiError, BadRequestError, NotFoundError, UnavailableError
from sandbox.apiserver.kinds import POD, SERVICE
from sandbox.apiserver.objects import Obj, containers_of, spec_of, status_of
from sandbox.apiserver.resolver import Target, ready_targets
from sandbox.apiserver.store import Store

CONNECT_SECONDS = 10.0
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length",
    }
)  # fmt: skip
NOT_FORWARDED = HOP_BY_HOP | {"host", "authorization", "impersonate-user", "impersonate-group"}


class BadGatewayError(ApiError):
    code, reason = 502, "BadGateway"


@dataclass(frozen=True, slots=True)
class ProxyName:
    scheme: str
    name: str
    port: str


def parse_name(text: str) -> ProxyName:
    """`name`, `name:port`, `scheme:name:port`. BadRequestError for anything else."""
    match text.split(":"):
        case [name]:
            return ProxyName("http", name, "")
        case [name, port]:
            return ProxyName("http", name, port)
        case [("http" | "https" | "") as scheme, name, port]:
            return ProxyName(scheme or "http", name, port)
    raise BadRequestError(f'invalid proxy name "{text}": want name, name:port or https:name:port')


def pod_target(pod: Obj, port: str) -> Target:
    """Where a pod is reached. Without a port: the first one its containers name, else 80."""
    address = status_of(pod).get("podIP")
    if not address:
        raise UnavailableError(f'address not allowed: pod "{pod["metadata"]["name"]}" has no IP')
    declared = [port for one in containers_of(spec_of(pod)) for port in one.get("ports") or []]
    if not port:
        return Target(address, declared[0]["containerPort"] if declared else 80)
    if port.isdigit():
        return Target(address, int(port))
    for one in declared:
        if one.get("name") == port:
            return Target(address, one["containerPort"])
    raise BadRequestError(f'pod "{pod["metadata"]["name"]}" has no port called "{port}"')


class Proxy:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._client: httpx.AsyncClient | None = None

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def handle(self, call: Call) -> Response:
        wanted = parse_name(call.path.name)
        target = self._target(call, wanted)
        path = call.path.rest or "/"
        url = httpx.URL(
            scheme=wanted.scheme,
            host=target.address,
            port=target.port,
            raw_path=path.encode()
            + (b"?" + call.request.url.query.encode() if call.request.url.query else b""),
        )
        request = self._http().build_request(
            call.request.method,
            url,
            headers=[
                (name, value)
                for name, value in call.request.headers.items()
                if name.lower() not in NOT_FORWARDED
            ],
            content=call.request.stream() if _has_body(call) else None,
        )
        try:
            answer = await self._http().send(request, stream=True)
        except httpx.ConnectError as error:
            message = (
                f"error trying to reach service: dial tcp {target.address}:{target.port}: {error}"
            )
            raise UnavailableError(message) from error
        except httpx.HTTPError as error:
            raise BadGatewayError(f"error trying to reach service: {error!r}") from error
        response = StreamingResponse(
            _pieces(answer), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        response.raw_headers = [
            (name.lower(), value)
            for name, value in answer.headers.raw
            if name.lower().decode("latin-1") not in HOP_BY_HOP - {"content-length"}
        ]
        return response

    def _target(self, call: Call, wanted: ProxyName) -> Target:
        namespace = call.path.namespace
        if call.kind == POD:
            return pod_target(self._store.get(POD, namespace, wanted.name), wanted.port)
        if call.kind == SERVICE:
            targets = ready_targets(self._store, namespace, wanted.name, wanted.port)
            return random.choice(targets)  # noqa: S311 - spreads load, guards nothing
        raise NotFoundError.path()

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
            # No connection is kept: a pod's address may be another pod's a moment later.
            limits = httpx.Limits(max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                verify=context, timeout=timeout, limits=limits, trust_env=False
            )
        return self._client


def _has_body(call: Call) -> bool:
    headers = call.request.headers
    return "content-length" in headers or "transfer-encoding" in headers


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
