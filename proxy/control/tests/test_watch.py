"""Keeping a stream alive, in virtual time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from proxy.codec.grpc_status import Code, Status
from proxy.control.watch import MALFORMED, Subscription, UnusableMessageError, keep
from proxy.stack.backoff import Backoff
from testkit.trio_tests import in_virtual_time


@dataclass(frozen=True)
class Limits:
    initial: float | None = None
    idle: float | None = None
    lifetime: float | None = None


Say = Callable[[bytes], None]
Stream = Callable[[Say], Awaitable[Status]]


@dataclass
class Scripted:
    """A channel whose streams do what the script says, one after another; the last one repeats."""

    streams: list[Stream]
    opened_at: list[float] = field(default_factory=list)

    async def stream(
        self,
        path: str,
        request: bytes,
        on_message: Say,
        on_open: Callable[[], None] = lambda: None,
    ) -> Status:
        self.opened_at.append(round(trio.current_time() - self.began, 3))
        on_open()
        stream = self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]
        return await stream(on_message)

    def __post_init__(self) -> None:
        self.began = trio.current_time()


def end(code: Code, *messages: bytes) -> Stream:
    async def stream(say: Say) -> Status:
        for message in messages:
            say(message)
        return Status(code)

    return stream


def speak(*gaps: float) -> Stream:
    """A message after each gap, then silence."""

    async def stream(say: Say) -> Status:
        for gap in gaps:
            await trio.sleep(gap)
            say(b"x")
        await trio.sleep_forever()
        raise AssertionError

    return stream


async def run(channel: Scripted, limits: Limits, on_message: Say | None = None) -> Status:
    heard: list[bytes] = []
    subscription = Subscription("test", "/x", b"", on_message or heard.append, terminal=MALFORMED)
    return await keep(
        channel, subscription, limits, backoff=Backoff(0.1, 1.0, 0.0), chance=lambda: 0.0
    )


STOP = end(Code.INVALID_ARGUMENT)


@in_virtual_time
async def test_failures_back_off_and_a_terminal_status_ends() -> None:
    channel = Scripted([end(Code.UNAVAILABLE)] * 6 + [STOP])
    status = await run(channel, Limits())
    assert status.code is Code.INVALID_ARGUMENT
    assert channel.opened_at == [0, 0.1, 0.3, 0.7, 1.5, 2.5, 3.5]


@in_virtual_time
async def test_what_is_not_there_is_waited_for_only_if_it_was_there() -> None:
    async def follow(channel: Scripted) -> Code:
        subscription = Subscription(
            "test", "/x", b"", lambda _: None,
            terminal=MALFORMED, terminal_unheard=frozenset({Code.NOT_FOUND}),
        )  # fmt: skip
        return (await keep(channel, subscription, Limits(), chance=lambda: 0.0)).code

    gone = end(Code.NOT_FOUND)
    never = Scripted([end(Code.UNAVAILABLE), gone])
    assert (await follow(never), len(never.opened_at)) == (Code.NOT_FOUND, 2)
    back = Scripted([end(Code.NOT_FOUND, b"a"), gone, end(Code.OK, b"b"), gone, STOP])
    assert (await follow(back), len(back.opened_at)) == (Code.INVALID_ARGUMENT, 5)


@in_virtual_time
async def test_a_message_starts_the_back_off_over() -> None:
    channel = Scripted(
        [
            end(Code.UNAVAILABLE),
            end(Code.UNAVAILABLE),
            end(Code.OK, b"x"),
            end(Code.UNAVAILABLE),
            STOP,
        ]
    )
    await run(channel, Limits())
    assert channel.opened_at == [0, 0.1, 0.3, 0.4, 0.5]


@in_virtual_time
async def test_silence_at_first_is_given_up() -> None:
    channel = Scripted([speak(), STOP])
    await run(channel, Limits(initial=3.0))
    assert channel.opened_at == [0, 3.1]


@in_virtual_time
async def test_silence_later_is_given_up() -> None:
    channel = Scripted([speak(1.0, 4.0), STOP])
    await run(channel, Limits(initial=3.0, idle=5.0))
    assert channel.opened_at == [0, 10.1]


@in_virtual_time
async def test_a_stream_is_opened_anew_at_the_end_of_its_life() -> None:
    channel = Scripted([speak(*[1.0] * 100), STOP])
    await run(channel, Limits(initial=3.0, idle=5.0, lifetime=60.0))
    assert channel.opened_at == [0, 60.1]


@in_virtual_time
async def test_without_limits_a_stream_may_stay_silent_for_ever() -> None:
    channel = Scripted([speak()])
    with trio.move_on_after(1e6):
        await run(channel, Limits())
    assert channel.opened_at == [0]


@in_virtual_time
async def test_a_message_that_cannot_be_used_ends_the_attempt() -> None:
    def refuse(message: bytes) -> None:
        raise UnusableMessageError("of another kind")

    channel = Scripted([end(Code.OK, b"x"), STOP])
    await run(channel, Limits(), refuse)
    assert channel.opened_at == [0, 0.1]
