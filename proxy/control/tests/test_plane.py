"""Against a control plane over real sockets: channels, certificates, and the cells they feed."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest
import trio

from proxy.authz.policy import Protocol, default_policy
from proxy.authz.store import PolicyCell
from proxy.codec.grpc_status import Code
from proxy.control.channel import Channel, RpcError
from proxy.control.destination import GET_PROFILE, Destinations
from proxy.control.dial import TcpDialer
from proxy.control.identity import PATH, Certifier, CertifyError
from proxy.control.policy import Policies
from proxy.discovery.destination import NamedAddress
from proxy.discovery.endpoints import EndpointSet
from proxy.discovery.profile import Profile
from proxy.identity.keypair import Keypair, make
from proxy.identity.peer import peer_identity
from proxy.identity.renewal import Bounds
from proxy.identity.store import CertificateStore, build
from proxy.stack.backoff import Backoff
from testkit.attacks.frames import HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, read_frames
from testkit.control_plane import (
    ControlPlane,
    add,
    endpoint,
    meshed_server,
    opaque_server,
    remove,
    service_policy,
    service_profile,
)
from testkit.trio_tests import in_trio, until
from weft.addresses import SocketAddress
from weftapi.proxy import destination_pb2

if TYPE_CHECKING:
    from proxy.discovery.policy import OutboundPolicy

WEB = "web.emojivoto.serviceaccount.identity.weft.cluster.local"
FAST = Backoff(0.01, 0.05, 0.5)


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    name: str | None = None
    is_loopback: bool = True


@dataclass(frozen=True)
class NoLimits:
    initial: None = None
    idle: None = None
    lifetime: None = None


def no_tls() -> ssl.SSLContext:
    raise AssertionError("loopback is plaintext")


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as started:
        yield started


@asynccontextmanager
async def channel_to(plane: ControlPlane, host: str = "127.0.0.1") -> AsyncIterator[Channel]:
    channel = Channel(TcpDialer(Address(host, plane.port), no_tls), backoff=FAST)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.run)
        yield channel
        nursery.cancel_scope.cancel()


# --- the channel ----------------------------------------------------------------------------


@in_trio
async def test_calls_that_end_well_and_ill(plane: ControlPlane) -> None:
    async with channel_to(plane, "localhost.") as channel:
        with pytest.raises(RpcError, match="UNIMPLEMENTED"):
            await channel.unary("/no.Such/Method", b"")
        plane.identity.refusal = (grpc.StatusCode.FAILED_PRECONDITION, "not you")
        with pytest.raises(RpcError, match="FAILED_PRECONDITION: not you"):
            await channel.unary(PATH, b"")
        assert "connected" in repr(channel)


@in_trio
async def test_an_error_of_the_reader_ends_its_stream_only(plane: ControlPlane) -> None:
    def refuse(message: bytes) -> None:
        raise ValueError("not this one")

    request = destination_pb2.GetDestination(path="10.0.0.1:80").SerializeToString()
    async with channel_to(plane) as channel:
        with pytest.raises(ValueError, match="not this one"):
            await channel.stream(GET_PROFILE, request, refuse)
        await until(lambda: plane.profile("10.0.0.1:80").listening == 0)
        with pytest.raises(RpcError, match="UNIMPLEMENTED"):
            await channel.unary("/no.Such/Method", b"")


@in_trio
async def test_cancelling_resets_the_stream(plane: ControlPlane) -> None:
    request = destination_pb2.GetDestination(path="10.0.0.1:80").SerializeToString()
    async with channel_to(plane) as channel:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.stream, GET_PROFILE, request, lambda _: None)
            await until(lambda: plane.profile("10.0.0.1:80").listening == 1)
            nursery.cancel_scope.cancel()
        await until(lambda: plane.profile("10.0.0.1:80").listening == 0)


@in_trio
async def test_a_call_that_is_refused_is_made_again_over_another_connection(
    plane: ControlPlane,
) -> None:
    """As while a server ends whose proxy still takes connections for it."""
    refusals: list[int] = []

    async def front(client: trio.SocketStream) -> None:
        if len(refusals) < 2:
            refusals.append(await _refuse_call(client))
            return
        server = await trio.open_tcp_stream("127.0.0.1", plane.port)
        async with server, trio.open_nursery() as nursery:
            nursery.start_soon(_relay, client, server)
            await _relay(server, client)
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, front, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        channel = Channel(TcpDialer(Address("127.0.0.1", port), no_tls), backoff=FAST)
        nursery.start_soon(channel.run)
        with pytest.raises(RpcError, match="UNIMPLEMENTED"):
            await channel.unary("/no.Such/Method", b"")
        nursery.cancel_scope.cancel()
    assert refusals == [1, 1]


async def _refuse_call(client: trio.SocketStream) -> int:
    """Refuses the first call of a connection; its stream. Returns when the client has left."""
    received, refused = b"", 0
    await client.send_all(frame(SETTINGS, 0, 0))
    async for data in client:
        received += data
        for kind, stream, _ in read_frames(received.removeprefix(PREFACE)):
            if kind == HEADERS and not refused:
                refused = stream
                await client.send_all(frame(RST_STREAM, 0, stream, (7).to_bytes(4, "big")))
    return refused


async def _relay(source: trio.SocketStream, target: trio.SocketStream) -> None:
    async for data in source:
        await target.send_all(data)


@pytest.mark.slow
@in_trio
async def test_a_lost_connection_comes_back(plane: ControlPlane) -> None:
    request = destination_pb2.GetDestination(path="10.0.0.1:80").SerializeToString()
    async with channel_to(plane) as channel, trio.open_nursery() as nursery:
        codes: list[Code] = []

        async def one() -> None:
            codes.append((await channel.stream(GET_PROFILE, request, lambda _: None)).code)

        nursery.start_soon(one)
        await until(lambda: plane.profile("10.0.0.1:80").listening == 1)
        plane.stop()
        await until(lambda: codes)
        assert codes in ([Code.UNAVAILABLE], [Code.CANCELLED])
        nursery.start_soon(one)
        await until(lambda: channel.is_away)
        plane.start()
        await until(lambda: plane.profile("10.0.0.1:80").listening == 1)
        assert not channel.is_away
        nursery.cancel_scope.cancel()


@in_trio
async def test_names_are_verified_against_the_certificate(plane: ControlPlane) -> None:
    authority = plane.authority
    key, chain = authority.key_and_chain(ControlPlane.DESTINATION_NAME)
    server = build(authority.anchors_pem, chain.decode(), key.decode()).server
    ours = authority.key_and_chain(WEB)
    client = build(authority.anchors_pem, ours[1].decode(), ours[0].decode()).client
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    seen: list[str | None] = []

    async def accept(stream: trio.SocketStream) -> None:
        secured = trio.SSLStream(stream, server, server_side=True)
        try:
            await secured.do_handshake()
            seen.append(peer_identity(secured.getpeercert()))
            await secured.receive_some()
        except trio.BrokenResourceError:
            pass

    async def first_try(name: str) -> str:
        dialer = TcpDialer(Address("127.0.0.1", port, name, False), lambda: client)
        try:
            link = await dialer.dial(avoid=None)
        except OSError as error:
            return str(error)
        await trio.aclose_forcefully(link.stream)
        return "connected"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, accept, [listener])
        assert await first_try(ControlPlane.DESTINATION_NAME) == "connected"
        refusal = await first_try(ControlPlane.IDENTITY_NAME)
        assert refusal.endswith(
            f"{ControlPlane.DESTINATION_NAME}, not {ControlPlane.IDENTITY_NAME}"
        )
        await until(lambda: seen)
        assert seen[0] == WEB
        nursery.cancel_scope.cancel()


# --- the certificate ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keypair() -> Keypair:
    return make(WEB)


@dataclass
class Recorder:
    ok: int = 0
    err: int = 0

    def refreshed(self, at: float, expires_at: float) -> None:
        assert expires_at > at
        self.ok += 1

    def failed(self, reason: str) -> None:
        self.err += 1


def certifier(
    plane: ControlPlane, channel: Channel, keypair: Keypair, **kwargs: float
) -> tuple[Certifier, CertificateStore, Recorder]:
    store = CertificateStore(WEB, plane.authority.anchors_pem)
    recorder = Recorder()
    made = Certifier(
        channel,
        store,
        keypair,
        token_file=str(plane.token_file),
        bounds=Bounds(kwargs.get("minimum", 10.0), 86_400.0),
        recorder=recorder,
        chance=lambda: 0.0,
    )
    return made, store, recorder


@in_trio
async def test_a_certificate_is_asked_for_and_put_in_force(
    plane: ControlPlane, keypair: Keypair
) -> None:
    async with channel_to(plane) as channel:
        made, store, _ = certifier(plane, channel, keypair)
        await made.certify()
        (request,) = plane.identity.requests
        assert (request.identity, request.token) == (WEB, b"a token")
        assert store.ready
        plane.token_file.write_text("another token")
        await made.certify()
        assert plane.identity.requests[1].token == b"another token"
        assert store.version == 2


@in_trio
async def test_requests_that_fail_say_whose_fault_it_was(
    plane: ControlPlane, keypair: Keypair
) -> None:
    async with channel_to(plane) as channel:
        made, store, _ = certifier(plane, channel, keypair)
        plane.identity.refusal = (grpc.StatusCode.FAILED_PRECONDITION, "token of another pod")
        with pytest.raises(
            CertifyError, match="refused: FAILED_PRECONDITION: token of another pod"
        ):
            await made.certify()
        plane.identity.refusal = None
        plane.identity.authority = type(plane.authority).make()
        with pytest.raises(CertifyError, match="unusable"):
            await made.certify()
        plane.token_file.write_text("")
        with pytest.raises(CertifyError, match="is empty"):
            await made.certify()
        plane.token_file.unlink()
        with pytest.raises(CertifyError, match="No such file"):
            await made.certify()
        assert not store.ready


@pytest.mark.slow
@in_trio
async def test_renewals_follow_one_another_and_failures_do_not_end_them(
    plane: ControlPlane, keypair: Keypair
) -> None:
    async with channel_to(plane) as channel, trio.open_nursery() as nursery:
        made, store, recorder = certifier(plane, channel, keypair, minimum=0.02)
        plane.identity.refusal = (grpc.StatusCode.UNAVAILABLE, "not yet")
        nursery.start_soon(made.run)
        await until(lambda: recorder.err >= 2)
        assert not store.ready
        plane.authority.lifetime = timedelta(seconds=1.2)  # certificates have whole seconds
        plane.identity.refusal = None
        await until(lambda: store.version >= 3)
        nursery.cancel_scope.cancel()


# --- destinations ---------------------------------------------------------------------------


@pytest.mark.slow
@in_trio
async def test_endpoints_follow_the_service(plane: ControlPlane) -> None:
    script = plane.endpoints("web:80")
    script.show(add(endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80"), namespace="emojivoto"))
    endpoints = EndpointSet("web:80")
    async with channel_to(plane) as channel, trio.open_nursery() as nursery:
        destinations = Destinations(channel, NoLimits(), "a context")
        nursery.start_soon(destinations.follow_endpoints, endpoints)

        def addresses() -> list[str]:
            return [str(address) for address in endpoints.endpoints]

        await until(lambda: len(addresses()) == 2)
        script.push(remove("10.0.0.1:80"), add(endpoint("10.0.0.3:80")))
        await until(lambda: addresses() == ["10.0.0.2:80", "10.0.0.3:80"])
        script.show()
        script.end(grpc.StatusCode.UNAVAILABLE)
        await until(lambda: script.subscriptions == 2)
        assert addresses() == ["10.0.0.2:80", "10.0.0.3:80"], "the last picture stays in force"
        script.push(add(endpoint("10.0.0.9:80")))
        await until(lambda: addresses() == ["10.0.0.9:80"])
        script.push(destination_pb2.Update(no_endpoints={"exists": True}))
        await until(lambda: addresses() == [])
        assert endpoints.exists
        assert plane.contexts[0] == "a context"
        script.push(destination_pb2.Update())
        await until(lambda: script.subscriptions == 3)
        nursery.cancel_scope.cancel()


@in_trio
async def test_a_name_of_nobody_ends_the_watch(plane: ControlPlane) -> None:
    plane.endpoints("nobody:80").refuse(grpc.StatusCode.INVALID_ARGUMENT)
    endpoints = EndpointSet("nobody:80")
    async with channel_to(plane) as channel:
        await Destinations(channel, NoLimits(), "").follow_endpoints(endpoints)
    assert endpoints.known
    assert not endpoints.exists


@in_trio
async def test_a_name_without_a_service_has_no_profile_and_an_address_may_get_one(
    plane: ControlPlane,
) -> None:
    """The name's answer comes at once; who asks for an address goes on asking."""
    heard: list[Profile] = []
    async with channel_to(plane) as channel, trio.open_nursery() as nursery:
        destinations = Destinations(channel, NoLimits(), "")
        status = await destinations.follow_profile(NamedAddress("nobody", 80), heard.append)
        assert (status.code, heard) == (Code.NOT_FOUND, [])
        script = plane.profile("10.0.0.1:80")
        script.refuse(grpc.StatusCode.NOT_FOUND)
        address = SocketAddress("10.0.0.1", 80)
        nursery.start_soon(destinations.follow_profile, address, heard.append)
        await until(lambda: script.subscriptions == 2)
        script.show(service_profile("web"))
        await until(lambda: heard)
        nursery.cancel_scope.cancel()


