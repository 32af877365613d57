"""Takes this proxy's certificate from a SPIRE agent on the same machine, by the SPIFFE Workload API.

One stream stays open; the agent says on it who this process is, and says so again before that ends and
whenever whom to trust changes. Each message replaces certificate, key and trust bundle at once. A message
that does not hold changes nothing: the certificate in force stays so until its end, and the stream is
opened anew, with back-off, as it is when it breaks.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Protocol

from google.protobuf.message import DecodeError

from proxy.codec.grpc_status import Code, Status
from proxy.control.watch import StreamingChannel, Subscription, UnusableMessageError, keep
from proxy.identity.store import CertificateStore, RefusedCertificateError
from proxy.identity.svid import UnusableSvidError, choose
from proxy.stack.backoff import Backoff
from weft.errors import CERTIFICATE_UNAVAILABLE, SVID_UNUSABLE, ErrorKind
from weftapi.spiffe import workload_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("proxy.identity")

PATH = "/SpiffeWorkloadAPI/FetchX509SVID"
METADATA = (("workload.spiffe.io", "true"),)
"""Says that the call is meant for the agent; without it the agent refuses."""
BACKOFF = Backoff(0.1, 5.0, 0.5)
ANSWER_WITHIN = 30.0
"""Seconds to the first message of a stream: an agent may have to fetch what it is asked for."""


class SvidRecorder(Protocol):
    """Counts what became of certificates."""

    def refreshed(self, at: float, expires_at: float) -> None: ...
    def failed(self, reason: str, kind: ErrorKind) -> None: ...


class SvidWatcher:
    """The task that keeps `store` supplied."""

    def __init__(
        self,
        channel: StreamingChannel,
        store: CertificateStore,
        recorder: SvidRecorder,
        *,
        backoff: Backoff = BACKOFF,
        wall_clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._channel = channel
        self._store = store
        self._recorder = recorder
        self._backoff = backoff
        self._wall_clock = wall_clock
        self._chance = chance

    async def run(self) -> None:
        """Returns only when the agent says that asking is pointless."""
        request = workload_pb2.X509SVIDRequest().SerializeToString()
        subscription = Subscription(
            "FetchX509SVID",
            PATH,
            request,
            self._on_message,
            on_unanswered=self._on_unanswered,
            terminal=frozenset({Code.INVALID_ARGUMENT}),
        )
        status = await keep(
            self._channel, subscription, self, backoff=self._backoff, chance=self._chance
        )
        _log.error("the SPIRE agent is not asked for certificates any more: %s", status)

    @property
    def initial(self) -> float:
        """Limits of the stream."""
        return ANSWER_WITHIN

    @property
    def idle(self) -> float | None:
        """A stream that has not brought another certificate when this one ends has failed."""
        ends = self._store.expires_at
        return None if ends is None else max(0.0, ends - self._wall_clock())

    lifetime = None

    def unreachable(self, why: str) -> None:
        """The agent's socket cannot be connected to."""
        self._recorder.failed(f"the SPIRE agent cannot be reached: {why}", CERTIFICATE_UNAVAILABLE)

    def _on_unanswered(self, status: Status) -> None:
        self._recorder.failed(
            f"the SPIRE agent gave no identity: {status}", CERTIFICATE_UNAVAILABLE
        )

    def _on_message(self, payload: bytes) -> None:
        try:
            self._install(payload)
        except (DecodeError, UnusableSvidError, RefusedCertificateError) as error:
            kept = ", the certificate in force stays" if self._store.ready else ""
            reason = f"{error}{kept}"
            self._recorder.failed(reason, SVID_UNUSABLE)
            raise UnusableMessageError(f"[{SVID_UNUSABLE.number}] {reason}") from error

    def _install(self, payload: bytes) -> None:
        store = self._store
        response = workload_pb2.X509SVIDResponse.FromString(payload)
        svid = choose(response.svids, store.local_name)
        try:
            store.install(svid.chain_pem, svid.key_pem, bundle_pem=svid.bundle_pem)
        except RefusedCertificateError as error:
            raise RefusedCertificateError(
                f"the agent's certificate for {store.local_name} is unusable: {error}"
            ) from error
        now, ends = self._wall_clock(), store.expires_at
        assert ends is not None
        self._recorder.refreshed(now, ends)
        _log.info("certified as %s for %.0fs", store.local_name, ends - now)
