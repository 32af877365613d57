"""`discovery.cache.Source` over the control plane: profile and policy of a destination, together.

Both streams are opened at once; the first answer needs both. After it each may break and come
back by itself: the last word of either stays in force. A policy controller that knows nothing of
an address leaves it to the profile what its traffic is (an endpoint, a Service, or just an
address); a destination service that refuses the address leaves it without a profile.

Addresses outside the networks of the mesh have no profile to ask for, but a policy: that is how
EgressNetworks have a say. Names are asked for where a request says where it goes (ingress mode) or a
connection does (a gateway); one that has another suffix than the mesh's, or that the destination service does not know, is none of ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import trio

from proxy.discovery.cache import DiscoveryError, UnknownNameError
from proxy.discovery.destination import NamedAddress, is_below
from proxy.discovery.endpoints import Endpoint, EndpointSet
from proxy.discovery.policy import OutboundPolicy, for_endpoint, for_service
from proxy.discovery.policy import Protocol as TrafficProtocol
from proxy.discovery.profile import Profile
from proxy.stack.meta import Meta
from proxy.watchers import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.codec.grpc_status import Status
    from proxy.control.tasks import Cancel, Tasks
    from proxy.discovery.destination import Destination
    from weft.addresses import IPNetwork, SocketAddress

FIRST_ANSWER_TIMEOUT = 10.0
"""Seconds a connection may wait for the first look-up of its destination."""

OnUpdate = Callable[[Profile, OutboundPolicy], None]
OnFailure = Callable[[DiscoveryError], None]


class DestinationStreams(Protocol):
    async def follow_endpoints(self, endpoints: EndpointSet) -> None: ...
    async def follow_profile(
        self, address: Destination, on_profile: Callable[[Profile], None]
    ) -> Status: ...


class PolicyStreams(Protocol):
    async def follow_destination(
        self, address: Destination, on_policy: Callable[[OutboundPolicy], None]
    ) -> Status: ...


class Lookups:
    """Starts and ends the streams discovery asks for."""

    def __init__(
        self,
        tasks: Tasks,
        destinations: DestinationStreams,
        policies: PolicyStreams,
        *,
        networks: Sequence[IPNetwork] | None = None,
        suffixes: Sequence[str] = (),
        first_answer_timeout: float = FIRST_ANSWER_TIMEOUT,
    ) -> None:
        """`networks`: only addresses inside have a profile; None: every address. `suffixes`, without
        dots at the ends: only names below have one; an empty one is above all."""
        self._networks = networks
        self._suffixes = suffixes
        self._tasks = tasks
        self._destinations = destinations
        self._policies = policies
        self._timeout = first_answer_timeout

    def watch_target(
        self, address: Destination, on_update: OnUpdate, on_failure: OnFailure
    ) -> Cancel:
        if isinstance(address, NamedAddress):
            if not is_below(address.name, self._suffixes):
                on_failure(UnknownNameError(f"{address} is no name of the mesh"))
                return lambda: None
            profiled = True
        else:
            profiled = self._is_ours(address)

        async def run() -> None:
            await _Lookup(address, on_update, profiled=profiled).run(
                self._destinations, self._policies, on_failure, self._timeout
            )

        return self._tasks.start(run, name=f"look-up of {address}")

    def _is_ours(self, address: SocketAddress) -> bool:
        if self._networks is None:
            return True
        ip = ipaddress.ip_address(address.ip.partition("%")[0])
        return any(ip in network for network in self._networks)

    def watch_endpoints(self, endpoints: EndpointSet) -> Cancel:
        return self._tasks.start(
            lambda: self._destinations.follow_endpoints(endpoints),
            name=f"endpoints of {endpoints.authority}",
        )


class _Lookup:
    """What both streams have said of one destination so far."""

    def __init__(self, address: Destination, on_update: OnUpdate, *, profiled: bool) -> None:
        self._address = address
        self._on_update = on_update
        self._profiled = profiled
        self._profile = None if profiled else _unprofiled(address)
        self._unknown = False
        self._policy: OutboundPolicy | None = None
        self._policy_is_absent = False
        self._answered = trio.Event()

    async def run(
        self,
        destinations: DestinationStreams,
        policies: PolicyStreams,
        on_failure: OnFailure,
        timeout: float,
    ) -> None:
        async with trio.open_nursery() as nursery:
            if self._profiled:
                nursery.start_soon(self._follow_profile, destinations)
            nursery.start_soon(self._follow_policy, policies)
            with trio.move_on_after(timeout):
                await self._answered.wait()
                if not self._unknown:
                    return
            nursery.cancel_scope.cancel()
        tell(f"look-up of {self._address}", on_failure, self._error(timeout))

    async def _follow_profile(self, destinations: DestinationStreams) -> None:
        await destinations.follow_profile(self._address, self._on_profile)
        if self._profile is not None:
            return
        if isinstance(self._address, NamedAddress):
            self._unknown = True
            self._answered.set()
        else:
            self._on_profile(_unprofiled(self._address))

    async def _follow_policy(self, policies: PolicyStreams) -> None:
        await policies.follow_destination(self._address, self._on_policy)
        self._policy, self._policy_is_absent = None, True
        self._publish()

    def _on_profile(self, profile: Profile) -> None:
        self._profile = profile
        self._publish()

    def _on_policy(self, policy: OutboundPolicy) -> None:
        self._policy = policy
        self._publish()

    def _publish(self) -> None:
        if self._profile is None or (self._policy is None and not self._policy_is_absent):
            return
        policy = self._policy or self._synthesized(self._profile)
        if self._profile.opaque and policy.opaque:
            policy = replace(policy, protocol=TrafficProtocol.OPAQUE)
        tell(f"look-up of {self._address}", self._on_update, self._profile, policy)
        self._answered.set()

    def _synthesized(self, profile: Profile) -> OutboundPolicy:
        if not self._profiled:
            return _fallback(self._address, opaque=False)
        return synthesize(self._address, profile)

    def _error(self, timeout: float) -> DiscoveryError:
        if self._unknown:
            return UnknownNameError(f"{self._address}: the destination service has no such name")
        return DiscoveryError(f"{self._address}: {self._missing()} in {timeout:g}s")

    def _missing(self) -> str:
        silent = []
        if self._profile is None:
            silent.append("the destination service")
        if self._policy is None and not self._policy_is_absent:
            silent.append("the policy controller")
        return f"no answer from {' and '.join(silent)}"


def synthesize(address: Destination, profile: Profile) -> OutboundPolicy:
    """The policy of a destination for which the controller has none."""
    if profile.endpoint is not None:
        return for_endpoint(profile.endpoint, name="endpoint", opaque=profile.opaque)
    if profile.name is not None:
        authority = f"{profile.name}:{address.port}"
        parent = profile.parent or _service(profile.name, address.port)
        return for_service(authority, parent, opaque=profile.opaque)
    return _fallback(address, opaque=profile.opaque)


def _fallback(address: Destination, *, opaque: bool) -> OutboundPolicy:
    if isinstance(address, NamedAddress):
        return for_service(str(address), Meta.default("fallback"), opaque=opaque)
    return for_endpoint(Endpoint(address), name="fallback", opaque=opaque)


def _unprofiled(address: Destination) -> Profile:
    return Profile() if isinstance(address, NamedAddress) else Profile(endpoint=Endpoint(address))


def _service(name: str, port: int) -> Meta:
    """`web.emojivoto.svc.cluster.local` as a Service's coordinates."""
    service, _, rest = name.partition(".")
    return Meta("core", "Service", rest.partition(".")[0], service, "", str(port))
