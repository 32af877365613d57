"""Taps of a proxy of several processes, its leader and siblings in one reactor: who is told what."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from proxy.codec.grpc_status import Code
from proxy.control.tap import BUFFER_BYTES
from proxy.control.tap_together import Elsewhere, Informer, Inquiry
from proxy.tap.registry import Registry
from proxy.tap.subject import ResponseEnd
from proxy.tap.tests.subjects import VOTE
from proxy.tests.pair import application, certificates, echo_http
from proxy.tests.test_tap import ALL, TAP, Observer, Tapped, kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from proxy.net.reactor import Reactor
    from proxy.tap.registry import Tap, Watched

SIBLINGS = 2
BIG = replace(VOTE, headers=(("cookie", b"x" * 2_000),))


class Remembering(Elsewhere):
    """Keeps every inquiry."""

    def __init__(
        self, reactor: Reactor, registry: Registry, channels: Sequence[socket.socket]
    ) -> None:
        super().__init__(reactor, registry, channels)
        self.asked: list[Inquiry] = []

    def ask(self, message: bytes, tap: Tap, deliver: Callable[[bytes], None]) -> Inquiry:
        self.asked.append(super().ask(message, tap, deliver))
        return self.asked[-1]


class Together(Tapped):
    """A leader that carries traffic, and siblings that only have their taps."""

    def __init__(self, app_port: int) -> None:
        super().__init__(app_port)
        self.siblings = [Registry(first=1 + one, step=1 + SIBLINGS) for one in range(SIBLINGS)]
        channels = [socket.socketpair() for _ in self.siblings]
        self._informers = [
            Informer(self.reactor, registry, theirs)
            for registry, (_, theirs) in zip(self.siblings, channels, strict=True)
        ]
        self.taps._step = 1 + SIBLINGS
        self.elsewhere = Remembering(self.reactor, self.taps, [ours for ours, _ in channels])
        self.server.elsewhere = self.elsewhere

    def __enter__(self) -> Self:
        super().__enter__()
        for one in self._informers:
            self.run(one.start)
        return self

    def __exit__(self, *exc: object) -> None:
        for one in self._informers:
            self.run(one.stop)
        super().__exit__(*exc)

    def begin(self, sibling: int) -> Watched | None:
        """A request begins in a sibling."""
        return self.run(lambda: self.siblings[sibling].begin(VOTE))

    def end(self, watched: Watched | None) -> None:
        assert watched is not None
        self.run(lambda: watched.end(ResponseEnd(watched.stream, watched.subject, 0.1, 0.0, 0)))

    def knows(self, sibling: int, taps: int) -> None:
        """Wait until a sibling has so many watchers."""
        self.eventually(lambda: len(self.siblings[sibling]), taps)


@contextlib.contextmanager
def watching(request: str = ALL) -> Iterator[tuple[Together, Observer]]:
    """An observer whom everybody knows of."""
    with (
        application(echo_http) as port,
        Together(port) as mesh,
        Observer(mesh.tap_port, request, certificates(TAP)) as observer,
    ):
        for sibling in range(SIBLINGS):
            mesh.knows(sibling, 1)
        yield mesh, observer


def test_all_of_them_are_watched() -> None:
    with watching() as (mesh, observer):
        mesh.end(mesh.begin(0))
        mesh.end(mesh.begin(1))
        observer.read(4)
        mesh.get("/")
        events = observer.read(10)
    assert sorted(kind(one) for one in events) == sorted(
        ["request_init", "response_end"] * 4 + ["response_init"] * 2
    )
    began = [one.http.request_init.id.stream for one in events if kind(one) == "request_init"]
    assert sorted(began) == [0, 1, 2, 3]


def test_the_limit_holds_for_all_together() -> None:
    with watching("limit: 3 match { all {} }") as (mesh, observer):
        first, second = mesh.begin(0), mesh.begin(1)
        observer.read(2)
        third = mesh.begin(0)
        observer.read(3)
        for sibling in range(SIBLINGS):
            mesh.eventually(lambda at=sibling: mesh.siblings[at].begin(VOTE), None)  # type: ignore[misc]
        for watched in (first, second, third):
            mesh.end(watched)
        assert observer.end() is Code.OK
        assert len(observer.events) == 6
        for sibling in range(SIBLINGS):
            mesh.knows(sibling, 0)


def test_what_began_beyond_the_limit_is_not_told() -> None:
    with watching("limit: 1 match { all {} }") as (mesh, observer):

        def at_once() -> list[Watched | None]:
            return [one.begin(VOTE) for one in mesh.siblings]

        for watched in mesh.run(at_once):
            mesh.end(watched)
        assert observer.end() is Code.OK
        assert [kind(one) for one in observer.events] == ["request_init", "response_end"]
        assert len({one.http.request_init.id.stream for one in observer.events[:1]}) == 1


def test_leaving_ends_the_cost_everywhere() -> None:
    with watching() as (mesh, observer):
        observer.sock.close()
        for sibling in range(SIBLINGS):
            mesh.knows(sibling, 0)


def test_a_sibling_that_is_not_heard_in_time_loses_events_and_says_how_many() -> None:
    count = 2_000
    assert count * len(BIG.headers[0][1]) > BUFFER_BYTES
    request = f"limit: {count} match {{ all {{}} }} extract {{ http {{ headers {{}} }} }}"
    with watching(request) as (mesh, observer):

        def flood() -> None:
            # In one batch, so that nobody reads meanwhile.
            for _ in range(count):
                watched = mesh.siblings[0].begin(BIG)
                assert watched is not None
                watched.end(ResponseEnd(watched.stream, BIG, 0.1, 0.0, 0))

        mesh.run(flood)
        assert observer.end() is Code.OK
    (inquiry,) = mesh.elsewhere.asked
    assert inquiry.lost > 0
    assert 0 < len(observer.events) <= 2 * count - inquiry.lost


def test_what_a_sibling_cannot_tell_is_counted_among_the_lost() -> None:
    untold = replace(VOTE, path="/\ud800")
    with watching("limit: 1 match { all {} }") as (mesh, observer):

        def passes() -> None:
            watched = mesh.siblings[0].begin(untold)
            assert watched is not None
            watched.end(ResponseEnd(watched.stream, VOTE, 0.1, 0.0, 0))

        mesh.run(passes)
        assert observer.end() is Code.OK
    (inquiry,) = mesh.elsewhere.asked
    assert inquiry.lost == 1
    assert observer.events == []
