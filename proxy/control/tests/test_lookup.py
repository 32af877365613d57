"""Profile and policy of one address, together, in virtual time."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import trio

from proxy.codec.grpc_status import Code, Status
from proxy.control.lookup import Lookups, synthesize
from proxy.control.tasks import Tasks
from proxy.discovery.cache import DiscoveryError
from proxy.discovery.destination import Destination, NamedAddress
from proxy.discovery.endpoints import Endpoint, EndpointSet
from proxy.discovery.policy import Balancer, Forward, OutboundPolicy, Protocol, for_service
from proxy.discovery.profile import Profile
from proxy.stack.meta import Meta
from testkit.trio_tests import in_virtual_time
from weft.addresses import SocketAddress, parse_networks

WEB = SocketAddress("10.0.0.1", 80)
SERVICE = Profile(name="web.emojivoto.svc.cluster.local")
POLICY = for_service("web:80", Meta.default("web"), opaque=False)


@dataclass
class Said:
    """What the services say, each after a time: profiles and policies; a status ends the stream."""

    profiles: list[tuple[float, Profile | Status]] = field(default_factory=list)
    policies: list[tuple[float, OutboundPolicy | Status]] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)

    async def follow_profile(
        self, address: Destination, on_profile: Callable[[Profile], None]
    ) -> Status:
        for gap, item in self.profiles:
            await trio.sleep(gap)
            if isinstance(item, Status):
                return item
            on_profile(item)
        await trio.sleep_forever()
        raise AssertionError

    async def follow_destination(
        self, address: Destination, on_policy: Callable[[OutboundPolicy], None]
    ) -> Status:
        for gap, item in self.policies:
            await trio.sleep(gap)
            if isinstance(item, Status):
                return item
            on_policy(item)
        await trio.sleep_forever()
        raise AssertionError

    async def follow_endpoints(self, endpoints: EndpointSet) -> None:
        self.followed.append(endpoints.authority)
        await trio.sleep_forever()


async def heard(
    said: Said,
    seconds: float,
    *,
    inside: str = "10.0.0.0/8",
    of: Destination = WEB,
) -> list[tuple[float, object, object]]:
    """What a look-up reports within a time: updates, or a failure."""
    reports: list[tuple[float, object, object]] = []
    began = trio.current_time()

    def at() -> float:
        return round(trio.current_time() - began, 3)

    async with trio.open_nursery() as nursery:
        lookups = Lookups(
            Tasks(nursery),
            said,
            said,
            networks=parse_networks(inside),
            suffixes=("svc.cluster.local",),
        )
        lookups.watch_target(
            of,
            lambda profile, policy: reports.append((at(), profile, policy)),
            lambda error: reports.append((at(), "failed", str(error))),
        )
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()
    return reports


@in_virtual_time
async def test_the_first_answer_needs_both() -> None:
    said = Said([(1.0, SERVICE)], [(2.0, POLICY)])
    assert await heard(said, 60) == [(2.0, SERVICE, POLICY)]


@in_virtual_time
async def test_either_may_change_afterwards() -> None:
    other = for_service("other:80", Meta.default("other"), opaque=False)
    said = Said([(1.0, SERVICE), (3.0, Profile(name="other"))], [(1.0, POLICY), (1.0, other)])
    assert await heard(said, 60) == [
        (1.0, SERVICE, POLICY),
        (2.0, SERVICE, other),
        (4.0, Profile(name="other"), other),
    ]


@in_virtual_time
async def test_no_policy_leaves_it_to_the_profile() -> None:
    endpoint = Profile(endpoint=Endpoint(WEB, identity="web"))
    said = Said([(1.0, endpoint)], [(0.0, Status(Code.NOT_FOUND))])
    ((at, profile, policy),) = await heard(said, 60)
    assert (at, profile) == (1.0, endpoint)
    assert policy == synthesize(WEB, endpoint)


@in_virtual_time
async def test_no_profile_leaves_the_address() -> None:
    said = Said([(0.0, Status(Code.INVALID_ARGUMENT))], [(1.0, POLICY)])
    assert await heard(said, 60) == [(1.0, Profile(endpoint=Endpoint(WEB)), POLICY)]


@in_virtual_time
async def test_an_address_outside_has_a_policy_and_no_profile() -> None:
    nobody = Said([(0.0, SERVICE)], [(1.0, POLICY)])
    assert await heard(nobody, 60, inside="192.168.0.0/16") == [
        (1.0, Profile(endpoint=Endpoint(WEB)), POLICY)
    ]
    unknown = Said([], [(1.0, Status(Code.NOT_FOUND))])
    ((_, _, policy),) = await heard(unknown, 60, inside="192.168.0.0/16")
    assert isinstance(policy, OutboundPolicy)
    assert policy.meta.name == "fallback"


@in_virtual_time
async def test_a_name_is_a_service_or_nothing() -> None:
    name = NamedAddress("web.emojivoto.svc.cluster.local", 80)
    assert await heard(Said([(1.0, SERVICE)], [(2.0, POLICY)]), 60, of=name) == [
        (2.0, SERVICE, POLICY)
    ]
    unknown = Status(Code.INVALID_ARGUMENT)
    failed = (1.0, "failed", f"{name}: the destination service has no such name")
    assert await heard(Said([(1.0, unknown)]), 60, of=name) == [failed]
    assert await heard(Said([(1.0, unknown)], [(0.0, POLICY)]), 60, of=name) == [failed]


@in_virtual_time
async def test_a_name_without_a_policy_is_balanced_over_its_service() -> None:
    name = NamedAddress("web.emojivoto.svc.cluster.local", 8080)
    said = Said([(0.0, SERVICE)], [(0.0, Status(Code.NOT_FOUND))])
    ((_, _, policy),) = await heard(said, 1, of=name)
    assert isinstance(policy, OutboundPolicy)
    assert policy.meta == Meta("core", "Service", "emojivoto", "web", "", "8080")


@pytest.mark.parametrize(
    "name", ["example.com", "svc.cluster.local", "web.emojivoto.xsvc.cluster.local"]
)
@in_virtual_time
async def test_a_name_of_another_suffix_is_not_looked_up(name: str) -> None:
    said = Said([(0.0, SERVICE)], [(0.0, POLICY)])
    assert await heard(said, 1, of=NamedAddress(name, 80)) == [
        (0.0, "failed", f"{name}:80 is no name of the mesh")
    ]


@in_virtual_time
async def test_an_opaque_profile_makes_the_policy_opaque() -> None:
    said = Said([(0.0, Profile(name="db", opaque=True))], [(0.0, POLICY)])
    ((_, _, policy),) = await heard(said, 1)
    assert isinstance(policy, OutboundPolicy)
    assert policy.protocol is Protocol.OPAQUE


@pytest.mark.parametrize(
    ("said", "silent"),
    [
        (Said(), "the destination service and the policy controller"),
        (Said(profiles=[(0.0, SERVICE)]), "the policy controller"),
        (Said(policies=[(0.0, POLICY)]), "the destination service"),
    ],
)
@in_virtual_time
async def test_no_answer_in_time_names_who_was_silent(said: Said, silent: str) -> None:
    assert await heard(said, 60) == [
        (10.0, "failed", f"10.0.0.1:80: no answer from {silent} in 10s")
    ]


@in_virtual_time
async def test_endpoints_are_followed_until_cancelled() -> None:
    said = Said()
    async with trio.open_nursery() as nursery:
        cancel = Lookups(Tasks(nursery), said, said).watch_endpoints(EndpointSet("web:80"))
        await trio.sleep(1)
        assert said.followed == ["web:80"]
        cancel()
        cancel()


def test_what_an_address_is_without_a_policy() -> None:
    endpoint = synthesize(WEB, Profile(endpoint=Endpoint(WEB)))
    assert (endpoint.meta.name, endpoint.protocol) == ("endpoint", Protocol.DETECT)
    assert isinstance(endpoint.http1[0].rules[0].backends.backends[0].backend.dispatcher, Forward)
    service = synthesize(WEB, SERVICE)
    assert service.meta == Meta("core", "Service", "emojivoto", "web", "", "80")
    (backend,) = service.http2[0].rules[0].backends.backends
    assert backend.backend.dispatcher == Balancer("web.emojivoto.svc.cluster.local:80")
    assert synthesize(WEB, Profile()).meta.name == "fallback"
    assert synthesize(WEB, Profile(opaque=True)).protocol is Protocol.OPAQUE
    assert str(DiscoveryError("x")) == "x"
