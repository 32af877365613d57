"""What a leader answers for itself and its siblings."""

import gzip
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio

from proxy.admin import together
from proxy.admin.routes import Facts, Request, Response, answer
from proxy.admin.together import Follower, Sibling, Together
from testkit.trio_tests import in_trio


class Log:
    """A log filter that takes what it is given."""

    def __init__(self) -> None:
        self.text = "info"

    def change(self, text: str) -> None:
        if " " in text:
            raise ValueError("no filter has a space")
        self.text = text

    def follow(self, text: str) -> None:
        """Nobody may."""


class Ending:
    def __init__(self) -> None:
        self.requested = trio.Event()
        self.at_once = trio.Event()

    def end_at_once(self) -> None:
        self.at_once.set()


class One:
    """A process: what it says and whether it is ready."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ready = True
        self.log = Log()
        self.ending = Ending()

    @property
    def facts(self) -> Facts:
        return Facts(
            is_ready=lambda: self.ready,
            metrics=lambda: f"# HELP x X.\n# TYPE x counter\nx {self.number}\n",
            metrics_content_type="text/plain",
            environment={"A": "b"},
            log_filter=self.log,
            shut_down=None,
            errors=lambda: [{"time": f"2026-01-01T00:00:0{self.number}Z", "number": 2004}],
        )

    async def answer(self, request: Request) -> Response:
        return answer(self.facts, request)


@asynccontextmanager
async def processes() -> AsyncIterator[tuple[Together, list[One]]]:
    """A leader and two siblings."""
    ones = [One(number) for number in (1, 2, 3)]
    pairs = [socket.socketpair() for _ in ones[1:]]
    siblings = [Sibling(ours) for ours, _ in pairs]
    async with trio.open_nursery() as nursery:
        for one, sibling, (_, theirs) in zip(ones[1:], siblings, pairs, strict=True):
            nursery.start_soon(sibling.run)
            nursery.start_soon(Follower(theirs, one.answer, one.ending).run)
        yield Together(ones[0].facts, siblings), ones
        nursery.cancel_scope.cancel()
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def get(target: str, **headers: str) -> Request:
    return Request("GET", target, headers, b"", is_local=True)


@in_trio
async def test_ready_when_all_are() -> None:
    async with processes() as (leader, ones):
        assert (await leader.answer(get("/ready"))).status == 200
        ones[2].ready = False
        for method in ("GET", "HEAD"):
            request = Request(method, "/ready", {}, b"", is_local=False)
            assert (await leader.answer(request)).status == 503
        ones[2].ready = True
        ones[0].ready = False
        assert (await leader.answer(get("/ready"))).status == 503


@in_trio
async def test_metrics_are_added_up_then_compressed() -> None:
    async with processes() as (leader, _):
        plain = await leader.answer(get("/metrics"))
        assert plain.body == b"# HELP x X.\n# TYPE x counter\nx 6\n"
        packed = await leader.answer(get("/metrics", **{"accept-encoding": "gzip"}))
        assert packed.headers == (("content-encoding", "gzip"),)
        assert gzip.decompress(packed.body) == plain.body


@in_trio
async def test_errors_of_all_the_newest_first() -> None:
    async with processes() as (leader, _):
        found = json.loads((await leader.answer(get("/errors"))).body)
        assert [fault["time"][-3:] for fault in found] == ["03Z", "02Z", "01Z"]


@in_trio
@pytest.mark.parametrize("path", ["/errors", "/metrics"])
async def test_a_head_tells_the_size_of_what_all_of_them_answer(path: str) -> None:
    async with processes() as (leader, _):
        whole = await leader.answer(get(path))
        head = await leader.answer(replace(get(path), method="HEAD"))
        assert (head.status, head.body) == (200, whole.body)


@in_trio
async def test_a_log_level_is_everybodys_once_it_is_one() -> None:
    async with processes() as (leader, ones):
        wish = Request("PUT", "/proxy-log-level", {}, b"no level", is_local=True)
        assert (await leader.answer(wish)).status == 400
        assert [one.log.text for one in ones] == ["info"] * 3
        wish = Request("PUT", "/proxy-log-level", {}, b"debug", is_local=False)
        assert (await leader.answer(wish)).status == 403
        wish = Request("PUT", "/proxy-log-level", {}, b"debug", is_local=True)
        assert (await leader.answer(wish)).status == 204
        assert [one.log.text for one in ones] == ["debug"] * 3


@in_trio
async def test_what_concerns_one_is_answered_by_one() -> None:
    async with processes() as (leader, _):
        assert (await leader.answer(get("/live"))).body == b"live\n"
        assert (await leader.answer(get("/nowhere"))).status == 404


@in_trio
async def test_a_sibling_ends_when_its_leader_does() -> None:
    ours, theirs = socket.socketpair()
    one = One(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Follower(theirs, one.answer, one.ending).run)
        ours.close()
        with trio.fail_after(5):
            await one.ending.at_once.wait()
    theirs.close()


@in_trio
async def test_who_does_not_answer_is_waited_for_and_not_misunderstood() -> None:
    ours, theirs = socket.socketpair()
    sibling = Sibling(ours)
    late = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))

    async def tell(text: bytes) -> None:
        await late.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + text)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sibling.run)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(together, "PATIENCE", 0.01)
            silent = await Together(One(1).facts, [sibling]).answer(get("/ready"))
        assert silent.status == 503
        assert b"does not answer" in silent.body
        assert b"/ready" in await late.receive_some()
        found: list[Response] = []

        async def ask() -> None:
            found.append(await sibling.ask(get("/errors")))
            nursery.cancel_scope.cancel()

        nursery.start_soon(ask)
        await tell(b"1")
        assert b"/errors" in await late.receive_some(), "the next question waits for the answer"
        await tell(b"2")
    assert [answer.body for answer in found] == [b"2"]
    ours.close()
    theirs.close()
