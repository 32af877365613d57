"""What every attack must leave behind: a proxy that serves the next client, and holds nothing more."""

from __future__ import annotations

import contextlib
import gc
import socket
import sys
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from proxy.authz import policy as authz
from proxy.authz.policy import default_policy
from proxy.codec.message import Headers
from proxy.discovery import policy as discovery
from proxy.discovery.policy import for_service
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import AUTHORITY, Pair, application, read_message
from proxy.tests.policies import SERVICE_META
from testkit.attacks.frames import PREFACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.settings import BoundSettings

GOOD = b"GET /good HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n"
SIDES = ("outbound", "inbound")
BLOCKS = 30_000
"""Python objects by which a proxy may have grown after an attack: caches that fill once."""


@dataclass
class Seen:
    """What the application was sent."""

    requests: list[bytes] = field(default_factory=list)
    """Heads, HTTP/1 or spelled like it."""
    bodies: list[bytes] = field(default_factory=list)
    trailers: list[bytes] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    """A first byte has come: every connection on the way is made."""

    def serve(self, sock: socket.socket) -> None:
        """Answers HTTP/1 and HTTP/2; an HTTP/1 response says what the request line was."""
        beginning = sock.recv(3, socket.MSG_PEEK)
        if beginning:
            self.reached.set()
        if beginning == PREFACE[:3]:
            Peer(sock, server=True, handler=self._heard).serve()
            return
        rest = b""
        while True:
            head, body, rest = read_message(sock, rest)
            if not head:
                return
            self.requests.append(head)
            self.bodies.append(body)
            line = head.partition(b"\r\n")[0]
            payload = b"" if line.startswith(b"HEAD ") else line + b"\n"
            sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(payload) + payload)

    def _heard(self, stream: PeerStream) -> None:
        if not stream.ended or stream.reset_code is not None or stream.frame is None:
            return
        frame = stream.frame
        lines = [f"{frame.method} {frame.path} HTTP/2".encode()]
        lines += [name + b": " + value for name, value in frame.headers.raw_items()]
        self.requests.append(b"\r\n".join(lines))
        self.bodies.append(stream.body)
        trailers = stream.trailers or Headers()
        self.trailers += [name + b": " + value for name, value in trailers.raw_items()]
        stream.ended = False
        stream.respond(200, {}, ends=True)

    def everything(self) -> bytes:
        return b"\n".join(self.requests + self.bodies + self.trailers)


class Victim(Pair):
    """A pair with an application that remembers what it was sent."""

    seen: Seen

    def door(self, side: str) -> socket.socket:
        return self.connect(inbound=side == "inbound")

    def throw(self, side: str, data: bytes, *, then_shut: bool = False) -> bytes:
        """Send bytes, whether or not the proxy takes them all; everything it answered."""
        with self.door(side) as sock:
            answered: list[bytes] = []
            reader = threading.Thread(target=lambda: answered.append(drained(sock)))
            reader.start()
            with contextlib.suppress(OSError):
                sock.sendall(data)
                if then_shut:
                    sock.shutdown(socket.SHUT_WR)
            reader.join()
        return answered[0]

    def serves(self, side: str) -> bool:
        """Whether a client that means well gets its answer, on a connection of its own."""
        return self.throw(side, GOOD).endswith(b"\r\n\r\nGET /good HTTP/1.1\n")

    def is_sound(self, side: str) -> None:
        """The next client is served, no handler failed, and nothing of the attack is held on to."""
        assert self.serves(side)
        assert self.reactor.failures == 0
        self.eventually(lambda: (self.inbound.in_flight, self.outbound.in_flight), (0, 0))
        self.eventually(lambda: len(self.outbound.connections), 0)
        if side == "inbound":
            self.eventually(lambda: len(self.inbound.connections), 0)


def drained(sock: socket.socket) -> bytes:
    """Everything until the peer closes."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := sock.recv(65_536):
            data += more
    return data


@contextlib.contextmanager
def victim(*, only_http1: bool = False, bounds: BoundSettings | None = None) -> Iterator[Victim]:
    """`only_http1`: both sides know that HTTP/1 comes, and look for nothing else."""
    seen = Seen()
    inbound_policy = outbound_policy = None
    if only_http1:
        anyone = default_policy("all-unauthenticated")
        inbound_policy = replace(anyone, protocol=authz.Protocol.HTTP1)
        service = for_service(AUTHORITY, SERVICE_META, opaque=False)
        outbound_policy = replace(service, protocol=discovery.Protocol.HTTP1)
    with (
        application(seen.serve) as port,
        Victim(
            port,
            inbound_policy=inbound_policy,
            outbound_policy=outbound_policy,
            bounds=bounds,
        ) as pair,
    ):
        pair.seen = seen
        yield pair


def blocks_grown(attack: Callable[[], object], *, times: int = 3) -> int:
    """By how many allocated blocks the process has grown once the attack was repeated."""
    attack()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(times):
        attack()
    gc.collect()
    return sys.getallocatedblocks() - before
