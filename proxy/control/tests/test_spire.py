"""The certificate from a SPIRE agent: a real Workload API on a Unix socket, and what time does."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import trio

from proxy.codec.grpc_status import Code, Status
from proxy.control.channel import Channel
from proxy.control.dial import UnixDialer
from proxy.control.spire import ANSWER_WITHIN, METADATA, SvidWatcher
from proxy.control.watch import StreamingChannel
from proxy.identity.store import CertificateStore
from proxy.stack.backoff import Backoff
from testkit.control_plane import Authority
from testkit.trio_tests import in_trio, in_virtual_time, until
from testkit.workload_api import WorkloadApi
from weft.errors import CERTIFICATE_UNAVAILABLE, SVID_UNUSABLE, ErrorKind
from weftapi.spiffe.workload_pb2 import X509SVIDResponse

from .test_watch import Scripted, Stream, end

VM = "spiffe://root.weft.test/vm"
OTHER = "spiffe://root.weft.test/other"
NAME = "vm.weft.test"
FAST = Backoff(0.01, 0.05, 0.5)


@dataclass
class Recorder:
    ends: list[float] = field(default_factory=list)
    failures: list[tuple[ErrorKind, str]] = field(default_factory=list)

    def refreshed(self, at: float, expires_at: float) -> None:
        self.ends.append(expires_at)

    def failed(self, reason: str, kind: ErrorKind) -> None:
        self.failures.append((kind, reason))

    def said(self, kind: ErrorKind, part: str) -> bool:
        return any(one is kind and part in reason for one, reason in self.failures)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


@pytest.fixture
def agent(tmp_path: Path, authority: Authority) -> Iterator[WorkloadApi]:
    with WorkloadApi(tmp_path / "agent.sock", authority) as started:
        yield started


@dataclass
class Watched:
    store: CertificateStore
    recorder: Recorder
    channel: Channel


@asynccontextmanager
async def watching(agent: WorkloadApi) -> AsyncIterator[Watched]:
    store = CertificateStore(VM, agent.authority.anchors_pem, NAME)
    recorder = Recorder()
    channel = Channel(
        UnixDialer(str(agent.socket)),
        metadata=METADATA,
        backoff=FAST,
        on_unreachable=lambda why: watcher.unreachable(why),
    )
    watcher = SvidWatcher(channel, store, recorder, backoff=FAST)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.run)
        nursery.start_soon(watcher.run)
        yield Watched(store, recorder, channel)
        nursery.cancel_scope.cancel()


# --- a real agent ---------------------------------------------------------------------------


@in_trio
async def test_every_message_replaces_what_was(agent: WorkloadApi) -> None:
    agent.svids.show(agent.says(agent.svid(OTHER), agent.svid(VM)))
    async with watching(agent) as one:
        await until(lambda: one.store.ready)
        first = one.store.contexts
        assert one.store.expires_at == pytest.approx(time.time() + 3600, abs=60)
        agent.svids.show(agent.says(agent.svid(VM, lifetime=timedelta(hours=2))))
        await until(lambda: one.store.version == 2)
        assert one.store.contexts is not first
        assert one.store.expires_at == pytest.approx(time.time() + 7200, abs=60)
        assert one.recorder.ends[-1] == one.store.expires_at
        assert one.recorder.failures == []
        assert agent.svids.subscriptions == 1
        assert repr(one.channel) == f"<Channel unix:{agent.socket}: connected>"


@in_trio
async def test_a_process_that_is_registered_later(agent: WorkloadApi) -> None:
    async with watching(agent) as one:
        await until(
            lambda: one.recorder.said(CERTIFICATE_UNAVAILABLE, "PERMISSION_DENIED: no identity")
        )
        assert not one.store.ready
        agent.svids.show(agent.says(agent.svid(VM)))
        await until(lambda: one.store.ready)


@in_trio
async def test_another_identity_is_refused_with_its_name_until_the_right_one_comes(
    agent: WorkloadApi,
) -> None:
    agent.svids.show(agent.says(agent.svid(OTHER)))
    async with watching(agent) as one:
        await until(lambda: one.recorder.said(SVID_UNUSABLE, f"sent {OTHER} and not {VM}"))
        assert not one.store.ready
        assert not one.recorder.said(CERTIFICATE_UNAVAILABLE, "")
        agent.svids.show(agent.says(agent.svid(VM)))
        await until(lambda: one.store.ready)


@in_trio
async def test_what_does_not_hold_is_refused_and_the_last_good_one_stays(
    agent: WorkloadApi,
) -> None:
    agent.svids.show(agent.says(agent.svid(VM)))
    broken = agent.svid(VM)
    broken.x509_svid = broken.x509_svid[:-1]
    foreign = WorkloadApi(agent.socket, Authority.make()).svid(VM)
    foreign.bundle = broken.bundle
    over = agent.svid(VM, lifetime=timedelta(seconds=-30))
    mixed = agent.svid(VM)
    mixed.x509_svid_key = broken.x509_svid_key
    async with watching(agent) as one:
        await until(lambda: one.store.ready)
        held = one.store.contexts
        for bad, why in (
            (broken, "ends 1 bytes behind the data"),
            (foreign, "CERTIFICATE_VERIFY_FAILED"),
            (over, "certificate has expired"),
            (mixed, "KEY_VALUES_MISMATCH"),
        ):
            agent.svids.show(agent.says(bad))
            await until(partial(one.recorder.said, SVID_UNUSABLE, why))
            assert one.store.contexts is held
        assert one.recorder.said(SVID_UNUSABLE, "the certificate in force stays")
        agent.svids.show(agent.says(agent.svid(VM)))
        await until(lambda: one.store.contexts is not held)


@in_trio
async def test_an_agent_that_comes_after_the_proxy(tmp_path: Path, authority: Authority) -> None:
    agent = WorkloadApi(tmp_path / "agent.sock", authority)
    async with watching(agent) as one:
        await until(lambda: one.recorder.said(CERTIFICATE_UNAVAILABLE, "No such file or directory"))
        agent.svids.show(agent.says(agent.svid(VM)))
        with agent:
            await until(lambda: one.store.ready)


@in_trio
async def test_an_agent_that_goes_and_comes_again(agent: WorkloadApi) -> None:
    agent.svids.show(agent.says(agent.svid(VM)))
    async with watching(agent) as one:
        await until(lambda: one.store.ready)
        agent.stop()
        await until(lambda: one.recorder.said(CERTIFICATE_UNAVAILABLE, "cannot be reached"))
        assert one.store.ready
        agent.start()
        await until(lambda: one.store.version == 2)


@in_trio
async def test_without_the_header_the_agent_refuses(agent: WorkloadApi) -> None:
    """What the test's agent demands is what the proxy sends."""
    agent.svids.show(agent.says(agent.svid(VM)))
    channel = Channel(UnixDialer(str(agent.socket)), backoff=FAST)
    store, recorder = CertificateStore(VM, agent.authority.anchors_pem, NAME), Recorder()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.run)
        await SvidWatcher(channel, store, recorder, backoff=FAST).run()  # for good
        nursery.cancel_scope.cancel()
    assert recorder.said(CERTIFICATE_UNAVAILABLE, "INVALID_ARGUMENT: security header missing")
    assert not store.ready


