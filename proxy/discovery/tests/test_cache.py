"""Looking destinations up: once, together, and not for ever."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from proxy.discovery.cache import Discovery, DiscoveryError, Target
from proxy.discovery.destination import Destination
from proxy.discovery.endpoints import Endpoint, EndpointSet
from proxy.discovery.policy import OutboundPolicy, for_endpoint
from proxy.discovery.profile import Profile
from weft.addresses import SocketAddress

WEB = SocketAddress("10.0.0.1", 80)
PROFILE = Profile(endpoint=Endpoint(WEB))
POLICY = for_endpoint(Endpoint(WEB), name="endpoint", opaque=False)


@dataclass
class Watch:
    on_update: Callable[[Profile, OutboundPolicy], None]
    on_failure: Callable[[DiscoveryError], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class FakeSource:
    watches: dict[Destination, Watch] = field(default_factory=dict)
    sets: dict[str, EndpointSet] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    at_once: bool = False

    def watch_target(
        self,
        address: Destination,
        on_update: Callable[[Profile, OutboundPolicy], None],
        on_failure: Callable[[DiscoveryError], None],
    ) -> Callable[[], None]:
        watch = self.watches[address] = Watch(on_update, on_failure)
        if self.at_once:
            on_failure(DiscoveryError("refused at once"))
        return watch.cancel

    def watch_endpoints(self, endpoints: EndpointSet) -> Callable[[], None]:
        self.sets[endpoints.authority] = endpoints
        return lambda: self.ended.append(endpoints.authority)


@dataclass
class FakeTimer:
    run: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class FakeClock:
    timers: list[FakeTimer] = field(default_factory=list)

    def call_later(self, seconds: float, fn: Callable[[], None], /) -> FakeTimer:
        self.timers.append(FakeTimer(fn))
        return self.timers[-1]

    def elapse(self) -> None:
        due, self.timers = self.timers, []
        for timer in due:
            if not timer.cancelled:
                timer.run()


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def discovery(source: FakeSource, clock: FakeClock) -> Discovery:
    return Discovery(source, clock)


def ask(discovery: Discovery, address: SocketAddress = WEB) -> list[Target | DiscoveryError]:
    answers: list[Target | DiscoveryError] = []
    discovery.request(address, answers.append)
    return answers


def test_waiters_of_one_address_share_one_look_up(discovery: Discovery, source: FakeSource) -> None:
    assert discovery.find(WEB) is None
    first, second = ask(discovery), ask(discovery)
    assert len(source.watches) == 1
    assert (first, second) == ([], [])
    source.watches[WEB].on_update(PROFILE, POLICY)
    assert first == second
    (target,) = first
    assert isinstance(target, Target)
    assert discovery.find(WEB) is target
    assert ask(discovery) == [target]


def test_later_answers_change_the_target_in_place(discovery: Discovery, source: FakeSource) -> None:
    (answers, watch) = ask(discovery), source.watches[WEB]
    watch.on_update(PROFILE, POLICY)
    (target,) = answers
    assert isinstance(target, Target)
    heard: list[int] = []
    cancel = target.watch(lambda: heard.append(target.version))
    watch.on_update(PROFILE, POLICY)
    watch.on_update(Profile(opaque=True), POLICY)
    cancel()
    watch.on_update(PROFILE, POLICY)
    assert heard == [1]
    assert target.version == 2
    assert "DETECT" in repr(target)


def test_a_failed_look_up_tells_every_waiter_and_can_be_tried_again(
    discovery: Discovery, source: FakeSource
) -> None:
    first, second = ask(discovery), ask(discovery)
    error = DiscoveryError("no answer")
    source.watches[WEB].on_failure(error)
    assert first == second == [error]
    third = ask(discovery)
    source.watches[WEB].on_update(PROFILE, POLICY)
    assert isinstance(third[0], Target)


def test_a_waiter_that_fails_keeps_the_answer_from_nobody(
    discovery: Discovery, source: FakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(answer: object) -> None:
        raise RuntimeError("a bug of its own")

    discovery.request(WEB, broken)
    refused = ask(discovery)
    source.watches[WEB].on_failure(DiscoveryError("no answer"))
    discovery.request(WEB, broken)
    told = ask(discovery)
    source.watches[WEB].on_update(PROFILE, POLICY)
    assert isinstance(refused[0], DiscoveryError)
    assert isinstance(told[0], Target)
    assert [line.partition(": ")[0] for line in caplog.messages] == ["look-up of 10.0.0.1:80"] * 2


def test_a_source_may_fail_at_once(discovery: Discovery, source: FakeSource) -> None:
    source.at_once = True
    (answer,) = ask(discovery)
    assert isinstance(answer, DiscoveryError)
    assert source.watches[WEB].cancelled


def test_an_unused_target_is_dropped_after_the_idle_time(
    discovery: Discovery, source: FakeSource, clock: FakeClock
) -> None:
    answers = ask(discovery)
    watch = source.watches[WEB]
    watch.on_update(PROFILE, POLICY)
    (target,) = answers
    assert isinstance(target, Target)
    discovery.release(target)
    assert discovery.find(WEB) is target
    clock.elapse()
    assert discovery.find(WEB) is target, "used again in time"
    discovery.release(target)
    discovery.release(target)
    clock.elapse()
    assert watch.cancelled
    assert discovery.find(WEB) is None
    discovery.release(target)
    watch.on_update(PROFILE, POLICY)
    assert discovery.find(WEB) is None, "an ended look-up has no say"


def test_the_number_of_destinations_is_bounded(source: FakeSource, clock: FakeClock) -> None:
    discovery = Discovery(source, clock, capacity=1)
    ask(discovery)
    (answer,) = ask(discovery, SocketAddress("10.0.0.2", 80))
    assert isinstance(answer, DiscoveryError)


def test_endpoint_sets_are_shared_and_end_when_idle(
    discovery: Discovery, source: FakeSource, clock: FakeClock
) -> None:
    one, two = discovery.endpoints("web:80"), discovery.endpoints("web:80")
    assert one is two is source.sets["web:80"]
    discovery.release_endpoints(one)
    clock.elapse()
    assert source.ended == []
    discovery.release_endpoints(two)
    assert discovery.endpoints("web:80") is one, "used again in time"
    clock.elapse()
    discovery.release_endpoints(one)
    clock.elapse()
    assert source.ended == ["web:80"]
    assert discovery.endpoints("web:80") is not one
    assert repr(discovery) == "<Discovery: 0 targets, 1 endpoint sets>"


def test_while_the_control_plane_is_away_nothing_idle_is_dropped(
    source: FakeSource, clock: FakeClock
) -> None:
    away = True
    discovery = Discovery(source, clock, is_away=lambda: away)
    answers, endpoints = ask(discovery), discovery.endpoints("web:80")
    source.watches[WEB].on_update(PROFILE, POLICY)
    (target,) = answers
    assert isinstance(target, Target)
    discovery.release(target)
    discovery.release_endpoints(endpoints)
    clock.elapse()
    clock.elapse()
    assert discovery.find(WEB) is target
    discovery.release(target)
    assert not source.ended
    away = False
    clock.elapse()
    assert discovery.find(WEB) is None
    assert source.ended == ["web:80"]
