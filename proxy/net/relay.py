"""Bytes both ways between two connections, as fast as the slower side takes them.

Each direction ends by itself: a FIN from one side becomes a FIN to the other, and the relay is over
when both have ended. A connection that breaks takes the other down with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.net.failure import Failure, symbol
from weft import errors

if TYPE_CHECKING:
    from proxy.net.transport import Transport

HALF_CLOSED = 5.0
"""Seconds that the rest of a half-closed relay may take while the proxy drains. A peer that keeps
idle connections may not notice for minutes that ours has ended."""

Done = Callable[[Exception | None], None]
"""Hears once that the relay is over, and what broke it."""

Otherwise = Callable[[Exception], bool]
"""Whether there is another way to go on after a connection could not be made."""

Verify = Callable[["Transport"], Failure | None]
"""Says what is wrong with whom a connection reached."""


class Half:
    """One side's receiver: what it reads goes to the other."""

    __slots__ = ("_done", "draining", "ended", "mine", "other", "twin")

    def __init__(self, mine: Transport, other: Transport, done: Done | None) -> None:
        self.mine = mine
        self.other = other
        self.twin: Half
        self.ended = False
        self.draining = False
        self._done = done

    def on_connected(self) -> None:
        """Both sides are connected before they are joined."""

    def on_data(self, data: bytes | memoryview) -> None:
        self.other.send(data)

    def on_eof(self) -> None:
        self.ended = True
        if self.twin.ended:
            self.other.close()
            self.mine.close()
            self._over(None)
        else:
            self.other.shut_down_writing()
            if self.draining:
                self._hurry()

    def on_lost(self, failure: Exception) -> None:
        self.other.close()
        self._over(failure)

    def on_blocked(self) -> None:
        """Our side takes no more: do not read what goes to it."""
        if not self.twin.ended:
            self.other.pause()

    def on_unblocked(self) -> None:
        if not self.twin.ended:
            self.other.resume()

    def drain(self) -> None:
        """Bytes have no boundary to stop at: they flow until one side ends, or `stop`."""
        self.draining = self.twin.draining = True
        if self.ended or self.twin.ended:
            self._hurry()

    def _hurry(self) -> None:
        """One side has ended and the proxy wants to: do not wait for the other for long."""
        self.mine.reactor.call_later(HALF_CLOSED, self._end_anyway)

    def _end_anyway(self) -> None:
        if self._done is not None or self.twin._done is not None:
            self.mine.close()
            self.other.close()
            self._over(None)

    def stop(self) -> None:
        self.mine.lose(Failure(errors.DRAINING))

    def _over(self, failure: Exception | None) -> None:
        done = self._done or self.twin._done
        self._done = self.twin._done = None
        if done is not None:
            done(failure)

    def __repr__(self) -> str:
        return f"<relay {self.mine!r}>"


def join(
    one: Transport,
    from_one: bytes,
    other: Transport,
    from_other: bytes,
    done: Done | None = None,
) -> tuple[Half, Half]:
    """Relay between two connected transports; the bytes were read from them before."""
    first, second = Half(one, other, done), Half(other, one, done)
    first.twin, second.twin = second, first
    one.receiver, other.receiver = first, second
    one.lends = other.lends = True
    if from_one:
        other.write(from_one)
    if from_other:
        one.write(from_other)
    for half in (first, second):
        if half.mine.eof:
            half.on_eof()
        else:
            half.mine.resume()
    return first, second


class Opening:
    """A relay whose far side is still connecting. The near side is not read until then."""

    __slots__ = (
        "_done",
        "_draining",
        "_far",
        "_greeting",
        "_half",
        "_near",
        "_otherwise",
        "_verify",
        "early",
    )

    def __init__(
        self,
        near: Transport,
        early: bytes,
        verify: Verify,
        done: Done,
        otherwise: Otherwise | None = None,
    ) -> None:
        """`early` was read from the near side already. `otherwise` is asked when the far side cannot
        be reached; nothing is closed if it answers that it has found another way."""
        self._near = near
        self.early = early
        """What is still to be passed on."""
        self._greeting = b""
        self._verify = verify
        self._done = done
        self._otherwise = otherwise
        self._far: Transport | None = None
        self._half: Half | None = None
        self._draining = False

    def greet(self, greeting: bytes) -> None:
        """What the far side hears first."""
        self._greeting = greeting

    def dialed(self, far: Transport) -> None:
        """The connection that is being made, with this object as its receiver."""
        self._far = far
        near = self._near
        near.pause()
        near.receiver = _Waiting(self)

    def join(self, far: Transport, heard: bytes) -> None:
        """The far side is there already, and was heard."""
        self._far = far
        early, self.early = self.early, b""
        self._half, _ = join(self._near, early, far, heard, self._done)
        if self._draining:
            self._half.drain()

    def abandon(self, failure: Exception) -> None:
        """The near side has gone meanwhile."""
        if self._far is not None:
            self._far.abort()
        self._done(failure)

    def on_connected(self) -> None:
        far = self._far
        assert far is not None
        failure = self._verify(far)
        if failure is not None:
            far.abort()
            self.on_lost(failure)
            return
        if self._greeting:
            far.write(self._greeting)
        self.join(far, b"")

    def drain(self) -> None:
        """Once one side has ended, do not wait for the other for long."""
        self._draining = True
        if self._half is not None:
            self._half.drain()

    def on_lost(self, failure: Exception) -> None:
        if self._otherwise is not None and self._otherwise(failure):
            return
        self._near.close()
        self._done(failure)

    def on_data(self, data: bytes) -> None:
        raise AssertionError("the receiver changes when the connection is made")

    def on_eof(self) -> None:
        self.on_lost(ConnectionResetError("closed while connecting"))

    def on_blocked(self) -> None:
        """Nothing was sent."""

    def on_unblocked(self) -> None:
        """Nothing was sent."""


class _Waiting:
    """The near side while the far side connects."""

    __slots__ = ("_opening",)

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def on_connected(self) -> None:
        """The near side is connected."""

    def on_data(self, data: bytes) -> None:
        raise AssertionError("a paused connection is not read")

    def on_eof(self) -> None:
        """Told again when the two are joined."""

    def on_lost(self, failure: Exception) -> None:
        self._opening.abandon(failure)

    def on_blocked(self) -> None:
        """Nothing was sent."""

    def on_unblocked(self) -> None:
        """Nothing was sent."""


def errno_of(failure: Exception | None) -> str:
    """The `errno` label of how a relay ended."""
    return failure.kind.name if isinstance(failure, Failure) else symbol(failure)