# --- time -----------------------------------------------------------------------------------


def on_a_virtual_clock(
    channel: StreamingChannel, authority: Authority, *, seconds: float = 1.0
) -> tuple[SvidWatcher, CertificateStore, Recorder]:
    """On a virtual clock; the back-off is so many seconds, without chance."""
    store = CertificateStore(VM, authority.anchors_pem, NAME)
    recorder = Recorder()
    began, real = trio.current_time(), time.time()
    made = SvidWatcher(
        channel,
        store,
        recorder,
        backoff=Backoff(seconds, 4 * seconds, 0.0),
        wall_clock=lambda: real + trio.current_time() - began,
        chance=lambda: 0.0,
    )
    return made, store, recorder


def speak(*messages: X509SVIDResponse) -> Stream:
    """All of them at once, then silence."""

    async def stream(say: object) -> Status:
        assert callable(say)
        for message in messages:
            say(message.SerializeToString())
        await trio.sleep_forever()
        raise AssertionError

    return stream


STOP = end(Code.INVALID_ARGUMENT)


@in_virtual_time
async def test_a_stream_is_silent_for_as_long_as_the_certificate_holds(
    tmp_path: Path, authority: Authority
) -> None:
    """And is opened anew when it has ended; then an answer must come soon."""
    agent = WorkloadApi(tmp_path / "agent.sock", authority)
    good = agent.says(agent.svid(VM, lifetime=timedelta(seconds=600)))
    channel = Scripted([speak(good), speak(), STOP])
    made, store, recorder = on_a_virtual_clock(channel, authority)
    await made.run()
    first, second, third = channel.opened_at
    assert first == 0
    assert second == pytest.approx(600, abs=60), "real time passes between certificate and clock"
    assert third - second == pytest.approx(ANSWER_WITHIN + 1)
    assert [reason for _, reason in recorder.failures] == [
        "the SPIRE agent gave no identity: DEADLINE_EXCEEDED: no message in time",
        "the SPIRE agent gave no identity: INVALID_ARGUMENT",
    ]
    assert store.ready, "it is the peers who refuse a certificate that has ended"


@in_virtual_time
async def test_renewals_before_the_end_keep_the_stream(
    tmp_path: Path, authority: Authority
) -> None:
    agent = WorkloadApi(tmp_path / "agent.sock", authority)

    async def renew(say: object) -> Status:
        assert callable(say)
        for hours in (1, 2, 3):
            message = agent.says(agent.svid(VM, lifetime=timedelta(hours=hours)))
            say(message.SerializeToString())
            await trio.sleep(1800)
        return Status(Code.UNAVAILABLE)

    channel = Scripted([renew, STOP])
    made, store, recorder = on_a_virtual_clock(channel, authority)
    await made.run()
    assert channel.opened_at == [0, 5401]
    assert store.version == 3
    assert len(recorder.failures) == 1


@in_virtual_time
async def test_refused_messages_are_asked_for_again_more_and_more_seldom(
    tmp_path: Path, authority: Authority
) -> None:
    agent = WorkloadApi(tmp_path / "agent.sock", authority)
    wrong = speak(agent.says(agent.svid(OTHER)))
    channel = Scripted([wrong] * 4 + [speak(agent.says(agent.svid(VM))), STOP])
    made, store, recorder = on_a_virtual_clock(channel, authority)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        while not store.ready:  # noqa: ASYNC110 (virtual time)
            await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    assert channel.opened_at == [0, 1, 3, 7, 11]
    assert [kind for kind, _ in recorder.failures] == [SVID_UNUSABLE] * 4


@in_virtual_time
async def test_bytes_that_are_no_message_are_refused(authority: Authority) -> None:
    channel = Scripted([end(Code.OK, b"\xff\xff"), end(Code.OK, b""), STOP])
    made, store, recorder = on_a_virtual_clock(channel, authority)
    await made.run()
    assert not store.ready
    assert recorder.failures[0][0] is SVID_UNUSABLE
    assert recorder.said(SVID_UNUSABLE, "no identity and not")
