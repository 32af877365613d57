"""Half-closing a TLS connection: our goodbye costs the peer nothing of what it has said."""

from __future__ import annotations

import contextlib
import socket
import ssl
import weakref

import trio

from proxy.net.reactor import Reactor
from proxy.net.tls import TlsTransport
from proxy.tests.pair import CLIENT, SERVER, certificates
from testkit.trio_tests import in_trio, until


class Server:
    """Does not read until it is told to."""

    def __init__(self) -> None:
        self.transport: TlsTransport
        self.connected = False
        self.data = b""
        self.ended = False

    def on_connected(self) -> None:
        self.connected = True
        self.transport.pause()

    def on_data(self, data: bytes) -> None:
        self.data += data

    def on_eof(self) -> None:
        self.ended = True

    def on_lost(self, failure: Exception) -> None:
        raise failure

    def on_blocked(self) -> None: ...

    def on_unblocked(self) -> None: ...


@in_trio
async def test_what_came_with_the_handshake_survives_our_goodbye() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = certificates(CLIENT).client_context.wrap_bio(
        incoming, outgoing, server_hostname=SERVER
    )
    reactor = Reactor()
    server = Server()
    server.transport = transport = TlsTransport(
        reactor, ours, server, certificates(SERVER).server_context, server=True
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reactor.serve)
        transport.start()
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        theirs.sendall(outgoing.read())
        while True:
            incoming.write(await trio.to_thread.run_sync(theirs.recv, 65_536))
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
                break
        client.write(b"said at once")
        theirs.sendall(outgoing.read())
        await until(lambda: server.connected)
        transport.shut_down_writing()
        while more := await trio.to_thread.run_sync(theirs.recv, 65_536):
            incoming.write(more)
        assert client.read(100) == b""
        transport.resume()
        await until(lambda: server.data)
        nursery.cancel_scope.cancel()
    transport.abort()
    reactor.close()
    theirs.close()
    assert server.data == b"said at once"


def test_a_closed_connection_holds_nothing_large_even_while_it_is_referred_to() -> None:
    ours, theirs = socket.socketpair()
    reactor = Reactor()
    transport = TlsTransport(
        reactor, ours, Server(), certificates(SERVER).server_context, server=True
    )
    held = weakref.ref(transport._ssl)
    assert held() is not None
    transport.abort()
    assert held() is None
    reactor.close()
    theirs.close()
