"""Is the peer of an HTTP/2 connection still there?

A host that vanishes says no goodbye: its connections stay open until the kernel gives up, which takes
minutes, and every request on them waits as long. So a connection that has been silent for an interval
is sent a PING, and one on which nothing at all was heard within the time-out after that is lost.

Anything that comes proves life, not only the answer to the PING: a peer that is sending a large response
may be late with the other. One timer per connection and interval; the path of a request only notes that
something was heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.codec.http2 import PING
from proxy.net.failure import Failure
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.http2 import KeepAlive, Session
    from proxy.net.transport import Transport
    from proxy.net.wheel import Timer


class Pulse:
    """Watches over one connection until `stop`."""

    __slots__ = ("_asked", "_session", "_terms", "_timer", "_transport", "heard")

    def __init__(self, terms: KeepAlive, session: Session, transport: Transport) -> None:
        """`transport` is connected. Whoever reads from it sets `heard`."""
        self.heard = True
        """Something came since the last look."""
        self._terms = terms
        self._session = session
        self._transport = transport
        self._asked = False
        self._timer: Timer
        self._look_again(terms.interval)

    def stop(self) -> None:
        """The connection is over."""
        self._timer.cancel()

    def _look_again(self, seconds: float) -> None:
        self._timer = self._transport.reactor.call_later(seconds, self._look)

    def _look(self) -> None:
        terms = self._terms
        heard, self.heard = self.heard, False
        if heard or not (terms.while_idle or self._session.streams):
            self._asked = False
            self._look_again(terms.interval)
        elif not self._asked:
            self._asked = True
            self._transport.write(PING)
            self._look_again(terms.timeout)
        else:
            detail = f"no answer to a PING within {terms.timeout:g} s"
            self._transport.lose(Failure(errors.PEER_SILENT, detail))
