"""The policy controller's two streams: what a port allows, and how to treat a destination."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from proxy.codec.grpc_status import Code, Status
from proxy.control import translate
from proxy.control.translate_inbound import server
from proxy.control.translate_outbound import policy
from proxy.control.watch import (
    MALFORMED,
    Limits,
    StreamingChannel,
    Subscription,
    UnusableMessageError,
    keep,
)
from proxy.discovery.destination import NamedAddress
from proxy.watchers import tell
from weftapi.proxy import inbound_pb2, outbound_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.authz.policy import ServerPolicy
    from proxy.authz.store import PolicyCell
    from proxy.control.tasks import Cancel, Tasks
    from proxy.discovery.destination import Destination
    from proxy.discovery.policy import OutboundPolicy

WATCH_PORT = "/io.linkerd.proxy.inbound.InboundServerPolicies/WatchPort"
WATCH = "/io.linkerd.proxy.outbound.OutboundPolicies/Watch"

NO_POLICY = MALFORMED | {Code.NOT_FOUND, Code.UNIMPLEMENTED}
"""How the controller says that it knows no policy for an address: asking again is pointless."""


class Policies:
    """Asks the policy controller on behalf of this workload."""

    def __init__(self, channel: StreamingChannel, limits: Limits, workload: str) -> None:
        self._channel = channel
        self._limits = limits
        self._workload = workload

    async def follow_port(self, port: int, on_policy: Callable[[ServerPolicy], None]) -> None:
        """Hand over the policy of a port and every change.

        Returns when the controller calls the request malformed.

        A workload the controller does not know yet (NOT_FOUND) is asked for again: the proxy may
        well start before the controller has seen its pod.
        """

        def apply(payload: bytes) -> None:
            try:
                message = inbound_pb2.Server.FromString(payload)
            except DecodeError as error:
                raise UnusableMessageError(f"a server cannot be read: {error}") from error
            tell(f"WatchPort {port}", on_policy, server(message))

        request = inbound_pb2.PortSpec(workload=self._workload, port=port)
        await keep(
            self._channel,
            Subscription(
                name=f"WatchPort {port}",
                path=WATCH_PORT,
                request=request.SerializeToString(),
                on_message=apply,
                terminal=MALFORMED,
            ),
            self._limits,
        )

    async def follow_destination(
        self, address: Destination, on_policy: Callable[[OutboundPolicy], None]
    ) -> Status:
        """Hand over the policy of an address or a name, and every change; returns when there is none."""

        def apply(payload: bytes) -> None:
            try:
                message = outbound_pb2.OutboundPolicy.FromString(payload)
            except DecodeError as error:
                raise UnusableMessageError(f"a policy cannot be read: {error}") from error
            tell(f"OutboundPolicies {address}", on_policy, policy(message))

        request = outbound_pb2.TrafficSpec(source_workload=self._workload)
        if isinstance(address, NamedAddress):
            request.authority = str(address)
        else:
            request.addr.ip.CopyFrom(translate.to_ip(address.ip))
            request.addr.port = address.port
        return await keep(
            self._channel,
            Subscription(
                name=f"OutboundPolicies {address}",
                path=WATCH,
                request=request.SerializeToString(),
                on_message=apply,
                terminal=NO_POLICY,
            ),
            self._limits,
        )


class PortWatcher:
    """`authz.store.Source` over the policy controller."""

    def __init__(self, tasks: Tasks, policies: Policies) -> None:
        self._tasks = tasks
        self._policies = policies

    def watch_port(self, cell: PolicyCell) -> Cancel:
        port, reference = cell.port, weakref.ref(cell)

        def update(policy: ServerPolicy) -> None:
            alive = reference()
            if alive is not None:
                alive.update(policy)

        return self._tasks.start(
            lambda: self._policies.follow_port(port, update), name=f"policy of port {port}"
        )
