"""A proxy that is ready only while its application listens."""

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.listening import (
    ListeningError,
    is_listening,
    parse_listening,
    waiting_for_application,
)
from proxy.admin.routes import Request, Response
from testkit.trio_tests import in_trio

PORTS = (8080, 9090)


class Pod:
    """A proxy, and what listens beside it."""

    def __init__(self, *listening: int, ready: bool = True) -> None:
        self.listening = set(listening)
        self.asked: list[int] = []
        self.own = Response(200, b"ready\n") if ready else Response(503, b"not ready\n")
        self._answer = waiting_for_application(self._proxy, PORTS, self._is_listening)

    async def _proxy(self, request: Request) -> Response:
        return self.own

    async def _is_listening(self, port: int) -> bool:
        self.asked.append(port)
        return port in self.listening

    async def get(self, target: str, method: str = "GET") -> tuple[int, str]:
        found = await self._answer(Request(method, target, {}, b"", is_local=False))
        return found.status, found.body.decode()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ready_while_all_ports_that_are_asked_for_are_listened_on(method: str) -> None:
    @in_trio
    async def ask() -> None:
        pod = Pod(8080)
        assert await pod.get("/ready?listening=8080", method) == (200, "ready\n")
        said = "not ready: nothing listens on port 9090\n"
        assert await pod.get("/ready?listening=8080,9090", method) == (503, said)
        pod.listening.add(9090)
        assert await pod.get("/ready?listening=8080,9090", method) == (200, "ready\n")

    ask()


@in_trio
async def test_the_application_is_not_asked_while_the_proxy_is_not_ready() -> None:
    pod = Pod(8080, ready=False)
    assert await pod.get("/ready?listening=8080") == (503, "not ready\n")
    assert pod.asked == []


@in_trio
async def test_other_questions_are_answered_as_ever() -> None:
    pod = Pod()
    for target in ("/ready", "/ready?", "/ready?other=1", "/live?listening=8080"):
        assert await pod.get(target) == (200, "ready\n")
    assert pod.asked == []


@in_trio
async def test_nobody_learns_of_ports_that_are_not_the_pods() -> None:
    pod = Pod(22)
    said = "22 is no port of this pod: there are 8080, 9090\n"
    assert await pod.get("/ready?listening=8080,22") == (400, said)
    assert pod.asked == []


@pytest.mark.parametrize(
    ("text", "ports", "said"),
    [
        ("", PORTS, "'' is not a port: allowed are whole numbers from 1 to 65535"),
        ("8080,", PORTS, "'' is not a port"),
        ("http", PORTS, "'http' is not a port"),
        ("9" * 5000, PORTS, "is not a port"),
        ("8080-9090", PORTS, "'8080-9090' is not a port"),
        ("8080&x=1", PORTS, "'8080&x=1' is not a port"),
        ("8080", (), "8080 is no port of this pod: there are none"),
    ],
)
def test_lists_that_are_none(text: str, ports: tuple[int, ...], said: str) -> None:
    with pytest.raises(ListeningError) as error:
        parse_listening(text, ports)
    assert said in str(error.value)


@given(st.lists(st.sampled_from(PORTS), min_size=1))
def test_lists_of_ports(ports: list[int]) -> None:
    assert parse_listening(",".join(map(str, ports)), PORTS) == ports


@given(st.text())
def test_any_text_is_a_list_or_an_error(text: str) -> None:
    with suppress(ListeningError):
        assert set(parse_listening(text, PORTS)) <= set(PORTS)


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[trio.SocketListener, int]]:
    (one,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with one:
        yield one, one.socket.getsockname()[1]


@in_trio
async def test_a_connection_is_made_and_closed() -> None:
    async with listener() as (one, port):
        assert await is_listening(["127.0.0.1"], port)
        async with await one.accept() as stream:
            assert await stream.receive_some() == b""
    assert not await is_listening(["127.0.0.1"], port)


@in_trio
async def test_one_of_the_pods_addresses_is_enough() -> None:
    async with listener() as (_, port):
        assert await is_listening(["127.0.0.2", "127.0.0.1"], port)
        assert not await is_listening(["127.0.0.2", "127.0.0.3"], port)


@in_trio
async def test_an_application_that_takes_no_connection_does_not_listen() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, ExitStack() as waiting:
        deaf.listen(0)
        address = deaf.getsockname()
        for _ in range(2):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(address)
        assert not await is_listening([address[0]], address[1])
