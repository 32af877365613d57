"""What a watched response tells, however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.codec.message import HTTP_1_1, Headers, ResponseHead
from proxy.net.failure import Failure
from proxy.tap.downstream import CANCEL, INTERNAL_ERROR, TappedDownstream, untapped
from proxy.tap.registry import Registry
from proxy.tap.subject import ResponseEnd, ResponseInit
from proxy.tap.tests.subjects import VOTE, Watcher
from weft import errors

if TYPE_CHECKING:
    from collections.abc import Iterator


class Inner:
    """Remembers what was passed on."""

    is_http1 = True

    def __init__(self) -> None:
        self.seen: list[object] = []

    def respond(self, head: ResponseHead, ends: bool) -> None:
        self.seen.append((head.status, ends))

    def respond_body(self, data: bytes, ends: bool) -> None:
        self.seen.append((data, ends))

    def respond_trailers(self, trailers: Headers) -> None:
        self.seen.append("trailers")

    def abort(self, failure: Failure) -> None:
        self.seen.append("abort")

    def pause_request(self) -> None:
        self.seen.append("pause")

    def resume_request(self) -> None:
        self.seen.append("resume")

    def close_after_response(self) -> None:
        self.seen.append("close")

    def tunnel(self, head: ResponseHead) -> None:
        self.seen.append("tunnel")


class Scene:
    """A watched request on a clock that moves a tenth of a second at every look."""

    def __init__(self) -> None:
        registry = Registry()
        self.watcher = Watcher(registry)
        watched = registry.begin(VOTE)
        assert watched is not None
        self.inner = Inner()
        ticks: Iterator[int] = iter(range(100))
        self.way = TappedDownstream(self.inner, watched, lambda: next(ticks) / 10)

    @property
    def end(self) -> ResponseEnd:
        (found,) = [event for event in self.watcher.heard if isinstance(event, ResponseEnd)]
        return found


@pytest.fixture
def scene() -> Scene:
    return Scene()


def head(status: int = 200, **headers: str) -> ResponseHead:
    fields = Headers([(name.replace("_", "-"), value) for name, value in headers.items()])
    return ResponseHead(status, fields, HTTP_1_1)


def test_a_response_with_a_body(scene: Scene) -> None:
    scene.way.respond(head(201, server="x"), False)
    scene.way.respond_body(b"four", False)
    scene.way.respond_body(b"!", True)
    assert scene.inner.seen == [(201, False), (b"four", False), (b"!", True)]
    assert scene.watcher.heard[1] == ResponseInit(0, VOTE, 201, (("server", b"x"),), 0.1)
    assert scene.end == ResponseEnd(0, VOTE, 0.2, 0.1, 5)


def test_a_response_without_one(scene: Scene) -> None:
    scene.way.respond(head(204), True)
    assert scene.watcher.kinds == ["RequestInit", "ResponseInit", "ResponseEnd"]
    assert scene.end.response_bytes == 0
    assert scene.end.grpc_status is None


def test_grpc_trailers(scene: Scene) -> None:
    scene.way.respond(head(), False)
    scene.way.respond_body(b"message", False)
    scene.way.respond_trailers(Headers([("grpc-status", "13")]))
    assert scene.end.grpc_status == 13
    assert scene.end.trailers == (("grpc-status", b"13"),)


def test_trailers_only(scene: Scene) -> None:
    scene.way.respond(head(grpc_status="5"), True)
    assert scene.end.grpc_status == 5


def test_a_response_that_broke_off(scene: Scene) -> None:
    scene.way.respond(head(), False)
    scene.way.abort(Failure(errors.CONNECTION_LOST))
    scene.way.over()
    assert scene.end.reset == INTERNAL_ERROR
    assert scene.inner.seen[-1] == "abort"


@pytest.mark.parametrize("answered", [False, True])
def test_a_client_that_left(scene: Scene, answered: bool) -> None:
    if answered:
        scene.way.respond(head(grpc_status="0"), False)
    scene.way.over()
    assert scene.end.reset == CANCEL
    assert scene.end.grpc_status is None
    assert (scene.end.since_response > 0) is answered


def test_a_tunnel_ends_well(scene: Scene) -> None:
    scene.way.tunnel(head(101))
    scene.way.over()
    assert scene.end.reset is None


def test_the_end_is_told_once(scene: Scene) -> None:
    scene.way.respond(head(), True)
    scene.way.over()
    assert scene.end.reset is None


def test_the_rest_is_passed_on(scene: Scene) -> None:
    assert scene.way.is_http1
    scene.way.pause_request()
    scene.way.resume_request()
    scene.way.close_after_response()
    assert scene.inner.seen == ["pause", "resume", "close"]
    assert untapped(scene.way) is scene.inner
    assert untapped(scene.inner) is scene.inner
