"""Both transports on loopback, over a real store; the outside is a resolver of our own."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any, cast

import pytest

from sandbox.apiserver.kinds import NAMESPACE, SERVICE
from sandbox.apiserver.store import Store
from sandbox.dns import wire
from sandbox.dns.forward import Forwarder, read_resolv_conf
from sandbox.dns.forward import Resolver as Upstream
from sandbox.dns.server import DnsServer, Resolver
from sandbox.dns.wire import Answer, Query, Question, Rcode, Record, Type

WEB = wire.name_of("web.default.svc.cluster.local")
OUTSIDE = wire.name_of("example.com")


def make_store() -> Store:
    store = Store()
    store.create(NAMESPACE, {"metadata": {"name": "default"}})
    add(store, "web", {"clusterIP": "10.96.0.9", "ports": [{"port": 80}]})
    return store


def add(store: Store, name: str, spec: dict[str, Any]) -> None:
    store.create(SERVICE, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})


def query(name: wire.Name = WEB, type_: Type = Type.A, edns: int | None = None) -> bytes:
    return wire.write_query(Query(0xABCD, 0, True, (Question(name, type_),), edns))


class Outside(asyncio.DatagramProtocol):
    """A resolver that knows one address for everything."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        asked = wire.read_query(data)
        record = Record(asked.questions[0].name, Type.A, 60, IPv4Address("192.0.2.80"))
        # A forged answer with another number comes first and must not be believed.
        forged = bytes([data[0] ^ 0xFF]) + wire.write_answer(asked, Answer(Rcode.NXDOMAIN))[1:]
        self.transport.sendto(forged, addr)
        self.transport.sendto(wire.write_answer(asked, Answer(answers=(record,))), addr)


class Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self.heard.put_nowait(data)


async def udp(port: int, message: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=("127.0.0.1", port))
    try:
        transport.sendto(message)
        return await asyncio.wait_for(client.heard.get(), 5)
    finally:
        transport.close()


Script = Callable[[int, Store], Awaitable[None]]


def run(script: Script, upstream: bool = True) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Outside, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        store = make_store()
        forwarder = Forwarder(lambda: [Upstream("127.0.0.1", port)] if upstream else [])
        server = DnsServer(Resolver(store, "cluster.local", forwarder))
        try:
            await script(await server.start("127.0.0.1"), store)
        finally:
            await server.close()
            transport.close()

    asyncio.run(main())


def test_a_service_by_udp_and_by_tcp_cut_into_single_bytes() -> None:
    async def script(port: int, store: Store) -> None:
        answer = await udp(port, query())
        assert wire.read_addresses(answer) == (Rcode.NOERROR, (IPv4Address("10.96.0.9"),))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for byte in (struct.pack("!H", len(query())) + query()) * 2:
            writer.write(bytes([byte]))
            await writer.drain()
        for _ in range(2):
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            assert await reader.readexactly(size) == answer
        writer.close()
        await writer.wait_closed()

    run(script)


def test_a_new_service_is_known_at_once() -> None:
    async def script(port: int, store: Store) -> None:
        name = ("api", *WEB[1:])
        assert wire.read_addresses(await udp(port, query(name)))[0] is Rcode.NXDOMAIN
        add(store, "api", {"clusterIP": "10.96.0.10"})
        assert wire.read_addresses(await udp(port, query(name)))[0] is Rcode.NOERROR
        store.delete(SERVICE, "default", "api")
        assert wire.read_addresses(await udp(port, query(name)))[0] is Rcode.NXDOMAIN

    run(script)


def test_the_outside_is_asked_and_the_number_kept() -> None:
    async def script(port: int, store: Store) -> None:
        answer = await udp(port, query(OUTSIDE))
        assert answer[:2] == b"\xab\xcd"
        assert wire.read_addresses(answer) == (Rcode.NOERROR, (IPv4Address("192.0.2.80"),))

    run(script)


def test_an_external_name_is_followed_outside() -> None:
    async def script(port: int, store: Store) -> None:
        add(store, "out", {"type": "ExternalName", "externalName": "example.com"})
        answer = await udp(port, query(("out", *WEB[1:])))
        assert wire.read_addresses(answer) == (Rcode.NOERROR, (IPv4Address("192.0.2.80"),))
        assert b"\x07example\x03com\x00" in answer

    run(script)


def test_an_external_name_is_followed_inside_and_not_for_ever() -> None:
    async def script(port: int, store: Store) -> None:
        inside = {"type": "ExternalName", "externalName": wire.name_text(WEB)}
        add(store, "alias", inside)
        answer = await udp(port, query(("alias", *WEB[1:])))
        assert wire.read_addresses(answer) == (Rcode.NOERROR, (IPv4Address("10.96.0.9"),))
        me = {"type": "ExternalName", "externalName": "me.default.svc.cluster.local"}
        add(store, "me", me)
        assert wire.read_addresses(await udp(port, query(("me", *WEB[1:]))))[1] == ()

    run(script)


def test_without_a_resolver_the_outside_fails_at_once() -> None:
    async def script(port: int, store: Store) -> None:
        assert wire.read_addresses(await udp(port, query(OUTSIDE)))[0] is Rcode.SERVFAIL

    run(script, upstream=False)


@pytest.mark.parametrize(
    ("message", "rcode"),
    [
        pytest.param(query()[:20], Rcode.FORMERR, id="cut"),
        pytest.param(wire.HEADER.pack(1, 0, 0, 0, 0, 0), Rcode.FORMERR, id="no question"),
        pytest.param(wire.write_query(Query(1, 0, True, (Question(WEB, 1),) * 2, None)), Rcode.FORMERR, id="two questions"),
        pytest.param(wire.write_query(Query(1, 5, True, (Question(WEB, 1),), None)), Rcode.NOTIMP, id="an update"),
        pytest.param(wire.write_query(Query(1, 0, True, (Question(WEB, 1, 3),), None)), Rcode.REFUSED, id="class chaos"),
    ],
)  # fmt: skip
def test_what_is_no_proper_question(message: bytes, rcode: Rcode) -> None:
    async def script(port: int, store: Store) -> None:
        answer = await udp(port, message)
        assert answer[:2] == message[:2]
        assert answer[3] & 0xF == rcode

    run(script)


def test_silence_for_what_deserves_no_answer() -> None:
    resolver = Resolver(make_store(), "cluster.local", Forwarder(list))
    assert resolver.answer_nowait(b"", tcp=False) == b""
    assert resolver.answer_nowait(b"short", tcp=False) == b""
    assert resolver.answer_nowait(wire.HEADER.pack(1, 0x8000, 0, 0, 0, 0), tcp=False) == b""


def test_resolv_conf() -> None:
    text = "# mine\nnameserver 10.96.0.10\n nameserver 192.0.2.1 # a\nsearch x\nnameserver\n"
    found = read_resolv_conf(text, ours=["10.96.0.10"])
    assert found == (Upstream("192.0.2.1"),)
