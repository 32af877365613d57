"""What an API server is to a webhook: an authority that it believes, and reviews that it posts over TLS."""

import asyncio
import io
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from testkit.nested import written
from weft.pki import keys
from weft.pki.certificate import Lifetime, Signer, make_anchor, make_leaf, to_pem


def write_certificate(folder: Path, host: str) -> str:
    """A fresh certificate in tls.crt and tls.key; returns the authority that verifies it."""
    authority_key, key = keys.generate(), keys.generate()
    now = datetime.now(UTC)
    lifetime = Lifetime(now - timedelta(hours=1), now + timedelta(hours=1))
    authority = make_anchor("authority", authority_key, lifetime)
    leaf = make_leaf([host], key.public_key(), lifetime, Signer(authority, authority_key))
    (folder / "tls.crt").write_bytes(to_pem(leaf))
    (folder / "tls.key").write_bytes(keys.to_pem(key))
    return to_pem(authority).decode()


async def post(
    address: str, host: str, authority: str, body: bytes, maximum: ssl.TLSVersion | None = None
) -> tuple[int, Any]:
    """Status and JSON of the answer. Insists on the certificate's name."""
    context = ssl.create_default_context(cadata=authority)
    if maximum is not None:
        context.maximum_version = maximum
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.post(address, data=io.BytesIO(body), server_hostname=host) as response,
    ):
        return response.status, await response.json(content_type=None)


async def believed(ask: Callable[[], Awaitable[tuple[int, Any]]], tries: int) -> int:
    """The first status that comes with a certificate which `ask` believes."""
    for _ in range(tries):
        try:
            return (await ask())[0]
        except aiohttp.ClientConnectorCertificateError:
            await asyncio.sleep(0.01)
    raise AssertionError("the new certificate is not presented")


def review(
    target: Any,
    kind: str,
    group: str = "",
    *,
    version: str = "v1",
    operation: str = "CREATE",
    **request: Any,
) -> bytes:
    """The body of an AdmissionReview; `request` is put over the request's fields."""
    asked = {
        "uid": "u",
        "kind": {"group": group, "version": "v1", "kind": kind},
        "namespace": "shop",
        "operation": operation,
        "object": target,
        **request,
    }
    body = {
        "apiVersion": f"admission.k8s.io/{version}",
        "kind": "AdmissionReview",
        "request": asked,
    }
    return written(body).encode()
