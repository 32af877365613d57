"""Questions about the outside world, asked of the host's own resolvers, as they came."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PORT = 53
WITHIN = 2.0
"""Seconds one resolver has to answer."""


class NoAnswerError(Exception):
    """No resolver of the host answered, or it has none."""


@dataclass(frozen=True, slots=True)
class Resolver:
    host: str
    port: int = PORT


def read_resolv_conf(text: str, ours: Sequence[str] = ()) -> tuple[Resolver, ...]:
    """The nameservers of a resolv.conf; ``ours`` are left out, or a question would circle."""
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) >= 2 and words[0] == "nameserver" and words[1] not in ours:
            found.append(Resolver(words[1]))
    return tuple(found)


def host_resolvers(
    ours: Sequence[str], path: Path = Path("/etc/resolv.conf")
) -> tuple[Resolver, ...]:
    try:
        return read_resolv_conf(path.read_text(), ours)
    except OSError:
        return ()


class _Exchange(asyncio.DatagramProtocol):
    def __init__(self, number: bytes) -> None:
        self._number = number
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        if data[:2] == self._number and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


class Forwarder:
    """Asks each resolver in turn. Every question has a socket and a number of its own, so that a
    forged answer must guess both."""

    def __init__(self, resolvers: Callable[[], Sequence[Resolver]], within: float = WITHIN) -> None:
        """``resolvers`` is asked each time: a laptop's change with every network it joins."""
        self._resolvers = resolvers
        self._within = within

    def __repr__(self) -> str:
        return f"<Forwarder to {', '.join(r.host for r in self._resolvers()) or 'nobody'}>"

    async def ask(self, message: bytes, tcp: bool) -> bytes:
        """The first answer, numbered like ``message``.

        Raises:
            NoAnswerError: nobody answered in time.
        """
        number = secrets.token_bytes(2)
        question = number + message[2:]
        for resolver in self._resolvers():
            exchange = self._by_tcp if tcp else self._by_udp
            try:
                async with asyncio.timeout(self._within):
                    answer = await exchange(resolver, question)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                continue
            if len(answer) >= 12 and answer[:2] == number:
                return message[:2] + answer[2:]
        raise NoAnswerError(f"{self!r} got no answer")

    async def _by_udp(self, resolver: Resolver, question: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        transport, exchange = await loop.create_datagram_endpoint(
            lambda: _Exchange(question[:2]), remote_addr=(resolver.host, resolver.port)
        )
        try:
            transport.sendto(question)
            return await exchange.answer
        finally:
            transport.close()

    async def _by_tcp(self, resolver: Resolver, question: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(resolver.host, resolver.port)
        try:
            writer.write(len(question).to_bytes(2) + question)
            size = int.from_bytes(await reader.readexactly(2))
            return await reader.readexactly(size)
        finally:
            writer.close()
