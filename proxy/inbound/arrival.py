"""A connection from its first byte until it is known what to do with it.

own port        direct: mesh TLS with a transport header, which names the port that is meant, or a
                destination elsewhere for the gateway to reach, where this proxy is one
opaque port     straight to the application, TLS or not
other ports     mesh TLS (its SNI is our name) is terminated, other TLS passes through, and what
                is inside is taken for what the port's policy says, or for what whoever speaks
                first makes of it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.authz.decide import Client, Denied, authorize
from proxy.authz.policy import Protocol, needs_http
from proxy.codec.transport_header import (
    ALPN,
    SessionProtocol,
    TransportHeaderDecoder,
    TransportHeaderError,
)
from proxy.detect.client_hello import ClientHello, NoHello, read_client_hello
from proxy.detect.protocol import Detection
from proxy.identity.peer import peer_identity
from proxy.inbound.arrived import Arrived
from proxy.inbound.forwarding import Forwarding
from proxy.net.ear import Ear
from proxy.net.failure import Failure
from proxy.net.http1_server import Http1Server
from proxy.net.http2_server import Http2Server
from proxy.net.sniff import Sniffer
from proxy.net.tls import TlsTransport
from proxy.net.transport import Transport
from proxy.telemetry import labels
from weft import errors
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from proxy.codec.transport_header import TransportHeader
    from proxy.inbound.accept import Inbound
    from proxy.inbound.beyond import Beyond
    from proxy.net.front import Connection
    from proxy.net.wheel import Timer

SILENT = 0.2
"""Seconds after which a client that has sent nothing is most likely waiting for the server. A mesh
client begins its handshake at once; this leaves time for a packet to be lost and sent again."""

_HANDSHAKE = 22


class Arrival:
    """Receiver of a connection until it is known what to do with it."""

    __slots__ = (
        "_buffer",
        "_client_ip",
        "_deadline",
        "_decoder",
        "_direct",
        "_ear",
        "_identity",
        "_inbound",
        "_since",
        "_sniffer",
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
        self._ear: Ear | None = None
        self._sniffer: Sniffer | None = None
        self._transport = Transport(inbound.reactor, sock, self)
        self._since = inbound.reactor.clock()
        inbound.opened(self)
        if not direct and inbound.policies.port(target.port).current.protocol is Protocol.OPAQUE:
            self._transport.start()
            self._arrived(tls=False, reason=labels.PORT_SKIPPED, data=b"")
            return
        self._deadline = inbound.reactor.call_later(SILENT, self._silent)
        self._transport.start()

    # --- TLS ------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        if self._decoder is not None:
            self._read_header(data)
            return
        if self._ear is not None:
            self._end_ear()
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
            if hello.server_name == self._inbound.certificates.server_name:
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
            self._to_gateway(header, decoder.rest)
            return
        self._target = SocketAddress(self._target.ip, header.port)
        if self._inbound.is_own(self._target):
            self._refuse("unexpected", errors.LOOP_PREVENTED.text)
            return
        self._arrived(tls=True, reason="", data=decoder.rest, session=header.session, header=True)

    def _to_gateway(self, header: TransportHeader, data: bytes) -> None:
        """The client means another name. The policy that counts is that of our own port."""
        gateway = self._inbound.gateway
        if gateway is None:
            detail = f"{header.name}: this proxy is no gateway"
            self._refuse(errors.GATEWAY_DOMAIN_INVALID.name, detail)
            return
        context = self._context(tls=True, reason="")
        self._count(context)
        if header.session is not None:
            http2 = header.session is SessionProtocol.HTTP2
            self._serve(context, data, http2=http2, beyond=gateway.requests(header, context))
        elif self._admits(context):
            try:
                gateway.forward(header, self._inbound, context, self._transport, data)
            except Failure as refusal:
                self._refuse(refusal.kind.name, refusal.detail)
            else:
                self._inbound.closed(self)

    def _context(self, *, tls: bool, reason: str) -> Arrived:
        """What is known now."""
        inbound = self._inbound
        return Arrived(
            Client(self._client_ip, self._identity, tls),
            self._target,
            inbound.policies.port(self._target.port),
            labels.server_tls(self._identity, tls=tls, reason=reason),
        )

    def _count(self, context: Arrived) -> None:
        """Count the connection as what it turned out to be; once, for it is counted until it ends."""
        self._transport.measure(
            self._inbound.transports.transport(labels.INBOUND + labels.SRC + context.labels)
        )

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
        context = self._context(tls=tls, reason=reason)
        self._count(context)
        cell = context.cell
        protocol = cell.current.protocol
        if header:
            if session is None:
                self._forward(context, data)
            else:
                self._serve(context, data, http2=session is SessionProtocol.HTTP2)
        elif protocol is Protocol.DETECT:
            self._detect(context, data)
        elif protocol is Protocol.HTTP1:
            self._expect_http1(context, data)
        elif protocol in (Protocol.HTTP2, Protocol.GRPC):
            self._serve(context, data, http2=True)
        else:
            self._forward(context, data)

    def _expect_http1(self, context: Arrived, data: bytes) -> None:
        """Another proxy carries it as HTTP/2: only a preface tells."""
        sniffer = self._sniff(
            context,
            lambda verdict, read: self._serve(context, read, http2=verdict is Detection.HTTP2),
        )
        if data:
            sniffer.on_data(data)

    def _detect(self, context: Arrived, data: bytes) -> None:
        inbound = self._inbound
        speaks_http = inbound.verdicts.speaks_http(self._target, inbound.reactor.clock())
        unbound = not needs_http(context.cell.current)
        if speaks_http is False and unbound and not data:
            self._forward(context, b"")
            return
        sniffer = self._await_verdict(context)
        if data:
            sniffer.on_data(data)
        if speaks_http is None and unbound and self._sniffer is not None:
            # Two turns of the loop: a client that speaks first has usually spoken by then.
            soon = inbound.reactor.call_soon
            soon(lambda: soon(lambda: self._reach(context)))

    def _await_verdict(self, context: Arrived) -> Sniffer:
        return self._sniff(context, lambda verdict, read: self._detected(context, verdict, read))

    def _sniff(
        self, context: Arrived, decide: Callable[[Detection | None, bytes], None]
    ) -> Sniffer:
        timeout = context.cell.current.detect_timeout
        self._sniffer = sniffer = Sniffer(self._transport, timeout, decide, self._left_early)
        return sniffer

    def _reach(self, context: Arrived) -> None:
        """The client is silent: let the application speak, if this client may hear it."""
        if self._sniffer is not None:
            self._listen(context, self._application_spoke)

    def _listen(self, context: Arrived, spoke: Callable[[Arrived], None]) -> None:
        inbound = self._inbound
        try:
            authorize(context.cell.current, context.client)
        except Denied:
            return
        if self._transport.closed or inbound.is_own(context.target):
            return
        application = inbound.application(context.target)
        ear = self._ear = Ear(application.verify, lambda: spoke(context))
        ear.dialed(application.dial(ear))

    def _application_spoke(self, context: Arrived) -> None:
        sniffer, self._sniffer = self._sniffer, None
        if sniffer is None:
            return
        inbound = self._inbound
        now = inbound.reactor.clock()
        inbound.verdicts.remember(self._target, now, http=False)
        inbound.detected(context.server, Detection.OPAQUE, now - self._since)
        self._forward(context, sniffer.stop())

    def _detected(self, context: Arrived, verdict: Detection | None, data: bytes) -> None:
        inbound = self._inbound
        self._sniffer = None
        bound = needs_http(context.cell.current)
        if verdict is None and not data and bound:
            # Connected ahead of time, perhaps. It can only become HTTP.
            if inbound.draining:
                self._transport.close()
                self._left_early(None)
            else:
                self._await_verdict(context)
            return
        now = inbound.reactor.clock()
        inbound.detected(context.server, verdict, now - self._since)
        if verdict is Detection.HTTP1 or verdict is Detection.HTTP2:
            inbound.verdicts.remember(self._target, now, http=True)
            self._end_ear()
            self._serve(context, data, http2=verdict is Detection.HTTP2)
        elif bound:
            kind = errors.NOT_HTTP
            self._end_ear()
            self._refuse(kind.name, str(self._target))
        else:
            self._forward(context, data)

    def _left_early(self, failure: Exception | None) -> None:
        self._sniffer = None
        self._end_ear()
        self._inbound.closed(self)

    def _end_ear(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.abandon()

    def _serve(
        self, context: Arrived, data: bytes, *, http2: bool, beyond: Beyond | None = None
    ) -> None:
        """Requests go to the application, unless there is something `beyond` it."""
        inbound = self._inbound
        transport = self._transport
        service = inbound.service(context)
        closed: Callable[[Connection], None] = inbound.closed
        if beyond is not None:
            service.application = beyond
            closed = _closing(inbound, beyond)
        server: Http1Server | Http2Server
        if http2:
            server = Http2Server(transport, service, inbound.http2, closed)
        else:
            server = Http1Server(transport, service, closed, inbound.http1)
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
            labels.passthrough_tls(inbound.shown_name(server_name)),
        )
        self._count(context)
        self._forward(context, self._buffer)

    def _forward(self, context: Arrived, data: bytes) -> None:
        """Bytes to the application, if the port's policy lets this client in."""
        if not self._admits(context):
            return
        inbound = self._inbound
        if inbound.is_own(context.target):
            self._refuse("unexpected", errors.LOOP_PREVENTED.text)
            return
        application = inbound.application(context.target)
        ear, self._ear = self._ear, None
        Forwarding(inbound, context, self._transport, application, data, ear)
        inbound.closed(self)

    def _admits(self, context: Arrived) -> bool:
        """Whether the port's policy lets this client in; otherwise it was refused."""
        inbound = self._inbound
        try:
            allowed = authorize(context.cell.current, context.client)
        except Denied as denied:
            inbound.tcp_denied(context.labels)
            self._refuse(errors.UNAUTHORIZED_CONNECTION.name, str(denied))
            return False
        inbound.tcp_authorized(context.labels, allowed.authorization.labels("authz"))
        return True

    # --- the end --------------------------------------------------------------------------

    def _silent(self) -> None:
        """A mesh client would have begun its handshake by now. Most likely this one is none, and
        waits for the application to speak; should it do so first, it was right to."""
        inbound = self._inbound
        rest = max(0.0, inbound.settings.detect_timeout - SILENT)
        self._deadline = inbound.reactor.call_later(rest, self._overdue)
        if self._buffer or self._direct or self._ear is not None:
            return
        policy = inbound.policies.port(self._target.port).current
        if policy.protocol is not Protocol.DETECT or needs_http(policy):
            return
        if inbound.verdicts.speaks_http(self._target, inbound.reactor.clock()):
            return
        self._listen(
            self._context(tls=False, reason=labels.NO_TLS_FROM_REMOTE), self._spoke_in_plain
        )

    def _spoke_in_plain(self, context: Arrived) -> None:
        if self._buffer:
            return
        self._cancel_deadline()
        inbound = self._inbound
        seconds = inbound.reactor.clock() - self._since
        inbound.detected(context.server, Detection.OPAQUE, seconds)
        self._count(context)
        self._forward(context, b"")

    def _overdue(self) -> None:
        self._end_ear()
        if not self._buffer and not self._direct:
            # A client that waits for the server to speak first does not speak TLS.
            self._arrived(tls=False, reason=labels.NO_TLS_FROM_REMOTE, data=b"")
        else:
            self._refuse("tls detection timeout", f"{self._target} from {self._client_ip}")

    def _refuse(self, name: str, detail: str) -> None:
        self._inbound.tcp_error(self._target, name, detail, self._client_ip)
        self._transport.close(linger=True)
        self._inbound.closed(self)

    def on_eof(self) -> None:
        self._cancel_deadline()
        self._end_ear()
        self._transport.close()
        self._inbound.closed(self)

    def on_lost(self, failure: Exception) -> None:
        self._cancel_deadline()
        self._end_ear()
        if isinstance(failure, Failure):
            self._inbound.tcp_error(
                self._target, failure.kind.name, failure.detail, self._client_ip
            )
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
        if self._sniffer is not None:
            self._sniffer.stop()
        self._end_ear()
        self._transport.abort()

    def __repr__(self) -> str:
        return f"<Arrival from {self._client_ip} for {self._target}>"


def _closing(inbound: Inbound, beyond: Beyond) -> Callable[[Connection], None]:
    """Hears that a connection to a gateway has ended; maybe more than once."""

    def closed(connection: Connection) -> None:
        inbound.closed(connection)
        beyond.close()

    return closed
