"""A connection from another pod: where was it going, is it mesh TLS, from whom, what does it speak.

own port        direct: mesh TLS with a transport header, which names the port that is meant
opaque port     straight to the application, TLS or not
other ports     mesh TLS (its SNI is our name) is terminated, other TLS passes through, and what
                is inside is taken for what the port's policy says, or detected
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.authz.decide import Client, Denied, authorize
from proxy.authz.policy import Protocol
from proxy.codec.transport_header import (
    ALPN,
    SessionProtocol,
    TransportHeader,
    TransportHeaderDecoder,
    TransportHeaderError,
)
from proxy.detect.client_hello import ClientHello, NoHello, read_client_hello
from proxy.detect.protocol import Detection
from proxy.identity.peer import peer_identity
from proxy.inbound.forward import Application
from proxy.inbound.route import InboundHttp, RouteMetrics
from proxy.net.dial import Dialer
from proxy.net.failure import Failure, symbol
from proxy.net.front import Front, OriginalDestination, connect_settings, http2_settings
from proxy.net.http1_server import Http1Server
from proxy.net.http2_server import Http2Server
from proxy.net.orig_dst import original_destination
from proxy.net.relay import Opening
from proxy.net.sniff import Sniffer
from proxy.net.tls import TlsTransport
from proxy.net.transport import Transport
from proxy.telemetry import labels
from proxy.telemetry.request import HttpMetrics
from proxy.telemetry.transport import TransportFamilies
from weft import errors, metrics
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from proxy.authz.policy import ServerPolicy
    from proxy.authz.store import InboundPolicies, PolicyCell
    from proxy.identity.store import CertificateStore
    from proxy.net.exchange import Call
    from proxy.net.reactor import Reactor
    from proxy.net.wheel import Timer
    from proxy.settings import InboundSettings
    from proxy.telemetry.registry import Labels, Registry

_log = logging.getLogger("proxy.inbound")

_HANDSHAKE = 22
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
        original_destination: OriginalDestination = original_destination,
    ) -> None:
        """Nothing is accepted before `start`; handshakes need `certificates.ready`."""
        super().__init__(reactor)
        self.settings = settings
        self.certificates = certificates
        self.policies = policies
        self.http2 = http2_settings(settings)
        self.in_flight = 0
        self.observers: list[Callable[[Call, str], None]] = []
        """Hear of every request: `("request" | "response" | "end")`. Empty costs one check."""
        self.http_metrics = HttpMetrics(registry)
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
        self.routes: dict[Labels, RouteMetrics] = {}
        self._dialer = Dialer(reactor, connect_settings(settings))
        self._original_destination = original_destination
        self._ports: set[int] = {address.port for address in settings.listen}
        self._applications: dict[SocketAddress, Application] = {}

    def start(self, sockets: Sequence[socket.socket]) -> None:
        self._ports |= {sock.getsockname()[1] for sock in sockets}
        super().start(sockets)

    def _accept(self, sock: socket.socket, client: tuple[str, int]) -> None:
        try:
            target = self._original_destination(sock)
        except OSError as error:
            self.tcp_error(None, "no original destination", f"from {client[0]}: {error}")
            sock.close()
            return
        direct = target.port in self._ports
        allowed = self.settings.allowed_ips
        # A port-forward reaches our own port by loopback: it may see whose certificate we show.
        forwarded = direct and target.is_loopback
        if allowed and target.ip not in allowed and not forwarded:
            self.tcp_error(target, "unexpected", f"{target} is not an address of this pod")
            sock.close()
            return
        Arrival(self, sock, client[0], target, direct=direct)

    def is_own(self, target: SocketAddress) -> bool:
        """Whether forwarding there would come back to us."""
        return target.port in self._ports

    def application(self, address: SocketAddress) -> Application:
        """What listens at an address of this pod."""
        found = self._applications.get(address)
        if found is None:
            measured = labels.INBOUND + labels.DST + labels.target(address)
            found = self._applications[address] = Application(
                address,
                self._dialer,
                self.settings.pool,
                self.http2,
                self.transports.transport(measured + labels.client_tls(None, labels.LOOPBACK)),
            )
        return found

    def tcp_error(self, target: SocketAddress | None, name: str, detail: str) -> None:
        """Count and mention a connection that was closed for a fault."""
        where = labels.target(target) if target is not None else ()
        self._tcp_errors.child((*where, ("error", name))).value += 1
        _log.info("connection closed: %s: %s", name, detail)

    def header_read(self, header: TransportHeader, client_id: str) -> None:
        session = header.session.value if header.session is not None else ""
        self._headers.child(
            (
                ("session_protocol", session),
                ("target_port", str(header.port)),
                ("target_name", header.name),
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
        for application in self._applications.values():
            application.close()


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is known of a connection once TLS is dealt with."""

    client: Client
    target: SocketAddress
    cell: PolicyCell
    tls: Labels
    """Whether it is mesh TLS, and whose."""

    @property
    def server(self) -> Labels:
        meta = self.cell.current.meta
        return labels.server(meta.group, meta.kind, meta.name, self.target.port)

    @property
    def labels(self) -> Labels:
        return labels.target(self.target) + self.server + self.tls


