"""The admin server of a control-plane process: `/live`, `/ready`, `/metrics`.

`/ready` answers 503 with the conditions that are still missing, one per line, so that
`kubectl describe` and `curl` say what the process waits for.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder

from kit.lifecycle import Readiness
from weft.addresses import SocketAddress

log = logging.getLogger(__name__)


def app(readiness: Readiness, registry: CollectorRegistry = REGISTRY) -> web.Application:
    """The routes, without a socket."""

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def ready(_: web.Request) -> web.Response:
        if readiness.is_ready:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="".join(f"{name}\n" for name in readiness.missing))

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    application = web.Application()
    application.router.add_get("/live", live)
    application.router.add_get("/ready", ready)
    application.router.add_get("/metrics", metrics)
    return application


@asynccontextmanager
async def serve(
    address: SocketAddress, readiness: Readiness, registry: CollectorRegistry = REGISTRY
) -> AsyncIterator[SocketAddress]:
    """Serves until the block ends; yields the address it is bound to. Raises OSError."""
    runner = web.AppRunner(app(readiness, registry), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address.ip, address.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        log.info("serving admin", extra={"address": f"{host}:{port}"})
        yield SocketAddress(host, port)
    finally:
        await runner.cleanup()
