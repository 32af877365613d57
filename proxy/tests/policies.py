"""Policies and applications for tests of what a route does to a request."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from proxy.discovery.endpoints import Endpoint
from proxy.discovery.policy import (
    Backend,
    Balancer,
    Distribution,
    DistributionKind,
    FailureAccrual,
    Meta,
    OutboundPolicy,
    Protocol,
    Route,
    RouteBackend,
    Rule,
)
from proxy.outbound.concrete import Balanced
from proxy.tests.pair import AUTHORITY, LOCAL, application, read_message
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from proxy.tests.pair import Pair, Serve

SERVICE_META = Meta("core", "Service", "demo", "voting", port="8080")
ROUTE_META = Meta("gateway.networking.k8s.io", "HTTPRoute", "demo", "votes")


def backend(
    authority: str = AUTHORITY, accrual: FailureAccrual | None = None, failfast: float = 0.3
) -> Backend:
    return Backend(SERVICE_META, Balancer(authority), 100, failfast, accrual)


def routed(*rules: Rule, grpc: bool = False) -> OutboundPolicy:
    """A Service with one route."""
    routes = (Route(ROUTE_META, rules),)
    if grpc:
        return OutboundPolicy(Protocol.GRPC, SERVICE_META, grpc=routes)
    return OutboundPolicy(
        Protocol.DETECT, SERVICE_META, 0.2, http1=routes, http2=routes, opaque=routes
    )


def rule(*backends: Backend | RouteBackend, **terms: Any) -> Rule:
    """A rule for every request, to one backend or by weight to several."""
    chosen = tuple(
        one if isinstance(one, RouteBackend) else RouteBackend(one)
        for one in backends or (backend(),)
    )
    kind = DistributionKind.FIRST_AVAILABLE
    if len(chosen) > 1:
        kind = DistributionKind.RANDOM_AVAILABLE
    return replace(Rule(Distribution(kind, chosen)), **terms)


def plain(*ports: int) -> list[Endpoint]:
    """Unmeshed endpoints on this host."""
    return [Endpoint(SocketAddress(LOCAL, port)) for port in ports]


class Script:
    """An application that answers with a list of statuses, the last one for ever, and the same fields each
    time."""

    def __init__(self, *statuses: int, fields: str = "") -> None:
        self.statuses = list(statuses)
        self.fields = "".join(f"{line}\r\n" for line in fields.splitlines()).encode()
        self.requests: list[bytes] = []
        self.bodies: list[bytes] = []
        self._lock = threading.Lock()

    def __call__(self, sock: socket.socket) -> None:
        rest = b""
        while True:
            head, body, rest = read_message(sock, rest)
            if not head:
                return
            with self._lock:
                self.requests.append(head)
                self.bodies.append(body)
                status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            if status:
                sock.sendall(
                    b"HTTP/1.1 %d X\r\n%bcontent-length: 2\r\n\r\nok" % (status, self.fields)
                )


class Gated:
    """An application that answers only once `let` is set."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.arrived = threading.Semaphore(0)
        self.let = threading.Event()

    def __call__(self, sock: socket.socket) -> None:
        rest = b""
        while True:
            head, _, rest = read_message(sock, rest)
            if not head:
                return
            self.arrived.release()
            self.let.wait(5)
            with contextlib.suppress(OSError):
                sock.sendall(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.status)


@contextlib.contextmanager
def applications(*serves: Serve) -> Iterator[Sequence[int]]:
    """Several at once; their ports."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(application(serve)) for serve in serves]


def ask(sock: socket.socket, request: bytes = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n") -> bytes:
    """Send a request; the head of its response."""
    sock.sendall(request)
    head, _, rest = read_message(sock)
    assert rest == b""
    return head


def status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])


def balanced(mesh: Pair) -> Balanced:
    """The one backend of the one destination there is."""
    (logical,) = mesh.outbound._logicals.values()
    (found,) = logical._backends.values()
    assert isinstance(found, Balanced)
    return found