class Arrival:
    """Receiver of a connection until it is known what to do with it."""

    __slots__ = (
        "_buffer",
        "_client_ip",
        "_deadline",
        "_decoder",
        "_direct",
        "_identity",
        "_inbound",
        "_since",
        "_target",
        "_transport",
    )

    def __init__(
        self,
        inbound: Inbound,
        sock: socket.socket,
        client_ip: str,
        target: SocketAddress,
        *,
        direct: bool,
    ) -> None:
        self._inbound = inbound
        self._client_ip = client_ip
        self._target = target
        self._direct = direct
        self._buffer = b""
        self._identity: str | None = None
        self._decoder: TransportHeaderDecoder | None = None
        self._deadline: Timer | None = None
        self._transport = Transport(inbound.reactor, sock, self)
        self._since = inbound.reactor.clock()
        timeout = inbound.settings.detect_timeout
        inbound.opened(self)
        if not direct and inbound.policies.port(target.port).current.protocol is Protocol.OPAQUE:
            self._transport.start()
            self._arrived(tls=False, reason=labels.PORT_SKIPPED, data=b"")
            return
        self._deadline = inbound.reactor.call_later(timeout, self._overdue)
        self._transport.start()

    # --- TLS ------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        if self._decoder is not None:
            self._read_header(data)
            return
        self._buffer += data
        if self._buffer[0] != _HANDSHAKE:
            self._not_mesh()
            return
        hello = read_client_hello(self._buffer)
        if hello is NoHello.NEED_MORE:
            return
        if hello is NoHello.NOT_TLS:
            self._not_mesh()
        elif isinstance(hello, ClientHello):
            self._cancel_deadline()
            if hello.server_name == self._inbound.certificates.local_name:
                self._terminate()
            elif self._direct:
                self._refuse("unexpected", f"TLS for {hello.server_name} on the proxy's own port")
            else:
                self._pass_through(hello.server_name or "")
        else:
            self._refuse("tls", "malformed ClientHello")

    def _not_mesh(self) -> None:
        self._cancel_deadline()
        if self._direct:
            self._refuse("unexpected", "no mesh TLS on the proxy's own port")
            return
        self._arrived(tls=False, reason=labels.NO_TLS_FROM_REMOTE, data=self._buffer)

    def _terminate(self) -> None:
        inbound = self._inbound
        if not inbound.certificates.ready:
            self._refuse("tls", "no certificate yet")
            return
        plain = self._transport
        transport = TlsTransport(
            inbound.reactor, plain.sock, self, inbound.certificates.server_context, server=True
        )
        self._transport = transport
        transport.take_over(plain, self._buffer, inbound.settings.detect_timeout)

    def on_connected(self) -> None:
        """The handshake is complete."""
        transport = self._transport
        assert isinstance(transport, TlsTransport)
        self._identity = peer_identity(transport.certificate())
        if not self._direct:
            self._arrived(tls=True, reason="", data=b"")
            return
        if self._identity is None or transport.alpn() != ALPN:
            self._refuse(
                "unexpected", "a direct connection needs an identity and a transport header"
            )
            return
        self._decoder = TransportHeaderDecoder()
        self._deadline = self._inbound.reactor.call_later(
            self._inbound.settings.detect_timeout, self._overdue
        )

    def _read_header(self, data: bytes) -> None:
        decoder = self._decoder
        assert decoder is not None
        try:
            header = decoder.feed(data)
        except TransportHeaderError as error:
            self._cancel_deadline()
            self._refuse("unexpected", str(error))
            return
        if header is None:
            return
        self._cancel_deadline()
        self._inbound.header_read(header, self._identity or "")
        if header.name:
            self._refuse("gateway domain invalid", f"{header.name}: this proxy is no gateway")
            return
        self._target = SocketAddress(self._target.ip, header.port)
        if self._inbound.is_own(self._target):
            self._refuse("unexpected", errors.LOOP_PREVENTED.text)
            return
        self._arrived(tls=True, reason="", data=decoder.rest, session=header.session, header=True)

    # --- what it speaks -------------------------------------------------------------------

    def _arrived(
        self,
        *,
        tls: bool,
        reason: str,
        data: bytes,
        session: SessionProtocol | None = None,
        header: bool = False,
    ) -> None:
        """TLS is dealt with; `header`: a transport header said what follows."""
        inbound = self._inbound
        cell = inbound.policies.port(self._target.port)
        context = Arrived(
            Client(self._client_ip, self._identity, tls),
            self._target,
            cell,
            labels.server_tls(self._identity, tls=tls, reason=reason),
        )
        transport = self._transport
        transport.measure(
            inbound.transports.transport(labels.INBOUND + labels.SRC + context.labels)
        )
        protocol = cell.current.protocol
        if header:
            if session is None:
                self._forward(context, data)
            else:
                self._serve(context, data, http2=session is SessionProtocol.HTTP2)
        elif protocol is Protocol.DETECT:
            # The receiver of the transport changes: whoever decides gets every byte so far.
            sniffer = Sniffer(
                transport,
                cell.current.detect_timeout,
                lambda verdict, read: self._detected(context, verdict, read),
                lambda failure: inbound.closed(self),
            )
            if data:
                sniffer.on_data(data)
        elif protocol is Protocol.HTTP1:
            self._serve(context, data, http2=False)
        elif protocol in (Protocol.HTTP2, Protocol.GRPC):
            self._serve(context, data, http2=True)
        else:
            self._forward(context, data)

    def _detected(self, context: Arrived, verdict: Detection | None, data: bytes) -> None:
        inbound = self._inbound
        inbound.detected(context.server, verdict, inbound.reactor.clock() - self._since)
        if verdict is Detection.HTTP1 or verdict is Detection.HTTP2:
            self._serve(context, data, http2=verdict is Detection.HTTP2)
        else:
            self._forward(context, data)

    def _serve(self, context: Arrived, data: bytes, *, http2: bool) -> None:
        inbound = self._inbound
        transport = self._transport
        service = InboundHttp(inbound, context)
        server: Http1Server | Http2Server
        if http2:
            server = Http2Server(transport, service, inbound.http2, inbound.closed)
        else:
            server = Http1Server(transport, service, inbound.closed)
        transport.receiver = server
        inbound.closed(self)
        inbound.opened(server)
        if data:
            server.on_data(data)

    # --- bytes ----------------------------------------------------------------------------

    def _pass_through(self, server_name: str) -> None:
        """TLS between the application and its client, which is not ours to end."""
        inbound = self._inbound
        context = Arrived(
            Client(self._client_ip),
            self._target,
            inbound.policies.port(self._target.port),
            labels.passthrough_tls(server_name),
        )
        self._transport.measure(
            inbound.transports.transport(labels.INBOUND + labels.SRC + context.labels)
        )
        self._forward(context, self._buffer)

    def _forward(self, context: Arrived, data: bytes) -> None:
        """Bytes to the application, if the port's policy lets this client in."""
        inbound = self._inbound
        cell = context.cell
        try:
            allowed = authorize(cell.current, context.client)
        except Denied as denied:
            inbound.tcp_denied(context.labels)
            self._refuse(errors.UNAUTHORIZED_CONNECTION.name, str(denied))
            return
        inbound.tcp_authorized(context.labels, allowed.authorization.labels("authz"))
        if inbound.is_own(context.target):
            self._refuse("unexpected", errors.LOOP_PREVENTED.text)
            return
        application = inbound.application(context.target)
        Forwarding(inbound, context, self._transport, application, data)
        inbound.closed(self)

    # --- the end --------------------------------------------------------------------------

    def _overdue(self) -> None:
        if not self._buffer and not self._direct:
            # A client that waits for the server to speak first does not speak TLS.
            self._arrived(tls=False, reason=labels.NO_TLS_FROM_REMOTE, data=b"")
        else:
            self._refuse("tls detection timeout", f"{self._target} from {self._client_ip}")

    def _refuse(self, name: str, detail: str) -> None:
        self._inbound.tcp_error(self._target, name, detail)
        self._transport.close(linger=True)
        self._inbound.closed(self)

    def on_eof(self) -> None:
        self._cancel_deadline()
        self._transport.close()
        self._inbound.closed(self)

    def on_lost(self, failure: Exception) -> None:
        self._cancel_deadline()
        if isinstance(failure, Failure):
            self._inbound.tcp_error(self._target, failure.kind.name, str(failure))
        self._inbound.closed(self)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def on_blocked(self) -> None:
        """Nothing was sent."""

    def on_unblocked(self) -> None:
        """Nothing was sent."""

    def drain(self) -> None:
        """Nothing is in progress yet, and what comes next is still served."""

    def stop(self) -> None:
        self._cancel_deadline()
        self._transport.abort()

    def __repr__(self) -> str:
        return f"<Arrival from {self._client_ip} for {self._target}>"


