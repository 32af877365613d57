"""Asks the identity service for this proxy's certificate, and renews it at 70 % of its life.

The service account's token is read from its file for every request, because the kubelet rotates
it. A certificate is put in force only after it has been checked: it must be current, stand on the
trust anchors, and carry our name. While the service is away the certificate in force stays so.
"""

from __future__ import annotations

import logging
import random
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import trio
from google.protobuf.message import DecodeError

from proxy.control.channel import RpcError
from proxy.identity.renewal import Bounds, next_in
from proxy.identity.store import CertificateStore, RefusedCertificateError
from proxy.stack.backoff import Backoff
from weftapi.proxy import identity_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.identity.keypair import Keypair

_log = logging.getLogger("proxy.identity")

PATH = "/io.linkerd.proxy.identity.Identity/Certify"
TIMEOUT = 10.0
FIRST_BACKOFF = Backoff(0.2, 10.0, 0.5)
"""Before there is any certificate nothing works, so the first one is asked for more eagerly."""

MAX_TOKEN = 64 * 1024


class CertifyError(Exception):
    """No certificate this time; the message says whose fault it was."""


class UnaryChannel(Protocol):
    async def unary(self, path: str, request: bytes) -> bytes: ...


class RefreshRecorder(Protocol):
    """Counts what became of requests."""

    def refreshed(self, at: float, expires_at: float) -> None: ...
    def failed(self, reason: str) -> None: ...


class Certifier:
    """The task that keeps `store` supplied."""

    def __init__(
        self,
        channel: UnaryChannel,
        store: CertificateStore,
        keypair: Keypair,
        *,
        token_file: str,
        bounds: Bounds,
        recorder: RefreshRecorder | None = None,
        wall_clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._channel = channel
        self._store = store
        self._keypair = keypair
        self._token_file = Path(token_file)
        self._bounds = bounds
        self._recorder = recorder
        self._wall_clock = wall_clock
        self._chance = chance

    async def run(self) -> None:
        """Ask, wait, ask again; never returns."""
        failures = 0
        while True:
            try:
                await self.certify()
            except CertifyError as error:
                wait = self._wait_after_failure(failures)
                _log.warning("no certificate, again in %.1fs: %s", wait, error)
                failures += 1
                if self._recorder is not None:
                    self._recorder.failed(str(error))
            else:
                failures = 0
                wait = self._wait()
            await trio.sleep(wait)

    async def certify(self) -> None:
        """One request; on return the certificate is in force. Raises CertifyError."""
        request = identity_pb2.CertifyRequest(
            identity=self._store.local_name,
            token=self._read_token(),
            certificate_signing_request=self._keypair.request_der,
        )
        try:
            with trio.fail_after(TIMEOUT):
                answer = await self._channel.unary(PATH, request.SerializeToString())
        except trio.TooSlowError:
            raise CertifyError(f"the identity service gave no answer in {TIMEOUT:g}s") from None
        except RpcError as error:
            raise CertifyError(f"the identity service refused: {error}") from error
        self._install(answer)

    def _install(self, answer: bytes) -> None:
        try:
            response = identity_pb2.CertifyResponse.FromString(answer)
        except DecodeError as error:
            raise CertifyError(f"the identity service's answer cannot be read: {error}") from error
        if not response.leaf_certificate:
            raise CertifyError("the identity service's answer holds no certificate")
        now = self._wall_clock()
        expires_at = response.valid_until.seconds + response.valid_until.nanos / 1e9
        if not response.HasField("valid_until") or expires_at <= now:
            raise CertifyError("the identity service's certificate has expired, or has no end")
        chain = "".join(
            ssl.DER_cert_to_PEM_cert(der)
            for der in (response.leaf_certificate, *response.intermediate_certificates)
        )
        try:
            self._store.install(chain, self._keypair.key_pem, expires_at)
        except RefusedCertificateError as error:
            raise CertifyError(
                f"the identity service's certificate is unusable: {error}"
            ) from error
        if self._recorder is not None:
            self._recorder.refreshed(now, expires_at)
        _log.info("certified as %s for %.0fs", self._store.local_name, expires_at - now)

    def _read_token(self) -> bytes:
        try:
            with self._token_file.open("rb") as file:
                token = file.read(MAX_TOKEN).strip()
        except OSError as error:
            raise CertifyError(f"{self._token_file}: {error.strerror}") from error
        if not token:
            raise CertifyError(f"{self._token_file} is empty")
        return token

    def _wait(self) -> float:
        return next_in(self._bounds, self._wall_clock(), self._store.expires_at)

    def _wait_after_failure(self, failures: int) -> float:
        """With a certificate the rule of renewal; without one, back-off from a fraction of a second."""
        if self._store.expires_at is None:
            return min(FIRST_BACKOFF.wait(failures, self._chance()), self._bounds.minimum)
        return self._wait()
