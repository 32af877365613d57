"""Both sides of the proxy between a client and an application, over loopback, in one reactor.

    client socket -> outbound -> mutual TLS, HTTP/2 -> inbound -> application

What the kernel's redirection would say is said by the fixture; discovery and policy are values. The
reactor hosts trio in a thread of its own, as in the process, so tests are plain blocking scripts.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Self, TypeVar

import trio

from proxy.authz.policy import ServerPolicy, default_policy
from proxy.authz.store import InboundPolicies, PolicyCell
from proxy.codec.transport_header import ALPN, TransportHeader, encode
from proxy.discovery.cache import Discovery, DiscoveryError, UnknownNameError
from proxy.discovery.endpoints import Endpoint, EndpointSet, Hint
from proxy.discovery.policy import Meta, OutboundPolicy, Route, for_endpoint, for_service
from proxy.discovery.profile import Profile
from proxy.gateway.gateway import Gateway
from proxy.identity.store import CertificateStore
from proxy.inbound.accept import Inbound
from proxy.net.listen import bind
from proxy.net.reactor import Reactor
from proxy.net.transport import Transport
from proxy.outbound.accept import Outbound
from proxy.settings import (
    BoundSettings,
    ConnectSettings,
    Http2Settings,
    InboundSettings,
    OutboundSettings,
    PoolSettings,
    QueueSettings,
    SocketOptions,
)
from proxy.stack.backoff import Backoff
from proxy.telemetry import exposition
from proxy.telemetry.registry import Registry
from weft.addresses import SocketAddress
from weft.pki import keys
from weft.pki.certificate import Lifetime, Signer, make_anchor, make_leaf, to_pem
from weft.ports import PortSet

if TYPE_CHECKING:
    from ssl import SSLSocket

    from proxy.discovery.destination import Destination

CLIENT = "web.demo.serviceaccount.identity.weft.cluster.local"
SERVER = "voting.demo.serviceaccount.identity.weft.cluster.local"
AUTHORITY = "voting.demo.svc.cluster.local:8080"
SERVICE = SocketAddress("10.96.0.5", 8080)
LOCAL = "127.0.0.1"

T = TypeVar("T")


# --- certificates ---------------------------------------------------------------------------


@cache
def _authority() -> tuple[Signer, Lifetime]:
    now = datetime.now(UTC)
    lifetime = Lifetime(now - timedelta(minutes=1), now + timedelta(hours=1))
    key = keys.generate()
    return Signer(make_anchor("root.weft.cluster.local", key, lifetime), key), lifetime


@cache
def certificates(identity: str) -> CertificateStore:
    """A store that holds a certificate of that name, of the authority all tests share."""
    signer, lifetime = _authority()
    key = keys.generate()
    leaf = make_leaf([identity], key.public_key(), lifetime, signer)
    store = CertificateStore(identity, to_pem(signer.certificate).decode())
    store.install(to_pem(leaf).decode(), keys.to_pem(key).decode(), lifetime.not_after.timestamp())
    return store


def stranger(identity: str) -> CertificateStore:
    """A certificate of that name by an authority that nobody else trusts."""
    _, lifetime = _authority()
    key = keys.generate()
    other = keys.generate()
    rogue = Signer(make_anchor("rogue", other, lifetime), other)
    leaf = make_leaf([identity], key.public_key(), lifetime, rogue)
    store = CertificateStore(identity, to_pem(rogue.certificate).decode())
    store.install(to_pem(leaf).decode(), keys.to_pem(key).decode(), lifetime.not_after.timestamp())
    return store


# --- what the control plane would say ---------------------------------------------------------


class Policies:
    """Holds the policy cells so that tests can change them."""

    def __init__(self) -> None:
        self.cells: dict[int, PolicyCell] = {}

    def watch_port(self, cell: PolicyCell) -> Callable[[], None]:
        self.cells[cell.port] = cell
        return lambda: None


class Lookups:
    """Answers look-ups of the one Service there is, and holds its endpoint set."""

    def __init__(self, policy: OutboundPolicy, endpoints: Sequence[Endpoint]) -> None:
        self.policy = policy
        self.endpoints = list(endpoints)
        self.set: EndpointSet | None = None
        self.sets: dict[str, list[Endpoint]] = {}
        """Endpoints of other authorities than the Service's own."""
        self.profile = Profile(name=AUTHORITY.partition(":")[0])
        self.named: dict[str, OutboundPolicy] = {}
        """Policies of names; others are unknown."""
        self.profiles: dict[str, Profile] = {}
        """Profiles of such names that say more than their own."""
        self.refuse = False

    def watch_target(
        self,
        address: Destination,
        on_update: Callable[[Profile, OutboundPolicy], None],
        on_failure: Callable[[DiscoveryError], None],
    ) -> Callable[[], None]:
        if self.refuse:
            on_failure(DiscoveryError(f"{address}: the controller is away"))
        elif isinstance(address, SocketAddress):
            on_update(self.profile, self.policy)
        elif str(address) in self.named:
            profile = self.profiles.get(str(address)) or Profile(name=address.name)
            on_update(profile, self.named[str(address)])
        else:
            on_failure(UnknownNameError(f"{address}: no such name"))
        return lambda: None

    def watch_endpoints(self, endpoints: EndpointSet) -> Callable[[], None]:
        if endpoints.authority in self.sets:
            endpoints.replace(self.sets[endpoints.authority])
            return lambda: None
        self.set = endpoints
        endpoints.replace(self.endpoints)
        return lambda: None


