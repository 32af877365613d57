"""The HTTPS call to a webhook: by URL, or by service through to a ready pod."""

import base64
import random
import ssl
from typing import Protocol

import httpx

from sandbox.apiserver.admission.webhook_match import Webhook
from sandbox.apiserver.admission.webhook_review import BadAnswerError
from sandbox.apiserver.errors import ApiError
from sandbox.apiserver.objects import Obj, dig
from sandbox.apiserver.resolver import ready_targets
from sandbox.apiserver.store import Store

MAX_KEPT_CLIENTS = 16


class CallFailedError(Exception):
    """The webhook could not be asked or did not answer well; `failurePolicy` decides."""


class Caller(Protocol):
    async def __call__(self, webhook: Webhook, review: Obj) -> object:
        """Sends the review; returns the decoded answer. CallFailedError when that fails."""
        ...


class HttpsCaller:
    """Keeps one client, hence its connections, per CA bundle."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def __call__(self, webhook: Webhook, review: Obj) -> object:
        config: Obj = webhook.entry["clientConfig"]
        try:
            url, server_name = self._target(config)
            client = await self._client(config.get("caBundle") or "")
            headers, extensions = {}, {}
            if server_name:
                headers["Host"] = server_name
                extensions["sni_hostname"] = server_name
            response = await client.post(
                url,
                params={"timeout": f"{webhook.timeout:.0f}s"},
                json=review,
                headers=headers,
                extensions=extensions,
                timeout=webhook.timeout,
            )
            if response.status_code != 200:
                raise CallFailedError(
                    f"the server answered {response.status_code} {response.text[:200]}"
                )
            return response.json()
        except httpx.TimeoutException as error:
            raise CallFailedError(f"no answer within {webhook.timeout:.0f}s") from error
        except (httpx.HTTPError, ApiError, ssl.SSLError, OSError, ValueError) as error:
            raise CallFailedError(str(error) or type(error).__name__) from error
        except BadAnswerError as error:
            raise CallFailedError(str(error)) from error

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _target(self, config: Obj) -> tuple[str, str]:
        """(url, name to insist on in the certificate; "" means the URL's own)."""
        service = config.get("service")
        if service is None:
            return str(config["url"]), ""
        namespace, name = service["namespace"], service["name"]
        targets = ready_targets(self._store, namespace, name, str(service.get("port") or 443))
        chosen = random.choice(targets)  # noqa: S311 - spreads load, guards nothing
        path = str(service.get("path") or "/").lstrip("/")
        return f"https://{chosen.address}:{chosen.port}/{path}", f"{name}.{namespace}.svc"

    async def _client(self, ca_bundle: str) -> httpx.AsyncClient:
        found = self._clients.get(ca_bundle)
        if found is None:
            if len(self._clients) >= MAX_KEPT_CLIENTS:
                await self.aclose()
            context = ssl.create_default_context()
            if ca_bundle:
                context = ssl.create_default_context(
                    cadata=base64.b64decode(ca_bundle).decode("ascii")
                )
            found = httpx.AsyncClient(
                verify=context,
                trust_env=False,
                follow_redirects=False,
                # A kept connection is not read while idle: a webhook that ends would wait for us.
                limits=httpx.Limits(max_keepalive_connections=0),
            )
            self._clients[ca_bundle] = found
        return found


def where(webhook: Webhook) -> str:
    """How error messages name what was called."""
    service = dig(webhook.entry, "clientConfig", "service")
    if service:
        path = service.get("path") or "/"
        return f"https://{service['name']}.{service['namespace']}.svc:{service.get('port') or 443}{path}"
    return str(dig(webhook.entry, "clientConfig", "url"))