class Forwarding:
    """A relay to the application, ended when the policy no longer admits its client."""

    __slots__ = ("_cancel", "_context", "_inbound", "_opening", "_transport")

    def __init__(
        self,
        inbound: Inbound,
        context: Arrived,
        transport: Transport,
        application: Application,
        data: bytes,
    ) -> None:
        self._inbound = inbound
        self._context = context
        self._transport = transport
        self._cancel = context.cell.watch(self._policy_changed)
        self._opening = Opening(transport, data, application.verify, self._done)
        inbound.opened(self)
        self._opening.dialed(application.dial(self._opening))

    def _policy_changed(self) -> None:
        policy: ServerPolicy = self._context.cell.current
        try:
            authorize(policy, self._context.client)
        except Denied as denied:
            self._inbound.tcp_terminated(self._context.labels)
            _log.info("connection ended: %s", denied)
            self.stop()

    def _done(self, failure: Exception | None) -> None:
        self._cancel()
        self._inbound.closed(self)
        if failure is not None:
            name = failure.kind.name if isinstance(failure, Failure) else "i/o"
            self._inbound.tcp_error(self._context.target, name, symbol(failure) or str(failure))

    def drain(self) -> None:
        """Bytes have no boundary to stop at: they flow until one side ends, or `stop`."""
        self._opening.drain()

    def stop(self) -> None:
        self._transport.lose(Failure(errors.DRAINING))

    def __repr__(self) -> str:
        return f"<Forwarding to {self._context.target}>"
