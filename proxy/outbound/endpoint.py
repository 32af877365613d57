"""One endpoint: how it is reached, whether it can be, and what is counted of it.

A meshed endpoint is reached by mutual TLS and must prove the name that discovery promised; its
HTTP/1 requests travel as HTTP/2 on one shared connection, except those that ask for another
protocol. An unmeshed one is spoken to as the application spoke.

Requests that are balanced go to endpoints that are ready: a connection was made. One that nobody
has connected to yet, or whose shared connection has ended, is cold until somebody asks for it to be
warmed. One to which no connection could be made is tried again, with a growing back-off. Both are
done by a connection of their own, so that no request pays for finding out.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_2
from proxy.codec.transport_header import ALPN, SessionProtocol, TransportHeader, encode
from proxy.codec.upgrade import carry_request, restore_request, to_http1
from proxy.discovery.destination import NamedAddress, parse_destination
from proxy.discovery.endpoints import Hint
from proxy.identity.peer import peer_names, proves
from proxy.identity.store import NotReadyError
from proxy.net.failure import Failure
from proxy.net.pool import Http1Pool, Http2Pool
from proxy.net.tls import TlsTransport
from proxy.stack.backoff import Backoff
from proxy.telemetry import labels
from weft import errors
from weft.addresses import AddressError, SocketAddress

if TYPE_CHECKING:
    from proxy.discovery.endpoints import Endpoint
    from proxy.net.ear import Ear
    from proxy.net.pool import Peer
    from proxy.net.relay import Opening, Verify
    from proxy.net.transport import Receiver, Transport
    from proxy.net.wheel import Timer
    from proxy.outbound.accept import Outbound
    from proxy.outbound.call import OutboundCall
    from proxy.telemetry.registry import Labels
    from proxy.telemetry.request import Classify, RequestMetrics, View
    from proxy.telemetry.transport import TransportMetrics

_log = logging.getLogger("proxy.outbound")

REST = Backoff(0.25, 5.0, 0.2)
"""How long an endpoint is left alone that refused a request."""
FORGIVEN = 10.0
"""Seconds without a refusal after which the next rest is a short one again."""

ReadyChanged = Callable[["EndpointClient"], None]


class EndpointClient:
    """The connections to one endpoint, shared by everything that balances over it."""

    __slots__ = (
        "_attempts",
        "_behind",
        "_labels",
        "_outbound",
        "_probe",
        "_rested_until",
        "_rests",
        "_transport_metrics",
        "_users",
        "cold",
        "endpoint",
        "http1",
        "http2",
        "override",
        "ready",
        "shares",
        "trouble",
    )

    def __init__(self, outbound: Outbound, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.ready = False
        """Whether a connection was made, and no attempt has failed since."""
        self.cold = True
        """Nothing is known, and nobody is trying to find out."""
        self.trouble: Failure | None = None
        """Why the last attempt failed, while it is not ready."""
        self.shares = endpoint.identity is not None and endpoint.hint is Hint.H2
        """Whether HTTP/1 travels as HTTP/2."""
        self._outbound = outbound
        self._users: dict[object, ReadyChanged] = {}
        self._attempts = 0
        self._probe: Timer | None = None
        self._rests = 0
        self._rested_until = -FORGIVEN
        self.override = endpoint.authority_override
        self._labels: Labels = (
            labels.target(endpoint.address)
            + labels.client_tls(endpoint.identity, endpoint.no_tls_reason)
            + endpoint.labels
        )
        self._transport_metrics: TransportMetrics | None = None
        self._behind = _behind(endpoint)
        pool = outbound.settings.pool
        self.http1 = Http1Pool(
            outbound.reactor,
            self._as_peer(SessionProtocol.HTTP1),
            max_idle=pool.max_idle_per_endpoint,
            idle_timeout=pool.idle_timeout,
            on_made=self._made,
        )
        self.http2 = Http2Pool(
            self._as_peer(SessionProtocol.HTTP2),
            outbound.client_http2(endpoint.keep_alive),
            on_made=self._made,
            on_ended=self._ended if self.shares else None,
        )

    # --- users ----------------------------------------------------------------------------

    def use(self, user: object, ready_changed: ReadyChanged) -> None:
        self._users[user] = ready_changed

    def release(self, user: object) -> None:
        """After the last user, idle connections close and busy ones finish."""
        self._users.pop(user, None)
        if not self._users:
            self._outbound.forget(self)
            if self._probe is not None:
                self._probe.cancel()
            self.http1.close()
            self.http2.close()

    # --- calls ----------------------------------------------------------------------------

    def start(self, call: OutboundCall, ends: bool) -> None:
        """Carry a call; it hears of every failure."""
        head = call.head
        try:
            if self.shares and not head.upgrade:
                if head.version != HTTP_2:
                    carry_request(head)
                    call.carried = True
                shared = self.http2.current
                if shared is None:
                    shared = self.http2.connect()
                shared.start(call, ends)
                return
            if call.carried:
                # An earlier try went to a meshed endpoint.
                restore_request(head)
                to_http1(head)
                call.carried = False
            if head.version == HTTP_2:
                self.http2.start(call, ends)
            elif head.upgrade:
                self.http1.start_alone(call, ends)
            else:
                self.http1.start(call, ends)
        except NotReadyError as error:
            call.response_failed(Failure(errors.TLS_FAILED, str(error), unprocessed=True))

    def open(self, opening: Opening | Ear) -> None:
        """A connection for bytes nobody looks at, or nobody knows yet."""
        endpoint = self.endpoint
        transport: Transport
        try:
            if self._behind is not None:
                opening.greet(encode(self._behind))
                transport = self.dial(opening)
            elif endpoint.identity is not None and endpoint.transport_port is not None:
                opening.greet(encode(TransportHeader(endpoint.address.port)))
                transport = self._dial_proxy(opening)
            else:
                transport = self.dial(opening)
        except NotReadyError as error:
            opening.on_lost(Failure(errors.TLS_FAILED, str(error)))
            return
        opening.dialed(transport)

    def metrics(self, named: Labels, views: tuple[View, ...], classify: Classify) -> RequestMetrics:
        """What is counted of requests of one course; hold on to the answer."""
        return self._outbound.http_metrics.requests(
            labels.OUTBOUND + named + self._labels, *views, classify=classify
        )

    # --- as its pools see it --------------------------------------------------------------

    def dial(self, receiver: Receiver) -> Transport:
        endpoint = self.endpoint
        outbound = self._outbound
        if endpoint.identity is None:
            return outbound.dialer.plain(endpoint.address, receiver)
        certificates = outbound.certificates
        return outbound.dialer.tls(
            endpoint.address,
            receiver,
            certificates.client_context
            if self._behind is None
            else certificates.transport_client_context,
            endpoint.server_name or endpoint.identity,
        )

    def _dial_proxy(self, receiver: Receiver) -> Transport:
        """Its proxy's own port, where a transport header says which port is meant."""
        endpoint = self.endpoint
        assert endpoint.transport_port is not None
        return self._outbound.dialer.tls(
            SocketAddress(endpoint.address.ip, endpoint.transport_port),
            receiver,
            self._outbound.certificates.transport_client_context,
            endpoint.server_name or endpoint.identity or "",
        )

    def _as_peer(self, session: SessionProtocol) -> Peer:
        """As the pool of one version of HTTP sees it: a gateway, and the proxy of an opaque port, hear first
        whom its requests mean."""
        if self._behind is not None:
            greeting = encode(replace(self._behind, session=session))
            return _Greeted(self.dial, self.verify, greeting)
        endpoint = self.endpoint
        if (
            endpoint.identity
            and endpoint.transport_port is not None
            and endpoint.hint is Hint.OPAQUE
        ):
            # Its proxy takes no TLS on the port itself, and requests there for bytes.
            greeting = encode(TransportHeader(endpoint.address.port))
            return _Greeted(self._dial_proxy, self.verify, greeting)
        return self

    def verify(self, transport: Transport) -> Failure | None:
        """Whoever answered must be whom discovery promised: addresses are reused, names are not."""
        promised = self.endpoint.identity
        if promised is not None:
            assert isinstance(transport, TlsTransport)
            certificate = transport.certificate()
            if not proves(certificate, promised):
                shown = ", ".join(peer_names(certificate)) or "nothing"
                detail = f"{self.endpoint.address} should be {promised} and showed {shown}"
                return Failure(errors.IDENTITY_MISMATCH, detail, unprocessed=True)
        metrics = self._transport_metrics
        if metrics is None:
            metrics = self._transport_metrics = self._outbound.transports.transport(
                labels.OUTBOUND + labels.DST + self._labels
            )
        transport.measure(metrics)
        return None

    # --- ready or not ---------------------------------------------------------------------

    @property
    def failing(self) -> bool:
        """The last attempt to connect failed, and another is due or under way."""
        return self._attempts > 0

    def warm(self) -> None:
        """Connect, unless that was done or is being done; users hear how it went."""
        if self.cold:
            self.cold = False
            self._connect()

    def _made(self, failure: Failure | None) -> None:
        """A connection was made, or could not be."""
        self.cold = False
        if failure is None:
            self._attempts = 0
            if self._probe is not None:
                self._probe.cancel()
                self._probe = None
            if not self.ready:
                self.ready = True
                self.trouble = None
                self._tell()
            return
        self.trouble = failure
        address = str(self.endpoint.address)
        self._outbound.faults.note("outbound", failure, peer=address, endpoint=address)
        if not self._attempts:
            _log.warning("endpoint %s is not reachable: %s", self.endpoint.address, failure)
        self.ready = False
        if self._probe is None and self._users:
            backoff = self._outbound.settings.connect.backoff
            wait = backoff.wait(self._attempts, random.random())  # noqa: S311 (jitter)
            self._attempts += 1
            self._probe = self._outbound.reactor.call_later(wait, self._try_again)
        if self._attempts == 1:
            self._tell()

    def rest(self) -> None:
        """It refused a request, because it or its application is leaving or not there yet: leave it
        alone for a moment. Where there is no other, what wants it waits for it or for the next."""
        if not self.ready or not self.shares:
            return
        now = self._outbound.reactor.clock()
        if now > self._rested_until + FORGIVEN:
            self._rests = 0
        wait = REST.wait(self._rests, random.random())  # noqa: S311 (jitter)
        self._rests += 1
        self._rested_until = now + wait
        self.ready = False
        self._outbound.reactor.call_later(wait, self._rested)
        self._tell()

    def _rested(self) -> None:
        shared = self.http2.current
        overtaken = self._outbound.reactor.clock() < self._rested_until
        if not overtaken and not self.ready and shared is not None and shared.connected:
            self.ready = True
            self._tell()

    def _ended(self) -> None:
        """The shared connection takes no more requests."""
        if not self.failing:
            self.ready = False
            self.cold = True
            self._tell()

    def _try_again(self) -> None:
        self._probe = None
        self._connect()

    def _connect(self) -> None:
        try:
            if not self.shares:
                self.http1.connect()
            elif self.http2.current is None:
                self.http2.connect()
        except NotReadyError as error:
            failure = Failure(errors.TLS_FAILED, str(error))
            self._outbound.reactor.call_soon(lambda: self._made(failure))

    def _tell(self) -> None:
        for ready_changed in list(self._users.values()):
            ready_changed(self)

    def __repr__(self) -> str:
        return f"<EndpointClient {self.endpoint.address}{'' if self.ready else ' cold' if self.cold else ' not ready'}>"


class _Greeted:
    """A proxy's own port: the first words on every connection to it are a transport header."""

    __slots__ = ("_dial", "_greeting", "_verify")

    def __init__(
        self, dial: Callable[[Receiver], Transport], verify: Verify, greeting: bytes
    ) -> None:
        self._dial = dial
        self._verify = verify
        self._greeting = greeting

    def dial(self, receiver: Receiver) -> Transport:
        return self._dial(receiver)

    def verify(self, transport: Transport) -> Failure | None:
        failure = self._verify(transport)
        if failure is None and isinstance(transport, TlsTransport) and transport.alpn() == ALPN:
            transport.write_first(self._greeting)
        return failure


def _behind(endpoint: Endpoint) -> TransportHeader | None:
    """What a gateway is told: an endpoint that knows the service by another authority is one."""
    if endpoint.identity is None or endpoint.authority_override is None:
        return None
    try:
        destination = parse_destination(endpoint.authority_override)
    except AddressError:
        return None
    if not isinstance(destination, NamedAddress):
        return None
    return TransportHeader(destination.port, destination.name)
