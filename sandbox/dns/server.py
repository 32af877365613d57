"""The DNS server: UDP and TCP on one address, answering from the store."""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from sandbox.apiserver.kinds import ENDPOINT_SLICE, NAMESPACE, SERVICE, Kind
from sandbox.apiserver.store import Store
from sandbox.apiserver.watch import Change
from sandbox.dns import wire
from sandbox.dns.forward import Forwarder, NoAnswerError
from sandbox.dns.records import make_records
from sandbox.dns.wire import Answer, Name, Query, Question, Rcode, Record, Type, WireError
from sandbox.dns.zone import TTL, Zone

log = logging.getLogger("sandbox.dns")

LARGEST_UDP = 1232
"""What fits an unfragmented packet everywhere (DNS Flag Day 2020)."""
IDLE = 10.0
"""Seconds a TCP client may be silent."""
MOST_FORWARDED = 256
"""Questions to the outside at once; more are answered SERVFAIL."""
MOST_CONNECTIONS = 128
LONGEST_CHAIN = 8
"""CNAMEs followed inside the cluster."""


class Resolver:
    """Bytes in, bytes out: what both transports ask."""

    def __init__(self, store: Store, domain: str, forwarder: Forwarder) -> None:
        self._store = store
        self._domain = domain
        self._forwarder = forwarder
        self._forwarding = 0
        self._zone: Zone | None = None
        store.observe(self._observe)

    def _observe(self, kind: Kind, change: Change) -> None:
        if kind.key in (SERVICE.key, ENDPOINT_SLICE.key, NAMESPACE.key):
            self._zone = None

    @property
    def zone(self) -> Zone:
        """Made anew when first asked for after a change, so a burst of changes costs one making."""
        if self._zone is None:
            namespaces, services = self._store.list(NAMESPACE), self._store.list(SERVICE)
            records = make_records(namespaces, services, self._store.list(ENDPOINT_SLICE))
            self._zone = Zone(self._domain, records)
        return self._zone

    def answer_nowait(self, message: bytes, tcp: bool) -> bytes | None:
        """The answer to what the cluster itself knows; None when the outside must be asked.

        An empty answer means: say nothing (a response, or too short to be anything).
        """
        if len(message) < wire.HEADER.size or wire.is_response(message):
            return b""
        try:
            query = wire.read_query(message)
        except WireError:
            return wire.write_error(message, Rcode.FORMERR)
        answer = self._decide(query)
        if answer is None or _leads_outside(query, answer, self.zone):
            return None
        return wire.write_answer(query, answer, _limit(query, tcp))

    def _decide(self, query: Query) -> Answer | None:
        if query.opcode != 0:
            return Answer(Rcode.NOTIMP, authoritative=False)
        if len(query.questions) != 1:
            return Answer(Rcode.FORMERR, authoritative=False)
        question = query.questions[0]
        if question.class_ not in (wire.CLASS_IN, wire.CLASS_ANY):
            return Answer(Rcode.REFUSED, authoritative=False)
        if not self.zone.owns(question.name):
            return None
        return self._follow(question)

    def _follow(self, question: Question) -> Answer:
        """An external name that is another name of the cluster is followed at once."""
        answer = self.zone.answer(question)
        chain = list(answer.answers)
        while len(chain) < LONGEST_CHAIN and question.type in (Type.A, Type.AAAA):
            target = _alias(chain)
            if target is None or not self.zone.owns(target):
                break
            further = self.zone.answer(Question(target, question.type)).answers
            if not further:
                break
            chain += further
        return replace(answer, answers=tuple(chain))

    async def answer(self, message: bytes, tcp: bool) -> bytes:
        """As ``answer_nowait``, with the outside asked where that is needed."""
        known = self.answer_nowait(message, tcp)
        if known is not None:
            return known
        query = wire.read_query(message)
        if self._forwarding >= MOST_FORWARDED:
            return wire.write_answer(query, _FAILED)
        self._forwarding += 1
        try:
            own = self._decide(query)
            if own is None:
                return await self._forwarder.ask(message, tcp)
            return wire.write_answer(query, await self._follow_outside(own), _limit(query, tcp))
        except NoAnswerError:
            return wire.write_answer(query, _FAILED)
        finally:
            self._forwarding -= 1

    async def _follow_outside(self, own: Answer) -> Answer:
        """A stub resolver does not follow aliases itself, so the whole chain is in the answer."""
        target = _alias(own.answers)
        assert target is not None
        question = Query(0, 0, True, (Question(target, Type.A),), None)
        response = await self._forwarder.ask(wire.write_query(question), tcp=False)
        try:
            rcode, addresses = wire.read_addresses(response)
        except WireError:
            return _FAILED
        found = tuple(Record(target, Type.A, TTL, address) for address in addresses)
        return replace(own, rcode=rcode, answers=(*own.answers, *found))


_FAILED = Answer(Rcode.SERVFAIL, authoritative=False)


def _alias(chain: Sequence[Record]) -> Name | None:
    """Where the last record points, if it is an alias."""
    if not chain or chain[-1].type is not Type.CNAME:
        return None
    data = chain[-1].data
    return data if isinstance(data, tuple) else None


def _leads_outside(query: Query, answer: Answer, zone: Zone) -> bool:
    target = _alias(answer.answers)
    asked = query.questions[0].type if query.questions else Type.CNAME
    return target is not None and not zone.owns(target) and asked == Type.A


def _limit(query: Query, tcp: bool) -> int:
    if tcp:
        return 65535
    return min(query.udp_size or wire.PLAIN_UDP, LARGEST_UDP)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        answer = self._resolver.answer_nowait(data, tcp=False)
        if answer is None:
            task = asyncio.create_task(self._forward(data, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif answer:
            self._send(answer, addr)

    async def _forward(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self._send(await self._resolver.answer(data, tcp=False), addr)

    def _send(self, answer: bytes, addr: tuple[str | int, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("a client went away: %s", exc)


class DnsServer:
    """``start`` binds both transports on one port; ``close`` lets go of them."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self, host: str, port: int = 0) -> int:
        """The port bound. Raises OSError when it is taken."""
        self._tcp = await asyncio.start_server(self._serve, host, port)
        bound = int(self._tcp.sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        try:
            self._udp, _ = await loop.create_datagram_endpoint(
                lambda: _Udp(self._resolver), local_addr=(host, bound)
            )
        except OSError:
            await self.close()
            raise
        return bound

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            for writer in list(self._connections):
                writer.close()
            await self._tcp.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(writer)
        try:
            await self._converse(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client went, or fell silent
        finally:
            self._connections.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions one after the other, each preceded by its length (RFC 7766)."""
        while True:
            async with asyncio.timeout(IDLE):
                (size,) = struct.unpack("!H", await reader.readexactly(2))
                message = await reader.readexactly(size)
            answer = await self._resolver.answer(message, tcp=True)
            if not answer:
                return
            writer.write(struct.pack("!H", len(answer)) + answer)
            async with asyncio.timeout(IDLE):
                await writer.drain()