def _common(port: int, bounds: BoundSettings) -> dict[str, object]:
    return {
        "listen": (SocketAddress(LOCAL, port),),
        "backlog": None,
        "accept": SocketOptions(),
        "connect": ConnectSettings(1.0, Backoff(0.02, 0.2, 0.0), SocketOptions()),
        "detect_timeout": 0.3,
        "pool": PoolSettings(100, 3.0),
        "http_queue": QueueSettings(100, 1.0),
        "http2": Http2Settings(),
        "max_in_flight": 1000,
        "discovery_idle_timeout": 5.0,
        "bounds": bounds,
    }


class _InboundFrom(Inbound):
    """Inbound whose clients seem to have another address."""

    def __init__(self, client_ip: str | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client_ip = client_ip

    def _accept(self, sock: socket.socket, client: tuple[str, int]) -> None:
        super()._accept(sock, (self._client_ip or client[0], client[1]))


class Clock:
    """Monotonic seconds that can be sent ahead, and held."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._held: float | None = None

    def __call__(self) -> float:
        return (time.monotonic() if self._held is None else self._held) + self.ahead

    def hold(self) -> None:
        """Stand still from now on, but for what it is sent ahead."""
        self._held = time.monotonic()


# --- the pair -------------------------------------------------------------------------------


class Pair:
    """Outbound and inbound, started, with an application's port behind them."""

    def __init__(
        self,
        app_port: int,
        *,
        inbound_policy: ServerPolicy | None = None,
        outbound_policy: OutboundPolicy | None = None,
        endpoints: Sequence[Endpoint] | None = None,
        opaque: bool = False,
        failfast: float = 0.3,
        server: CertificateStore | None = None,
        client_ip: str | None = None,
        profile: Profile | None = None,
        bounds: BoundSettings | None = None,
        ingress: bool = False,
        informational: bool = True,
        hostname_labels: bool = False,
        gateway: tuple[str, ...] = (),
        beside: Pair | None = None,
    ) -> None:
        """`client_ip`: where inbound connections seem to come from; loopback is always let in.
        `gateway`: suffixes of the names it serves other clusters; its clients come by its own port.
        `beside`: another, on whose loop this one runs: there is one loop in a process, which owns the
        buffers that are read into."""
        self.clock: Clock = Clock() if beside is None else beside.clock
        self.reactor: Reactor = Reactor(self.clock) if beside is None else beside.reactor
        self.registry = Registry()
        self.app = SocketAddress(LOCAL, app_port)
        self.inbound_target = self.app
        inbound_socket = bind(SocketAddress(LOCAL, 0))
        outbound_socket = bind(SocketAddress(LOCAL, 0))
        self.inbound_port: int = inbound_socket.getsockname()[1]
        if gateway:
            self.inbound_target = SocketAddress(LOCAL, self.inbound_port)
        self.outbound_port: int = outbound_socket.getsockname()[1]
        self.meshed = Endpoint(
            SocketAddress(LOCAL, self.inbound_port),
            identity=SERVER,
            hint=Hint.H2,
            labels=(("dst_deployment", "voting"),),
        )
        policy = inbound_policy or default_policy("all-unauthenticated", opaque=opaque)
        self.policies = Policies()
        meta = Meta("core", "Service", "demo", "voting", port="8080")
        if outbound_policy is None:
            outbound_policy = for_service(AUTHORITY, meta, opaque=opaque)
            outbound_policy = _impatient(outbound_policy, failfast)
        self.lookups = Lookups(outbound_policy, [self.meshed] if endpoints is None else endpoints)
        if profile is not None:
            self.lookups.profile = profile
        self.inbound = _InboundFrom(
            client_ip,
            self.reactor,
            InboundSettings(
                **_common(self.inbound_port, bounds or BoundSettings()),  # type: ignore[arg-type]
                ports=(),
                opaque_ports=PortSet(),
                default_policy="all-unauthenticated",
                cluster_networks=(),
                allowed_ips=frozenset(),
            ),
            server or certificates(SERVER),
            InboundPolicies(self.policies, lambda port: policy),
            self.registry,
            original_destination=lambda sock: self.inbound_target,
        )
        self.outbound = Outbound(
            self.reactor,
            OutboundSettings(
                **_common(self.outbound_port, bounds or BoundSettings()),  # type: ignore[arg-type]
                tcp_queue=QueueSettings(100, 0.3),
                disable_informational_headers=not informational,
                ingress=ingress,
                hostname_labels=hostname_labels,
            ),
            certificates(CLIENT) if not gateway else server or certificates(SERVER),
            Discovery(self.lookups, self.reactor),
            self.registry,
            original_destination=lambda sock: SERVICE,
        )
        if gateway:
            self.inbound.gateway = Gateway(self.outbound, gateway)
        self._sockets = (inbound_socket, outbound_socket)
        self._stop: trio.Event
        self._own_loop = beside is None
        self._thread: threading.Thread = (
            threading.Thread(target=self._run, daemon=True) if beside is None else beside._thread
        )
        self._started = threading.Event()

    def _run(self) -> None:
        self.reactor.run(self._main)

    async def _main(self) -> None:
        self._stop = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        self._begin()
        self._started.set()
        await self._stop.wait()
        self._end()

    def _begin(self) -> None:
        self.inbound.start([self._sockets[0]])
        self.outbound.start([self._sockets[1]])

    def _end(self) -> None:
        self.outbound.stop()
        self.inbound.stop()

    def __enter__(self) -> Self:
        if not self._own_loop:
            self.run(self._begin)
            return self
        self._thread.start()
        assert self._started.wait(5)
        return self

    def __exit__(self, *_exc: object) -> None:
        if not self._own_loop:
            self.run(self._end)
            return
        self.run(lambda: self._stop.set())
        self._thread.join(5)
        assert not self._thread.is_alive()
        for handler in list(self.reactor._handlers.values()):
            if isinstance(handler, Transport):
                handler.abort()  # closed, and still waiting for its peer to read an answer
        self.reactor.close()

    def run(self, fn: Callable[[], T]) -> T:
        """Call `fn` on the reactor's thread, between batches."""
        if threading.current_thread() is self._thread:
            return fn()
        done = threading.Event()
        result: list[T] = []

        def call() -> None:
            try:
                result.append(fn())
            finally:
                done.set()

        self.reactor.call_soon_threadsafe(call)
        assert done.wait(5)
        return result[0]

    def eventually(self, read: Callable[[], T], expected: T, *, seconds: float = 5.0) -> None:
        """Wait until `read`, called on the reactor's thread, gives `expected`."""
        deadline = time.monotonic() + seconds
        while (found := self.run(read)) != expected:
            assert time.monotonic() < deadline, f"{found!r}, not {expected!r}, {seconds:g} s later"
            time.sleep(0.005)

    def becomes(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds on the reactor's thread."""
        self.eventually(lambda: bool(condition()), True)

    def hold(self) -> None:
        """Let time pass by `advance` alone from now on: for what must happen within a limit, or before
        it, however slow the machine is. No time-out comes by itself any more."""
        self.clock.hold()

    def advance(self, seconds: float) -> None:
        """Let time pass at once, and what is due happen."""
        self.clock.ahead += seconds
        self.run(lambda: None)
        self.run(lambda: None)

    def drain(self, side: Inbound | Outbound) -> None:
        self.run(side.begin_drain)

    def metrics(self) -> str:
        return self.run(lambda: exposition.render(self.registry))

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the series that have these labels."""
        total = 0.0
        for line in self.metrics().splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(
                f'{key}="{wanted}"' in series for key, wanted in labels.items()
            ):
                total += float(value)
        return total

    def connect(self, *, inbound: bool = False) -> socket.socket:
        port = self.inbound_port if inbound else self.outbound_port
        sock = socket.create_connection((LOCAL, port), timeout=5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def tunnel(self, header: TransportHeader, client: CertificateStore | None = None) -> SSLSocket:
        """A mesh client that comes by the inbound proxy's own port."""
        self.inbound_target = SocketAddress(LOCAL, self.inbound_port)
        context = (client or certificates(CLIENT)).transport_client_context
        sock = context.wrap_socket(
            self.connect(inbound=True), server_hostname=self.inbound.certificates.local_name
        )
        assert sock.selected_alpn_protocol() == ALPN
        sock.sendall(encode(header))
        return sock


def _impatient(policy: OutboundPolicy, failfast: float) -> OutboundPolicy:
    """The same policy with shorter times for fail-fast and detection."""

    def shorten(routes: tuple[Route, ...]) -> tuple[Route, ...]:
        return tuple(
            replace(
                route,
                rules=tuple(
                    replace(
                        rule,
                        backends=replace(
                            rule.backends,
                            backends=tuple(
                                replace(
                                    one, backend=replace(one.backend, failfast_timeout=failfast)
                                )
                                for one in rule.backends.backends
                            ),
                        ),
                    )
                    for rule in route.rules
                ),
            )
            for route in routes
        )

    return replace(
        policy,
        detect_timeout=0.2,
        http1=shorten(policy.http1),
        http2=shorten(policy.http2),
        opaque=shorten(policy.opaque),
    )


def forward_policy(endpoint: Endpoint, *, opaque: bool = False) -> OutboundPolicy:
    """Straight to one endpoint, unbalanced."""
    return for_endpoint(endpoint, name="endpoint", opaque=opaque)


# --- applications ---------------------------------------------------------------------------

Serve = Callable[[socket.socket], None]


class Noticing:
    """A handler of connections that tells when a first byte has come to it: by then every connection
    on the way is made, and none of them is late when time passes."""

    def __init__(self, serve: Serve) -> None:
        self.reached = threading.Event()
        self._serve = serve

    def __call__(self, sock: socket.socket) -> None:
        if sock.recv(1, socket.MSG_PEEK):
            self.reached.set()
        self._serve(sock)


@contextlib.contextmanager
def application(serve: Serve, port: int = 0, host: str = LOCAL) -> Iterator[int]:
    """A server whose connections are each handled by `serve` in a thread; its port."""
    listener = socket.create_server((host, port))
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def handle(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            serve(sock)

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            connections.append(sock)
            thread = threading.Thread(target=handle, args=(sock,), daemon=True)
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        acceptor.join(5)
        for thread in threads:
            thread.join(5)


def read_until(sock: socket.socket, mark: bytes, data: bytes = b"") -> bytes:
    """Everything up to and including `mark`, and whatever came with it."""
    while mark not in data:
        more = sock.recv(65_536)
        if not more:
            return data
        data += more
    return data


def read_message(sock: socket.socket, data: bytes = b"") -> tuple[bytes, bytes, bytes]:
    """One HTTP/1 message with Content-Length or chunks: head, body, and what came after it.

    An empty head means that the connection ended first, or within chunks.
    """
    data = read_until(sock, b"\r\n\r\n", data)
    head, _, rest = data.partition(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while True:
            rest = read_until(sock, b"\r\n", rest)
            line, ended, rest = rest.partition(b"\r\n")
            if not ended:
                return b"", body, b""
            size = int(line, 16)
            while len(rest) < size + 2:
                more = sock.recv(65_536)
                if not more:
                    return b"", body, b""
                rest += more
            body += rest[:size]
            rest = rest[size + 2 :]
            if not size:
                return head, body, rest
    length = 0
    for line in lower.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(rest) < length:
        more = sock.recv(65_536)
        if not more:
            break
        rest += more
    return head, rest[:length], rest[length:]


def echo_http(sock: socket.socket) -> None:
    """Answers each request with its own head and body, until the client closes."""
    rest = b""
    while True:
        head, body, rest = read_message(sock, rest)
        if not head:
            return
        payload = head + b"\r\n\r\n" + body
        if head.startswith(b"HEAD "):
            payload = b""
        sock.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nserver: app\r\n\r\n" % len(payload) + payload
        )


def answering(response: bytes, after: float = 0.0) -> Callable[[socket.socket], None]:
    """An application that answers each request with these bytes, so many seconds later, until the
    client closes."""

    def serve(sock: socket.socket) -> None:
        rest = b""
        while True:
            head, _, rest = read_message(sock, rest)
            if not head:
                return
            time.sleep(after)
            sock.sendall(response)

    return serve


def echo_bytes(sock: socket.socket) -> None:
    """Sends back what it gets, and half-closes when the client does."""
    while data := sock.recv(65_536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)
    sock.recv(1)
