"""TLS of the aggregated API: our certificate for the API server, and its for us.

Both are read anew when they change. Until the authority of the API server's certificate is known
every handshake fails: better no answer than one to a stranger.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from kit.kube import errors
from kit.kube.client import Client
from kit.kube.objects import CONFIG_MAPS
from kit.settings import SettingsError
from tap.access import CONFIG_NAME, CONFIG_NAMESPACE, NOBODY, FrontProxy, read_front_proxy
from weft.addresses import SocketAddress

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between looks for a changed certificate or authority."""


class AuthorityChanged(Exception):
    """Whom to believe is another one than when this process started."""


class Trust:
    """What both sides of a handshake stand on; `current` is what requests are judged by."""

    def __init__(self, tls_path: Path) -> None:
        """Raises SettingsError when there is no usable certificate."""
        self.current: FrontProxy = NOBODY
        self._certificate = tls_path / "tls.crt"
        self._key = tls_path / "tls.key"
        self._stamp = b""
        try:
            self.context = self._build(NOBODY)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"WEFT_TLS_PATH: {tls_path} has no certificate: {error}") from error
        self._stamp = self._files()

    def renew(self, front_proxy: FrontProxy) -> bool:
        """Whether anything changed. What is unusable is logged, and the old kept in force."""
        stamp = self._files()
        if front_proxy == self.current and stamp == self._stamp:
            return False
        try:
            self._build(front_proxy)
            # The listening socket holds the context: it changes in place.
            self.context.load_cert_chain(self._certificate, self._key)
            if front_proxy.authority != self.current.authority:
                self._trust(self.context, front_proxy)
        except (OSError, ssl.SSLError) as error:
            log.error("changed certificates are unusable", extra={"why": str(error)})
            return False
        self.current, self._stamp = front_proxy, stamp
        log.info("certificates loaded", extra={"names": ",".join(front_proxy.names)})
        return True

    def _build(self, front_proxy: FrontProxy) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self._certificate, self._key)
        self._trust(context, front_proxy)
        return context

    @staticmethod
    def _trust(context: ssl.SSLContext, front_proxy: FrontProxy) -> None:
        if front_proxy.authority:
            context.load_verify_locations(cadata=front_proxy.authority)

    def _files(self) -> bytes:
        try:
            return self._certificate.read_bytes() + self._key.read_bytes()
        except OSError:
            return b""


async def follow(trust: Trust, client: Client, interval: float = INTERVAL) -> None:
    """Keeps the trust current until cancelled. Raises AuthorityChanged, which ends the process."""
    said = ""
    while True:
        problem = ""
        try:
            found = read_front_proxy(await client.get(CONFIG_MAPS, CONFIG_NAME, CONFIG_NAMESPACE))
            if trust.current.authority not in ("", found.authority):
                # A context cannot unlearn whom it trusted.
                raise AuthorityChanged("the API server has another authority: a restart is needed")
            trust.renew(found)
        except errors.NotFound:
            problem = f"no ConfigMap {CONFIG_NAMESPACE}/{CONFIG_NAME}: no aggregated APIs here"
        except (errors.KubeError, ValueError) as error:
            problem = str(error)
        if problem and problem != said:
            log.warning("cannot learn whom to believe", extra={"why": problem})
        said = problem
        await asyncio.sleep(interval if trust.current is not NOBODY else min(interval, 2.0))


@asynccontextmanager
async def serve(
    app: web.Application, address: SocketAddress, context: ssl.SSLContext
) -> AsyncIterator[SocketAddress]:
    """Serves until the block ends; yields the address it is bound to. Raises OSError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address.ip, address.port, ssl_context=context)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield SocketAddress(host, port)
    finally:
        await runner.cleanup()
