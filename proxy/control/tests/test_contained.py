"""A watcher that fails ends neither its stream nor what else hears of it, in virtual time."""

from collections.abc import Callable

import pytest
import trio

from proxy.authz.policy import ServerPolicy, default_policy
from proxy.authz.store import PolicyCell
from proxy.codec.grpc_status import Code, Status
from proxy.control.channel import Channel
from proxy.control.destination import Destinations
from proxy.control.dial import Link
from proxy.control.lookup import Lookups
from proxy.control.policy import Policies
from proxy.control.tasks import Tasks
from proxy.control.tests.test_watch import STOP, Limits, Scripted, end, run
from proxy.control.watch import MALFORMED, Subscription, keep
from proxy.discovery.cache import DiscoveryError
from proxy.discovery.endpoints import EndpointSet
from proxy.discovery.policy import OutboundPolicy
from proxy.discovery.profile import Profile
from proxy.stack.backoff import Backoff
from testkit.control_plane import (
    add,
    endpoint,
    meshed_server,
    opaque_server,
    service_policy,
    service_profile,
)
from testkit.trio_tests import in_virtual_time
from weft.addresses import SocketAddress

WEB = SocketAddress("10.0.0.1", 80)


def broken(*news: object) -> None:
    raise RuntimeError("a bug of its own")


def said(*messages: bytes) -> Scripted:
    """A stream that says all of them and ends the watch; another is not to be opened."""
    return Scripted([end(Code.INVALID_ARGUMENT, *messages), STOP])


@in_virtual_time
async def test_of_two_watchers_of_endpoints_one_fails() -> None:
    channel = said(
        add(endpoint("10.0.0.1:80")).SerializeToString(),
        add(endpoint("10.0.0.2:80")).SerializeToString(),
    )
    endpoints = EndpointSet("web:80")
    heard: list[int] = []
    endpoints.watch(broken)
    endpoints.watch(lambda: heard.append(len(endpoints.endpoints)))
    await Destinations(channel, Limits(), "").follow_endpoints(endpoints)
    assert heard == [1, 2, 0]
    assert channel.opened_at == [0]


@in_virtual_time
async def test_of_two_watchers_of_a_port_one_fails() -> None:
    channel = said(meshed_server().SerializeToString(), opaque_server().SerializeToString())
    cell = PolicyCell(80, default_policy("deny"))
    heard: list[int] = []
    cell.watch(broken)
    cell.watch(lambda: heard.append(cell.version))
    await Policies(channel, Limits(), "").follow_port(80, cell.update)
    assert heard == [1, 2]
    assert channel.opened_at == [0]


def failing_first(heard: list[object]) -> Callable[[object], None]:
    def callback(news: object) -> None:
        heard.append(news)
        if len(heard) == 1:
            broken()

    return callback


@in_virtual_time
async def test_whoever_follows_and_fails_hears_the_next_on_the_same_stream() -> None:
    servers, profiles, policies = list[object](), list[object](), list[object]()
    ports = said(meshed_server().SerializeToString(), opaque_server().SerializeToString())
    await Policies(ports, Limits(), "").follow_port(80, failing_first(servers))
    names = said(service_profile("a").SerializeToString(), service_profile("b").SerializeToString())
    await Destinations(names, Limits(), "").follow_profile(WEB, failing_first(profiles))
    outbound = said(
        service_policy("a:80").SerializeToString(),
        service_policy("b:80").SerializeToString(),
    )
    await Policies(outbound, Limits(), "").follow_destination(WEB, failing_first(policies))
    assert [type(one) for one in servers] == [ServerPolicy] * 2
    assert profiles == [Profile(name="a"), Profile(name="b")]
    assert [type(one) for one in policies] == [OutboundPolicy] * 2
    assert ports.opened_at == names.opened_at == outbound.opened_at == [0]


@in_virtual_time
async def test_a_look_up_whose_answer_nobody_can_use_goes_on() -> None:
    """Nothing of it reaches the nursery of all look-ups."""
    heard: list[Profile] = []

    class Services:
        async def follow_profile(
            self, address: object, on_profile: Callable[[Profile], None]
        ) -> Status:
            on_profile(Profile(name="a"))
            await trio.sleep(1.0)
            on_profile(Profile(name="b"))
            await trio.sleep_forever()
            raise AssertionError

        async def follow_destination(self, address: object, on_policy: object) -> Status:
            return Status(Code.NOT_FOUND)

        async def follow_endpoints(self, endpoints: EndpointSet) -> None:
            raise AssertionError

    class Silence(Services):
        async def follow_profile(
            self, address: object, on_profile: Callable[[Profile], None]
        ) -> Status:
            await trio.sleep_forever()
            raise AssertionError

    def on_update(profile: Profile, policy: OutboundPolicy) -> None:
        heard.append(profile)
        broken()

    failures: list[DiscoveryError] = []

    def on_failure(error: DiscoveryError) -> None:
        failures.append(error)
        broken()

    async with trio.open_nursery() as nursery:
        for services in (Services(), Silence()):
            Lookups(Tasks(nursery), services, services).watch_target(WEB, on_update, on_failure)
        await trio.sleep(60.0)
        nursery.cancel_scope.cancel()
    assert heard == [Profile(name="a"), Profile(name="b")]
    assert [str(error) for error in failures] == [
        "10.0.0.1:80: no answer from the destination service in 10s"
    ]


@in_virtual_time
async def test_a_message_nobody_expected_is_one_that_cannot_be_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = Scripted([end(Code.OK, b"x"), STOP])
    status = await run(channel, Limits(), broken)
    assert status.code is Code.INVALID_ARGUMENT
    assert channel.opened_at == [0, 0.1]
    assert "test: a message could not be used" in caplog.messages
    assert "RuntimeError: a bug of its own" in caplog.text


@in_virtual_time
async def test_whoever_counts_openings_and_silences_ends_no_watch() -> None:
    channel = Scripted([end(Code.UNAVAILABLE), STOP])
    subscription = Subscription(
        "test", "/x", b"", broken, on_open=broken, on_unanswered=broken, terminal=MALFORMED
    )
    status = await keep(channel, subscription, Limits(), chance=lambda: 0.0)
    assert status.code is Code.INVALID_ARGUMENT
    assert channel.opened_at == [0, 0.1]


@in_virtual_time
async def test_whoever_hears_that_a_service_is_away_does_not_keep_it_away() -> None:
    tries: list[float] = []

    class Away:
        backoff = Backoff(1.0, 1.0, 0.0)

        async def dial(self, avoid: object) -> Link:
            tries.append(trio.current_time())
            raise OSError("no route")

    channel = Channel(Away(), on_unreachable=broken)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.run)
        with trio.move_on_after(2.5):
            await channel.unary("/x", b"")
        nursery.cancel_scope.cancel()
    assert len(tries) == 3