@in_trio
async def test_profiles_follow_the_service(plane: ControlPlane) -> None:
    script = plane.profile("10.0.0.1:80")
    script.show(service_profile("web"))
    heard: list[Profile] = []
    async with channel_to(plane) as channel, trio.open_nursery() as nursery:
        destinations = Destinations(channel, NoLimits(), "")

        async def follow() -> None:
            await destinations.follow_profile(SocketAddress("10.0.0.1", 80), heard.append)

        nursery.start_soon(follow)
        await until(lambda: heard == [Profile(name="web")])
        script.show(service_profile("web", opaque=True))
        await until(lambda: heard[-1] == Profile(name="web", opaque=True))
        nursery.cancel_scope.cancel()


@in_trio
async def test_calls_travel_over_mutual_tls(plane: ControlPlane) -> None:
    """Through a TLS terminator in front of the services, as their own proxies are."""
    key, chain = plane.authority.key_and_chain(ControlPlane.DESTINATION_NAME)
    accepting = build(plane.authority.anchors_pem, chain.decode(), key.decode()).server
    key, chain = plane.authority.key_and_chain(WEB)
    ours = build(plane.authority.anchors_pem, chain.decode(), key.decode()).client
    clients: list[str | None] = []

    async def terminate(stream: trio.SocketStream) -> None:
        secured = trio.SSLStream(stream, accepting, server_side=True)
        await secured.do_handshake()
        clients.append(peer_identity(secured.getpeercert()))
        inner = await trio.open_tcp_stream("127.0.0.1", plane.port)

        async def pump(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
            while data := await source.receive_some():
                await sink.send_all(data)

        async with inner, trio.open_nursery() as nursery:
            nursery.start_soon(pump, secured, inner)
            nursery.start_soon(pump, inner, secured)

    heard: list[Profile] = []
    async with trio.open_nursery() as nursery:
        listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
        nursery.start_soon(trio.serve_listeners, terminate, [listener])
        port = listener.socket.getsockname()[1]
        address = Address("127.0.0.1", port, ControlPlane.DESTINATION_NAME, False)
        channel = Channel(TcpDialer(address, lambda: ours), backoff=FAST)
        nursery.start_soon(channel.run)
        destinations = Destinations(channel, NoLimits(), "")

        async def follow(port: int) -> None:
            await destinations.follow_profile(SocketAddress("10.0.0.1", port), heard.append)

        for number in range(1, 6):
            nursery.start_soon(follow, number)
        await until(lambda: len(heard) == 5)
        assert clients == [WEB], "one connection carries every call"
        nursery.cancel_scope.cancel()


# --- policies -------------------------------------------------------------------------------


@pytest.mark.slow
@in_trio
async def test_a_port_follows_its_server(plane: ControlPlane) -> None:
    script = plane.server(8080)
    cell = PolicyCell(8080, default_policy("deny"))
    async with channel_to(plane) as channel, trio.open_nursery() as nursery:
        policies = Policies(channel, NoLimits(), "a workload")
        script.refuse(grpc.StatusCode.NOT_FOUND, "unknown server")
        nursery.start_soon(policies.follow_port, 8080, cell.update)
        await until(lambda: script.subscriptions >= 1)
        script.show(meshed_server())
        await until(lambda: cell.current == default_policy("all-authenticated"))
        script.show(opaque_server())
        await until(lambda: cell.current.protocol is Protocol.OPAQUE)
        broken = opaque_server()
        broken.protocol.Clear()
        script.push(broken)
        await until(lambda: script.subscriptions >= 3)
        assert cell.current.protocol is Protocol.OPAQUE, "what is not understood changes nothing"
        assert plane.contexts[0] == "a workload"
        nursery.cancel_scope.cancel()


@in_trio
async def test_a_destination_follows_its_policy_until_there_is_none(plane: ControlPlane) -> None:
    script = plane.outbound("10.0.0.1:80")
    script.show(service_policy("web:80"))
    heard: list[OutboundPolicy] = []
    codes: list[Code] = []
    async with channel_to(plane) as channel, trio.open_nursery() as nursery:
        policies = Policies(channel, NoLimits(), "")

        async def follow() -> None:
            address = SocketAddress("10.0.0.1", 80)
            codes.append((await policies.follow_destination(address, heard.append)).code)

        nursery.start_soon(follow)
        await until(lambda: heard)
        script.refuse(grpc.StatusCode.NOT_FOUND)
        await until(lambda: codes)
        assert codes == [Code.NOT_FOUND]
