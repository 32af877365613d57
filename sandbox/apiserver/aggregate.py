"""Aggregated APIs: a group and version that an APIService gives to a Service is answered there.

The caller is authenticated and authorized here, as for any request, and then named in `X-Remote-*`
headers on a connection that this server opens with a certificate of its own: the other side believes
the names because ConfigMap `extension-apiserver-authentication` says whose certificate that is.
"""

import base64
import json
import random
import ssl
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sandbox.apiserver import kinds, pki
from sandbox.apiserver.defaults.fill import fill
from sandbox.apiserver.errors import UnavailableError
from sandbox.apiserver.identity import User
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj, spec_of
from sandbox.apiserver.resolver import ready_targets
from sandbox.apiserver.store import Store
from sandbox.apiserver.streams.proxy import CONNECT_SECONDS, HOP_BY_HOP, NOT_FORWARDED

CONFIG = "extension-apiserver-authentication"
READER = "extension-apiserver-authentication-reader"
CLIENT = "front-proxy-client"
REMOTE = "x-remote-"


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """Who we are to the servers behind: an authority made for this alone, and our certificate."""

    authority: pki.KeyPair
    client: pki.KeyPair

    @classmethod
    def make(cls) -> "FrontProxy":
        authority = pki.make_ca("front-proxy-ca")
        return cls(authority, pki.make_client(authority, CLIENT, ()))


def announce(store: Store, front: FrontProxy) -> None:
    """The ConfigMap that says whom to believe, and the role to read it."""
    data = {
        "requestheader-client-ca-file": front.authority.certificate.decode(),
        "requestheader-allowed-names": json.dumps([CLIENT]),
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }
    rule = {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [CONFIG],
        "verbs": ["get", "list", "watch"],
    }
    place = {"namespace": "kube-system"}
    _put(store, kinds.CONFIG_MAP, {"metadata": {"name": CONFIG, **place}, "data": data})
    _put(store, kinds.ROLE, {"metadata": {"name": READER, **place}, "rules": [rule]})


class Aggregator:
    """Passes requests on."""

    def __init__(self, store: Store, front: FrontProxy) -> None:
        self._store = store
        self._front = front
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def find(self, path: str) -> Obj | None:
        """The APIService that a path belongs to, if somebody else answers it."""
        parts = path.strip("/").split("/")
        if len(parts) < 3 or parts[0] != "apis":
            return None
        found = self._store.find(kinds.API_SERVICE, "", f"{parts[2]}.{parts[1]}")
        return found if found is not None and spec_of(found).get("service") else None

    async def handle(self, request: Request, service: Obj, user: User) -> Response:
        """The other side's answer, streamed. UnavailableError when there is none."""
        spec = spec_of(service)
        reference = spec["service"]
        namespace, name = str(reference["namespace"]), str(reference["name"])
        targets = ready_targets(self._store, namespace, name, str(reference.get("port", 443)))
        target = random.choice(targets)  # noqa: S311 - spreads load, guards nothing
        query = request.url.query
        url = httpx.URL(
            scheme="https",
            host=target.address,
            port=target.port,
            raw_path=request.url.path.encode() + (b"?" + query.encode() if query else b""),
        )
        client = self._client(str(spec.get("caBundle") or ""))
        passed = client.build_request(
            request.method,
            url,
            headers=[*_forwarded(request), *identity_headers(user)],
            content=await request.body(),
            extensions={"sni_hostname": f"{name}.{namespace}.svc"},
        )
        try:
            answer = await client.send(passed, stream=True)
        except httpx.HTTPError as error:
            why = f"error trying to reach service: {error!r}"
            raise UnavailableError(why) from error
        response = StreamingResponse(
            _pieces(answer), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        response.raw_headers = [
            (key.lower(), value)
            for key, value in answer.headers.raw
            if key.lower().decode("latin-1") not in HOP_BY_HOP - {"content-length"}
        ]
        return response

    def _client(self, bundle: str) -> httpx.AsyncClient:
        """One for each authority; none of its connections is kept, for addresses change hands."""
        client = self._clients.get(bundle)
        if client is None:
            client = self._clients[bundle] = httpx.AsyncClient(
                verify=_context(bundle, self._front.client),
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
                limits=httpx.Limits(max_keepalive_connections=0),
                trust_env=False,
            )
        return client


def identity_headers(user: User) -> list[tuple[str, str]]:
    """The caller, as the other side reads it."""
    found = [("X-Remote-User", user.name)]
    found += [("X-Remote-Group", group) for group in user.groups]
    for key, values in user.extra.items():
        found += [(f"X-Remote-Extra-{quote(key, safe='')}", value) for value in values]
    return found


def _forwarded(request: Request) -> list[tuple[str, str]]:
    """Everything but what belongs to one connection, and what only we may say."""
    return [
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in NOT_FORWARDED and not name.lower().startswith(REMOTE)
    ]


def _context(bundle: str, client: pki.KeyPair) -> ssl.SSLContext:
    try:
        pem = base64.b64decode(bundle).decode("ascii")
        context = ssl.create_default_context(cadata=pem)
    except (ValueError, ssl.SSLError) as error:
        raise UnavailableError(f"the APIService's caBundle is unusable: {error}") from error
    with tempfile.TemporaryDirectory() as folder:  # ssl reads certificates from files only
        file = Path(folder) / "client.pem"
        file.touch(mode=0o600)
        file.write_bytes(client.certificate + client.key)
        context.load_cert_chain(file)
    return context


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()


def _put(store: Store, kind: Kind, obj: Obj) -> None:
    fill(kind, obj)
    store.create(kind, obj)
