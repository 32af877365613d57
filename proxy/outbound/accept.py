"""A connection of the application: where was it going, and what does it speak.

What is known of a destination (`Logical`) is kept while connections use it and for the idle time
after, so that all but the first connection cost one dictionary look-up.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.detect.protocol import Detection
from proxy.discovery.cache import DiscoveryError
from proxy.discovery.policy import Protocol
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
from proxy.net.hello import HelloReader
from proxy.net.http1_server import Http1Server
from proxy.net.http2_server import Http2Server
from proxy.net.orig_dst import original_destination
from proxy.net.sniff import Sniffer
from proxy.net.transport import Transport
from proxy.net.verdicts import Verdicts
from proxy.outbound.endpoint import EndpointClient
from proxy.outbound.flow import Flow, Overture
from proxy.outbound.ingress import IngressHttp
from proxy.outbound.logical import Logical
from proxy.outbound.metrics import OutboundMetrics
from proxy.outbound.service import OutboundHttp
from proxy.telemetry import labels
from proxy.telemetry.request import HttpMetrics
from proxy.telemetry.transport import TransportFamilies, TransportMetrics
from weft import errors, metrics
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from proxy.codec.http2 import Http2Settings, KeepAlive
    from proxy.detect.client_hello import ClientHello
    from proxy.discovery.cache import Discovery, Target
    from proxy.discovery.destination import Destination
    from proxy.discovery.endpoints import Endpoint
    from proxy.identity.store import CertificateStore
    from proxy.net.exchange import Call
    from proxy.net.reactor import Reactor
    from proxy.net.wheel import Timer
    from proxy.outbound.call import OutboundCall, Service
    from proxy.outbound.metrics import StreamMetrics
    from proxy.settings import OutboundSettings
    from proxy.telemetry.registry import Registry

_log = logging.getLogger("proxy.outbound")

LOOKUP_TIMEOUT = 10.0
"""Seconds a connection waits for the first answer about its destination."""

_DETECTED = {
    Detection.HTTP1: "http/1",
    Detection.HTTP2: "http/2",
    Detection.OPAQUE: "not_http",
    None: "read_timeout",
}
_PROTOCOLS = {
    Protocol.DETECT: "detect",
    Protocol.HTTP1: "http/1",
    Protocol.HTTP2: "http/2",
    Protocol.GRPC: "http/2",
    Protocol.OPAQUE: "opaq",
    Protocol.TLS: "tls",
}


class Outbound(Front):
    """The outbound side of the proxy."""

    def __init__(
        self,
        reactor: Reactor,
        settings: OutboundSettings,
        certificates: CertificateStore,
        discovery: Discovery,
        registry: Registry,
        *,
        faults: Faults | None = None,
        original_destination: OriginalDestination = original_destination,
    ) -> None:
        """Nothing is accepted before `start`; meshed endpoints need `certificates.ready`."""
        super().__init__(reactor)
        self.faults = Faults() if faults is None else faults
        self.settings = settings
        self.certificates = certificates
        self.discovery = discovery
        self.bound(settings)
        self.http1 = http1_bounds(settings)
        self.http2 = http2_settings(settings)
        self.verdicts = Verdicts()
        self.dialer = Dialer(reactor, connect_settings(settings))
        self.in_flight = 0
        self.observers: list[Callable[[Call, str], None]] = []
        """Hear of every request: `("request" | "response" | "end")`. Empty costs one check."""
        self.http_metrics = HttpMetrics(registry)
        self.metrics = OutboundMetrics(registry, self.http_metrics)
        self.transports = TransportFamilies(registry)
        self.http_errors = registry.counter(metrics.OUTBOUND_HTTP_ERRORS_TOTAL)
        self._tcp_errors = registry.counter(metrics.OUTBOUND_TCP_ERRORS_TOTAL)
        self._protocols = registry.counter(metrics.OUTBOUND_TCP_PROTOCOL_CONNECTIONS_TOTAL)
        self._detect_time = registry.histogram(metrics.OUTBOUND_TCP_DETECT_HTTP_DURATION_SECONDS)
        self._detect_results = registry.counter(metrics.OUTBOUND_TCP_DETECT_HTTP_RESULTS_TOTAL)
        registry.before_scrape(self._show)
        self._original_destination = original_destination
        self._own: set[SocketAddress] = set(settings.listen)
        self._logicals: dict[Destination, Logical] = {}
        self._endpoints: dict[Endpoint, EndpointClient] = {}
        self._client_http2: dict[KeepAlive | None, Http2Settings] = {}
        self._sources: dict[SocketAddress, TransportMetrics] = {}
        self._sweeping = False

    def start(self, sockets: Sequence[socket.socket]) -> None:
        self._own |= {SocketAddress(*sock.getsockname()[:2]) for sock in sockets}
        super().start(sockets)

    def _accept(self, sock: socket.socket, client: tuple[str, int]) -> None:
        try:
            address = self._original_destination(sock)
        except OSError as error:
            self.tcp_error("no original destination", str(error), client[0])
            sock.close()
            return
        if address in self._own:
            self.tcp_error(errors.LOOP_PREVENTED.name, "", str(address))
            sock.close()
            return
        Arrival(self, sock, address)

    def _turned_away(self, failure: Failure, client: str) -> None:
        self.tcp_error(failure.kind.name, failure.detail, client)

    # --- destinations ---------------------------------------------------------------------

    def find(self, destination: Destination) -> Logical | None:
        return self._logicals.get(destination)

    def learned(self, target: Target) -> Logical:
        """The destination of a target that was just looked up."""
        found = self._logicals.get(target.address)
        if found is not None:
            self.discovery.release(target)
            return found
        made = self._logicals[target.address] = Logical(self, target)
        return made

    def left(self, logical: Logical) -> None:
        """A connection to the destination has ended."""
        logical.connections -= 1
        if not logical.connections:
            logical.idle_since = self.reactor.clock()
            if not self._sweeping:
                self._sweeping = True
                self.reactor.call_later(self.settings.discovery_idle_timeout, self._sweep)

    def _sweep(self) -> None:
        """Forget destinations nobody has used for the idle time; one timer for all."""
        self._sweeping = False
        timeout = self.settings.discovery_idle_timeout
        before = self.reactor.clock() - timeout
        for address, logical in list(self._logicals.items()):
            if logical.connections:
                continue
            if logical.idle_since <= before:
                del self._logicals[address]
                if isinstance(address, SocketAddress):
                    self._sources.pop(address, None)
                logical.close()
            elif not self._sweeping:
                self._sweeping = True
                self.reactor.call_later(max(timeout / 2, 0.05), self._sweep)

    def unknown(self, destination: Destination) -> None:
        """A connection has ended before anything was known of its destination."""
        if isinstance(destination, SocketAddress) and destination not in self._logicals:
            self._sources.pop(destination, None)

    # --- endpoints ------------------------------------------------------------------------

    def endpoint(self, endpoint: Endpoint) -> EndpointClient:
        """The connections to an endpoint; `use` and `release` bracket its use."""
        client = self._endpoints.get(endpoint)
        if client is None:
            client = self._endpoints[endpoint] = EndpointClient(self, endpoint)
        return client

    def client_http2(self, keep_alive: KeepAlive | None) -> Http2Settings:
        """What we grant endpoints, and how we find out that one has vanished."""
        found = self._client_http2.get(keep_alive)
        if found is None:
            found = self._client_http2[keep_alive] = replace(self.http2, keep_alive=keep_alive)
        return found

    def forget(self, client: EndpointClient) -> None:
        if self._endpoints.get(client.endpoint) is client:
            del self._endpoints[client.endpoint]
        for logical in self._logicals.values():
            logical.forget(client)

    # --- counting -------------------------------------------------------------------------

    def source(self, address: SocketAddress) -> TransportMetrics:
        """What is counted of accepted connections to a destination."""
        found = self._sources.get(address)
        if found is None:
            found = self._sources[address] = self.transports.transport(
                labels.OUTBOUND
                + labels.SRC
                + labels.target(address)
                + labels.server_tls(None, tls=False, reason=labels.LOOPBACK)
            )
        return found

    def request_failed(self, call: OutboundCall, failure: Failure) -> None:
        """A request is answered with an error of ours."""
        self._count_error(failure)
        course, endpoint = call.course, call.endpoint
        self.faults.note(
            "outbound",
            failure,
            peer=str(call.service.logical.target.address),
            route=course.plan.name if course is not None else "",
            endpoint=str(endpoint.endpoint.address) if endpoint is not None else "",
        )

    def client_refused(self, logical: Logical, failure: Failure) -> None:
        """What the application sent is no request, or too much."""
        self._count_error(failure)
        self.faults.note("outbound", failure, peer=str(logical.target.address))

    def _count_error(self, failure: Failure) -> None:
        kind = failure.kind
        self.http_errors.child((("error", kind.name), ("number", str(kind.number)))).value += 1

    def tcp_error(self, name: str, detail: str, peer: str) -> None:
        """Count and mention a connection that was closed for a fault."""
        kind = errors.BY_NAME.get(name)
        number = (("number", str(kind.number)),) if kind is not None else ()
        self._tcp_errors.child((("error", name), *number)).value += 1
        if kind is not None:
            self.faults.note("outbound", Failure(kind, detail), peer=peer)
        else:
            _log.info("connection closed: %s: %s", name, detail)

    def began(self, logical: Logical) -> None:
        parent = logical.target.policy.meta.full_labels("parent")
        self._protocols.child((("protocol", _PROTOCOLS[logical.protocol]), *parent)).value += 1

    def detected(self, logical: Logical, verdict: Detection | None, seconds: float) -> None:
        parent = logical.target.policy.meta.full_labels("parent")
        self._detect_time.child(parent).observe(seconds)
        self._detect_results.child((*parent, ("result", _DETECTED[verdict]))).value += 1

    def _show(self) -> None:
        for logical in self._logicals.values():
            logical.show()

    def stop(self) -> None:
        super().stop()
        for logical in self._logicals.values():
            logical.close()
        self._logicals.clear()


class Arrival:
    """An accepted connection until it is known what to do with it.

    A gateway goes on from here with connections that it did not accept but was given.
    """

    __slots__ = (
        "_address",
        "_gone",
        "_logical",
        "_outbound",
        "_overture",
        "_service",
        "_since",
        "_sniffer",
        "_timer",
        "_transport",
    )

    def __init__(self, outbound: Outbound, sock: socket.socket, address: SocketAddress) -> None:
        self._expect(outbound, address)
        self._transport = Transport(outbound.reactor, sock, self)
        self._transport.measure(outbound.source(address))
        outbound.opened(self)
        logical = outbound.find(address)
        if logical is not None:
            self._transport.start()
            self._known(logical)
            return
        # Not read yet: what the application sends waits in the kernel.
        self._transport.pause()
        self._transport.start()
        self._look_up()

    def _expect(self, outbound: Outbound, address: Destination) -> None:
        self._outbound = outbound
        self._address = address
        self._gone = False
        self._logical: Logical | None = None
        self._overture: Overture | None = None
        self._service: Service | None = None
        self._sniffer: Sniffer | None = None
        self._timer: Timer | None = None
        self._since = outbound.reactor.clock()

    # --- the destination ------------------------------------------------------------------

    def _look_up(self) -> None:
        """The connection is paused meanwhile."""
        outbound = self._outbound
        self._timer = outbound.reactor.call_later(LOOKUP_TIMEOUT, self._overdue)
        outbound.discovery.request(self._address, self._answered)

    def _answered(self, answer: Target | DiscoveryError) -> None:
        outbound = self._outbound
        if self._timer is not None:
            self._timer.cancel()
        if self._gone:
            if not isinstance(answer, DiscoveryError):
                outbound.discovery.release(answer)
            return
        if isinstance(answer, DiscoveryError):
            self._unknown(answer)
            return
        self._known(outbound.learned(answer))

    def _unknown(self, error: DiscoveryError) -> None:
        self._refuse(errors.DISCOVERY_UNAVAILABLE.name, str(error))

    def _overdue(self) -> None:
        self._refuse(errors.DISCOVERY_UNAVAILABLE.name, f"{self._address}: no answer")

    def _known(self, logical: Logical) -> None:
        outbound = self._outbound
        self._logical = logical
        logical.connections += 1
        outbound.began(logical)
        protocol = logical.protocol
        if protocol is Protocol.DETECT or (
            protocol is Protocol.OPAQUE and outbound.settings.ingress
        ):
            # In ingress mode a request may name another destination, whatever is said of this one.
            self._detect(logical)
        elif protocol is Protocol.HTTP1:
            self._serve(b"", http2=False)
        elif protocol is Protocol.HTTP2 or protocol is Protocol.GRPC:
            self._serve(b"", http2=True)
        elif protocol is Protocol.TLS:
            timeout = logical.target.policy.detect_timeout
            HelloReader(self._transport, timeout, self._said_hello, self._left_early)
            self._transport.resume()
        else:
            self._forward(b"")

    def _said_hello(self, hello: ClientHello | None, data: bytes) -> None:
        """TLS is passed on untouched; the name it asks for chooses the route."""
        if hello is None:
            self._refuse(errors.NOT_TLS.name, str(self._address))
        else:
            self._forward(data, hello.server_name)

    # --- detection ------------------------------------------------------------------------

    def _detect(self, logical: Logical) -> None:
        outbound = self._outbound
        now = outbound.reactor.clock()
        # In ingress mode requests for an address come with others' names, and say nothing of who is there.
        ingress = outbound.settings.ingress
        speaks_http = None if ingress else outbound.verdicts.speaks_http(self._address, now)
        if speaks_http is False and not logical.needs_http:
            self._forward(b"")
            return
        self._sniff(logical)
        if speaks_http is None:
            # Two turns of the loop: a client that speaks first has usually spoken by then.
            soon = outbound.reactor.call_soon
            soon(lambda: soon(self._listen))

    def _sniff(self, logical: Logical) -> None:
        timeout = logical.target.policy.detect_timeout
        self._sniffer = Sniffer(self._transport, timeout, self._detected, self._left_early)
        self._transport.resume()

    def _listen(self) -> None:
        """The client is silent: reach for the endpoint, which may have something to say."""
        logical = self._logical
        if self._sniffer is None or self._gone or logical is None:
            return
        try:
            concrete = logical.connect()
        except Failure:
            return
        self._overture = Overture(self._outbound.reactor.clock(), self._server_spoke)
        concrete.dispatch(self._overture)

    def _server_spoke(self) -> None:
        outbound, sniffer, logical = self._outbound, self._sniffer, self._logical
        if sniffer is None or logical is None:
            return
        self._sniffer = None
        now = outbound.reactor.clock()
        if not logical.needs_http:
            outbound.verdicts.remember(self._address, now, http=False)
        outbound.detected(logical, Detection.OPAQUE, now - self._since)
        self._opaque(sniffer.stop())

    def _detected(self, verdict: Detection | None, data: bytes) -> None:
        outbound = self._outbound
        logical = self._logical
        assert logical is not None
        self._sniffer = None
        now = outbound.reactor.clock()
        if verdict is None and not data and logical.needs_http:
            # Connected ahead of time, perhaps. It can only become HTTP.
            if outbound.draining:
                self._transport.close()
                self._end()
            else:
                self._sniff(logical)
            return
        outbound.detected(logical, verdict, now - self._since)
        if verdict is Detection.HTTP1 or verdict is Detection.HTTP2:
            outbound.verdicts.remember(self._address, now, http=True)
            self._end_overture()
            self._serve(data, http2=verdict is Detection.HTTP2)
        else:
            self._opaque(data)

    def _opaque(self, data: bytes) -> None:
        """Not HTTP: forwarded as it is, unless that would slip past a policy."""
        logical = self._logical
        assert logical is not None
        if logical.needs_http:
            self._end_overture()
            kind = errors.NOT_HTTP
            self._refuse(kind.name, "")
        else:
            self._forward(data)

    def _end_overture(self) -> None:
        overture, self._overture = self._overture, None
        if overture is not None:
            overture.cancel()

    # --- what becomes of it ---------------------------------------------------------------

    def _serve(self, data: bytes, *, http2: bool) -> None:
        outbound = self._outbound
        logical = self._logical
        transport = self._transport
        assert logical is not None
        kind = IngressHttp if outbound.settings.ingress else OutboundHttp
        service = self._service = kind(outbound, logical)
        server: Http1Server | Http2Server
        if http2:
            server = Http2Server(transport, service, outbound.http2, self._served)
        else:
            server = Http1Server(transport, service, self._served, outbound.http1)
        transport.receiver = server
        outbound.closed(self)
        outbound.opened(server)
        transport.resume()
        if data:
            server.on_data(data)

    def _served(self, server: Http1Server | Http2Server) -> None:
        """The HTTP connection has ended; may be told more than once."""
        outbound = self._outbound
        if server in outbound.connections:
            outbound.closed(server)
            assert self._logical is not None
            assert self._service is not None
            self._service.close()
            outbound.left(self._logical)

    def _forward(self, data: bytes, server_name: str | None = None) -> None:
        outbound = self._outbound
        logical = self._logical
        assert logical is not None
        overture, self._overture = self._overture, None
        if overture is not None and not overture.is_open:
            overture.cancel()
            overture = None
        counted = None
        try:
            counted = logical.stream(server_name)
            counted.opened()
            concrete = logical.connect(server_name) if overture is None else None
        except Failure as failure:
            if counted is not None:
                counted.closed(failure)
            self._refuse(failure.kind.name, failure.detail)
            return
        flow = self._flow(logical, data, counted, server_name)
        outbound.closed(self)
        outbound.opened(flow)
        self._transport.pause()
        if concrete is not None:
            concrete.dispatch(flow)
        elif overture is not None:
            flow.take_over(overture)

    def _flow(
        self, logical: Logical, data: bytes, counted: StreamMetrics, server_name: str | None
    ) -> Flow:
        return Flow(self._outbound, logical, self._transport, data, counted, server_name)

    # --- the end --------------------------------------------------------------------------

    def _refuse(self, name: str, detail: str) -> None:
        self._refused(name, detail)
        self._transport.close(linger=True)
        self._end()

    def _refused(self, name: str, detail: str) -> None:
        self._outbound.tcp_error(name, detail, str(self._address))

    def _left_early(self, failure: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._gone:
            return
        self._gone = True
        self._end_overture()
        if self._timer is not None:
            self._timer.cancel()
        self._outbound.closed(self)
        if self._logical is not None:
            self._outbound.left(self._logical)
        else:
            self._outbound.unknown(self._address)

    def on_connected(self) -> None:
        """Accepted connections are connected."""

    def on_data(self, data: bytes) -> None:
        raise AssertionError("nothing is read before the destination is known")

    def on_eof(self) -> None:
        self._transport.close()
        self._end()

    def on_lost(self, failure: Exception) -> None:
        self._end()

    def on_blocked(self) -> None:
        """Nothing was sent."""

    def on_unblocked(self) -> None:
        """Nothing was sent."""

    def drain(self) -> None:
        """Nothing is in progress yet, and what comes next is still served."""

    def stop(self) -> None:
        self._transport.abort()
        self._end()

    def __repr__(self) -> str:
        return f"<Arrival for {self._address}>"
