"""Whatever is paused, given up or cut off on the way: no byte of a window is lost, and no wake-up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.codec.http2 import CANCEL, H2FrameHeaders, Http2Settings, Session, Stream
from proxy.codec.message import HTTP_2, Headers, RequestHead, ResponseHead

WINDOW = 65_535
SETTINGS = Http2Settings(stream_window=WINDOW, connection_window=WINDOW, resets=10**6, noise=10**6)
SIDES = ("client", "server")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("open", "ask", "hold", "let")), st.sampled_from(SIDES)),
        st.tuples(
            st.just("deliver"), st.sampled_from(SIDES), st.sampled_from((9, 20_000, 1 << 20))
        ),
        st.tuples(
            st.sampled_from(("send", "send", "end", "trail", "pause", "resume", "cancel")),
            st.sampled_from(SIDES),
            st.integers(0, 2),
            st.sampled_from((1, 20_000, 60_000)),
        ),
    ),
    min_size=20,
    max_size=80,
)


class Body(Stream):
    """Counts what it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.received = 0
        self.ended = False
        """Nothing more comes: nobody resumes it."""
        self.over = False
        self.answered_with_head = False

    def on_head(self, frame: H2FrameHeaders, ends: bool) -> None: ...

    def on_data(self, data: bytes, ends: bool) -> None:
        self.received += len(data)
        self.ended = ends

    def on_trailers(self, trailers: Headers) -> None:
        self.ended = True

    def on_reset(self, code: int | None, *, unprocessed: bool) -> None:
        self.over = True

    def on_blocked(self) -> None: ...

    def on_unblocked(self) -> None: ...


class End:
    """One end of a connection: writes when it was woken, and only then."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.streams: list[Body] = []
        self.woken = True
        self.held = False
        """What carries its bytes takes none at present."""
        self.wire = b""
        self.session = Session(self, SETTINGS, server=side == "server")

    def now(self) -> float:
        return 0.0

    def wake(self) -> None:
        self.woken = True

    def accept(self) -> Stream:
        self.streams.append(Body())
        return self.streams[-1]

    def slot_freed(self) -> None: ...

    def finished(self) -> None: ...

    def open(self, *, ends: bool = False) -> Body:
        stream = Body()
        head = RequestHead("POST", "/", "v", Headers(), HTTP_2)
        assert self.session.open(stream, head, ends)
        self.streams.append(stream)
        self.woken = True
        return stream

    def send(self, stream: Body, size: int, *, ends: bool = False) -> None:
        if self.side == "server" and not stream.answered_with_head:
            stream.answered_with_head = True
            self.session.respond(stream, ResponseHead(200, Headers(), HTTP_2), ends=False)
        stream.send_data(bytes(size), ends)

    def flush(self) -> None:
        assert self.woken or not self.session.pending, "nobody was told that there is more to write"
        if self.woken and not self.held:
            self.woken = False
            while self.session.pending:
                self.wire += bytes(self.session.take())
                self.session.sent()

    def live(self) -> list[Body]:
        # The newest may be one the server has ready for the next request.
        return [one for one in self.streams if hasattr(one, "sid") and not one.over]


def deliver(sender: End, receiver: End, size: int = 1 << 30) -> bool:
    sender.flush()
    data, sender.wire = sender.wire[:size], sender.wire[size:]
    if data:
        assert receiver.session.receive(data) is None
    return bool(data)


def settle(client: End, server: End) -> None:
    for end in (client, server):
        end.held = False
        end.flush()
    while deliver(client, server) | deliver(server, client):
        pass


@given(STEPS)
@settings(max_examples=200)
def test_what_is_sent_in_the_end_arrives(steps: list[tuple[str, str, int, int]]) -> None:
    ends = {side: End(side) for side in SIDES}
    client, server = ends.values()
    settle(client, server)
    for what, side, *more in steps:
        end, other = ends[side], ends[SIDES[side == "client"]]
        live = end.live()
        if what in ("open", "ask"):
            client.open(ends=what == "ask")
        elif what in ("hold", "let"):
            end.held = what == "hold"
        elif what == "deliver":
            deliver(end, other, more[0])
        elif live:
            stream = live[more[0] % len(live)]
            if what in ("send", "end"):
                end.send(stream, more[1], ends=what == "end")
            elif what == "trail":
                stream.send_trailers(Headers([("x", b"y")]))
            elif what == "pause":
                stream.pause()
            elif what == "resume":
                stream.resume()
            else:
                stream.over = True
                stream.reset(CANCEL)
    for end in ends.values():
        for stream in end.live():
            if not stream.ended:
                stream.resume()
    settle(client, server)
    assert not any(one._backlog for end in ends.values() for one in end.live())
    last = client.open()
    settle(client, server)
    client.send(last, 5 * WINDOW)
    server.send(server.live()[-1], 5 * WINDOW)
    settle(client, server)
    assert server.live()[-1].received == 5 * WINDOW
    assert last.received == 5 * WINDOW
    for end in ends.values():
        for stream in end.live():
            if not stream.ended:
                stream.reset(CANCEL)
    settle(client, server)
    assert [end.session.h2.conn_recv_available for end in ends.values()] == [WINDOW, WINDOW]
