"""An application on its way out, told from one that is not there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from proxy.codec.http2 import Http2Settings
from proxy.inbound.forward import LEAVING, Application
from proxy.settings import PoolSettings
from weft.addresses import SocketAddress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def application(clock: Clock) -> Application:
    dialer = cast(Any, SimpleNamespace(reactor=SimpleNamespace(clock=clock)))
    return Application(
        SocketAddress("10.0.0.1", 8080),
        dialer,
        PoolSettings(1, 1.0),
        Http2Settings(),
        cast(Any, None),
    )


def connected(app: Application) -> None:
    app.verify(cast(Any, SimpleNamespace(measure=lambda metrics: None)))


def test_one_that_was_never_there_is_an_error_to_explain() -> None:
    assert not application(Clock()).seems_to_leave()


def test_one_that_was_there_leaves_for_a_while_and_then_is_gone() -> None:
    clock = Clock()
    app = application(clock)
    connected(app)
    assert app.seems_to_leave()
    clock.now += LEAVING - 0.1
    assert app.seems_to_leave()
    clock.now += 0.2
    assert not app.seems_to_leave()


def test_one_that_comes_back_begins_anew() -> None:
    clock = Clock()
    app = application(clock)
    connected(app)
    assert app.seems_to_leave()
    clock.now += LEAVING + 1
    connected(app)
    assert app.seems_to_leave()
