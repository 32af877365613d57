"""The far side of a connection about which nothing is known yet.

While the client's first bytes are awaited the connection to where they would go is made already. In
some protocols the server speaks first (MySQL, SMTP, NATS), and its client waits for that: whoever
speaks first settles the matter. HTTP servers are the exception: those of HTTP/2 announce their settings
at once, and those of HTTP/1 tell a client that it is late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.detect.protocol import is_http_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.net.relay import Opening, Verify
    from proxy.net.transport import Transport


class Ear:
    """Receiver of the far side until the matter is settled by `hand_over` or `abandon`."""

    __slots__ = ("_connected", "_far", "_greeting", "_heard", "_spoke", "_verify", "lost")

    def __init__(self, verify: Verify, spoke: Callable[[], None]) -> None:
        """`spoke` is called once, when the far side speaks before anybody else did."""
        self.lost = False
        """There is no connection, and none is being made: whoever needs one makes another."""
        self._verify = verify
        self._spoke = spoke
        self._far: Transport | None = None
        self._connected = False
        self._greeting = b""
        self._heard = b""

    # --- as whoever dials sees it ---------------------------------------------------------

    def greet(self, greeting: bytes) -> None:
        """What the far side hears first."""
        self._greeting = greeting

    def dialed(self, far: Transport) -> None:
        """The connection that is being made, with this object as its receiver."""
        self._far = far

    # --- receiver -------------------------------------------------------------------------

    def on_connected(self) -> None:
        far = self._far
        assert far is not None
        if self._verify(far) is not None:
            far.abort()
            self.lost = True
            return
        self._connected = True
        if self._greeting:
            far.write(self._greeting)

    def on_data(self, data: bytes) -> None:
        assert self._far is not None
        self._heard += data
        http = is_http_server(self._heard)
        if http is None:
            return
        if http:
            # Not a greeting: such a server says this to everybody, and its client still decides.
            self.abandon()
            return
        self._far.pause()
        self._spoke()

    def on_eof(self) -> None:
        self.abandon()

    def on_lost(self, failure: Exception) -> None:
        self.lost = True

    def on_blocked(self) -> None:
        """Nothing but a greeting was sent."""

    def on_unblocked(self) -> None:
        """Nothing but a greeting was sent."""

    # --- settled --------------------------------------------------------------------------

    def abandon(self) -> None:
        """The connection is of no use."""
        if not self.lost and self._far is not None:
            self._far.abort()
        self.lost = True

    def hand_over(self, opening: Opening) -> None:
        """Let a relay go on with the connection, made or not. Not for one that is lost."""
        far = self._far
        assert far is not None
        assert not self.lost
        self.lost = True
        if self._connected:
            opening.join(far, self._heard)
        else:
            opening.greet(self._greeting)
            far.receiver = opening
            opening.dialed(far)

    def __repr__(self) -> str:
        return f"<Ear {'lost' if self.lost else 'open'}, {len(self._heard)} bytes heard>"
