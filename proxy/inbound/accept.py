"""The inbound side: its listeners, and what all of its connections share."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from proxy.authz.policy import Protocol
from proxy.detect.protocol import Detection
from proxy.inbound.access import AccessLog, LoggedHttp
from proxy.inbound.arrival import Arrival
from proxy.inbound.forward import Application
from proxy.inbound.metrics import InboundMetrics
from proxy.inbound.route import InboundHttp, Passage
from proxy.net.dial import Dialer
from proxy.net.failure import Failure
from proxy.net.faults import Faults
from proxy.net.front import (
    Front,
    OriginalDestination,
    connect_settings,
    http1_bounds,
    http2_settings,
)
from proxy.net.orig_dst import original_destination
from proxy.net.verdicts import Verdicts
from proxy.stack.lately import Lately
from proxy.stack.limit import RateLimiter, own_rate
from proxy.telemetry import labels
from proxy.telemetry.transport import TransportFamilies
from weft import errors, metrics
from weft.authority import canonical_host
from weft.names import is_dns_name

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from proxy.authz.policy import RateLimit, Route
    from proxy.authz.store import InboundPolicies, PolicyCell
    from proxy.codec.transport_header import (
        TransportHeader,
    )
    from proxy.identity.store import CertificateStore
    from proxy.inbound.arrived import Arrived
    from proxy.inbound.beyond import Gateway
    from proxy.net.exchange import Call
    from proxy.net.reactor import Reactor
    from proxy.settings import InboundSettings
    from proxy.stack.shared_rate import SharedRates
    from proxy.telemetry.registry import Counter, Labels, Registry
    from proxy.telemetry.request import RequestMetrics
    from weft.addresses import SocketAddress

_log = logging.getLogger("proxy.inbound")

MAX_ROUTES = 10_000
"""Routes by client that are remembered; the series have a budget of their own."""

MAX_SERVER_NAMES = 100
"""Of TLS that passes through: an application has few, and a client may invent any number."""

_DETECTED = {
    Detection.HTTP1: "http/1",
    Detection.HTTP2: "http/2",
    Detection.OPAQUE: "not_http",
    None: "read_timeout",
}


class Inbound(Front):
    """The inbound side of the proxy."""

    def __init__(
        self,
        reactor: Reactor,
        settings: InboundSettings,
        certificates: CertificateStore,
        policies: InboundPolicies,
        registry: Registry,
        *,
        faults: Faults | None = None,
        original_destination: OriginalDestination = original_destination,
        rates: SharedRates | None = None,
    ) -> None:
        """Nothing is accepted before `start`; handshakes need `certificates.ready`. `rates`: what
        the processes of one proxy count together."""
        super().__init__(reactor)
        self.settings = settings
        self.certificates = certificates
        self.policies = policies
        self.bound(settings)
        self.http1 = http1_bounds(settings)
        self.http2 = http2_settings(settings)
        # The application is in the same pod: it does not vanish alone.
        self._application_http2 = replace(self.http2, keep_alive=None)
        self.in_flight = 0
        self.observers: list[Callable[[Call, str], None]] = []
        """Hear of every request: `("request" | "response" | "end")`. Empty costs one check."""
        self.faults = Faults() if faults is None else faults
        self._metrics = InboundMetrics(registry)
        self.transports = TransportFamilies(registry)
        self.http_errors = registry.counter(metrics.INBOUND_HTTP_ERRORS_TOTAL)
        self.allowed = registry.counter(metrics.INBOUND_HTTP_AUTHZ_ALLOW_TOTAL)
        self.denied = registry.counter(metrics.INBOUND_HTTP_AUTHZ_DENY_TOTAL)
        self.no_route = registry.counter(metrics.INBOUND_HTTP_ROUTE_NOT_FOUND_TOTAL)
        self._tcp_allowed = registry.counter(metrics.INBOUND_TCP_AUTHZ_ALLOW_TOTAL)
        self._tcp_denied = registry.counter(metrics.INBOUND_TCP_AUTHZ_DENY_TOTAL)
        self._tcp_terminated = registry.counter(metrics.INBOUND_TCP_AUTHZ_TERMINATE_TOTAL)
        self._tcp_errors = registry.counter(metrics.INBOUND_TCP_ERRORS_TOTAL)
        self._headers = registry.counter(metrics.INBOUND_TCP_TRANSPORT_HEADER_CONNECTIONS_TOTAL)
        self._detect_time = registry.histogram(metrics.INBOUND_TCP_DETECT_HTTP_DURATION_SECONDS)
        self._detect_results = registry.counter(metrics.INBOUND_TCP_DETECT_HTTP_RESULTS_TOTAL)
        self._server_names: set[str] = set()
        self._rate_limited = registry.counter(metrics.INBOUND_HTTP_LOCAL_RATELIMIT_TOTAL)
        self._routes: dict[Labels, tuple[RequestMetrics, Counter]] = {}
        self._limiters: WeakKeyDictionary[PolicyCell, tuple[RateLimit, RateLimiter]] = (
            WeakKeyDictionary()
        )
        self._rates = rates
        self.gateway: Gateway | None = None
        """What serves connections that name a destination; None: they are refused."""
        self.verdicts = Verdicts()
        self._dialer = Dialer(reactor, connect_settings(settings))
        self._access_log = (
            AccessLog(settings.access_log, reactor) if settings.access_log is not None else None
        )
        self._original_destination = original_destination
        self._ports: set[int] = {address.port for address in settings.listen}
        self._applications = Lately(self._application)

    def start(self, sockets: Sequence[socket.socket]) -> None:
        self._ports |= {sock.getsockname()[1] for sock in sockets}
        super().start(sockets)

    def _accept(self, sock: socket.socket, client: tuple[str, int]) -> None:
        try:
            target = self._original_destination(sock)
        except OSError as error:
            self.tcp_error(None, "no original destination", str(error), client[0])
            sock.close()
            return
        direct = target.port in self._ports
        allowed = self.settings.allowed_ips
        # A port-forward reaches our own port by loopback: it may see whose certificate we show.
        forwarded = direct and target.is_loopback
        if allowed and target.ip not in allowed and not forwarded:
            self.tcp_error(target, "unexpected", "not an address of this pod", client[0])
            sock.close()
            return
        Arrival(self, sock, client[0], target, direct=direct)

    def _turned_away(self, failure: Failure, client: str) -> None:
        self.tcp_error(None, failure.kind.name, failure.detail, client)

    def is_own(self, target: SocketAddress) -> bool:
        """Whether forwarding there would come back to us."""
        return target.port in self._ports

    def application(self, address: SocketAddress) -> Application:
        """What listens at an address of this pod."""
        return self._applications.find(address)

    def _application(self, address: SocketAddress) -> Application:
        measured = labels.INBOUND + labels.DST + labels.target(address)
        return Application(
            address,
            self._dialer,
            self.settings.pool,
            self._application_http2,
            self.transports.transport(measured + labels.client_tls(None, labels.LOOPBACK)),
        )

    def sweep(self) -> None:
        """Let go of applications that nobody went to since the sweep before, and that are not connected to."""
        self._applications.sweep()

    def service(self, context: Arrived) -> InboundHttp:
        """What answers the requests of a connection."""
        if self._access_log is None:
            return InboundHttp(self, context)
        return LoggedHttp(self, context, self._access_log)

    # --- what the requests of all connections share ---------------------------------------

    def route(
        self, context: Arrived, route: Route, authorization: Labels
    ) -> tuple[RequestMetrics, Counter]:
        """Where requests of a route are counted, and those that may pass."""
        key = context.labels + route.meta.labels("route") + authorization
        found = self._routes.get(key)
        if found is None:
            policy = context.cell.current
            requests = self._metrics.route(
                key, policy.meta, route.meta, grpc=policy.protocol is Protocol.GRPC
            )
            found = (requests, self.allowed.child(key))
            if len(self._routes) < MAX_ROUTES:
                self._routes[key] = found
        return found

    def limiter(self, cell: PolicyCell) -> RateLimiter | None:
        """The rate limit of a port, which all its connections draw from."""
        wanted = cell.current.rate_limit
        if wanted is None:
            return None
        held = self._limiters.get(cell)
        if held is None or held[0] != wanted:
            overrides = [(one.requests_per_second, one.identities) for one in wanted.overrides]
            make = own_rate if self._rates is None else self._rates.of(cell.port)
            held = (wanted, RateLimiter(wanted.total, wanted.identity, overrides, make))
            self._limiters[cell] = held
        return held[1]

    def shown_name(self, server_name: str) -> str:
        """A server name as a label: clients make them up, so only so many are told apart."""
        names = self._server_names
        if server_name in names:
            return server_name
        if len(names) >= MAX_SERVER_NAMES or not is_dns_name(server_name):
            return ""
        names.add(server_name)
        return server_name

    def rate_limited(self, context: Arrived, scope: str) -> None:
        limit = context.cell.current.rate_limit
        named = limit.meta.labels("ratelimit") if limit is not None else ()
        key = (*context.server, *named, ("ratelimit_scope", scope), *context.tls)
        self._rate_limited.child(key).value += 1

    def request_failed(self, context: Arrived, failure: Failure, passage: Passage | None) -> None:
        """A request is answered with an error of ours."""
        kind = failure.kind
        where = labels.target(context.target)
        self.http_errors.child(
            (*where, ("error", kind.name), ("number", str(kind.number)))
        ).value += 1
        client = context.client
        self.faults.note(
            "inbound",
            failure,
            peer=f"{client.ip} ({client.identity})" if client.identity else client.ip,
            route=passage.route if passage is not None else "",
            endpoint=str(context.target),
        )

    def tcp_error(self, target: SocketAddress | None, name: str, detail: str, client: str) -> None:
        """Count and mention a connection that was closed for a fault."""
        where = labels.target(target) if target is not None else ()
        kind = errors.BY_NAME.get(name)
        number = (("number", str(kind.number)),) if kind is not None else ()
        self._tcp_errors.child((*where, ("error", name), *number)).value += 1
        if kind is not None:
            self.faults.note(
                "inbound",
                Failure(kind, detail),
                peer=client,
                endpoint=str(target) if target else "",
            )
        else:
            _log.info("connection closed: %s: %s", name, detail)

    def header_read(self, header: TransportHeader, client_id: str) -> None:
        session = header.session.value if header.session is not None else ""
        name = canonical_host(header.name)
        self._headers.child(
            (
                ("session_protocol", session),
                ("target_port", str(header.port)),
                ("target_name", name if is_dns_name(name) else ""),
                ("client_id", client_id),
            )
        ).value += 1

    def detected(self, server: Labels, verdict: Detection | None, seconds: float) -> None:
        self._detect_time.child(server).observe(seconds)
        self._detect_results.child((*server, ("result", _DETECTED[verdict]))).value += 1

    def tcp_authorized(self, where: Labels, authorization: Labels) -> None:
        self._tcp_allowed.child(where + authorization).value += 1

    def tcp_denied(self, where: Labels) -> None:
        self._tcp_denied.child(where).value += 1

    def tcp_terminated(self, where: Labels) -> None:
        self._tcp_terminated.child(where).value += 1

    def stop(self) -> None:
        super().stop()
        for application in self._applications:
            application.close()
