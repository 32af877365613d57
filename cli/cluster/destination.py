"""The destination service's gRPC, asked as a proxy asks it, through a port-forward to one of its pods."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc

from cli.checks.context import alive
from cli.cluster.client import RestCluster, connect
from cli.cluster.errors import ClusterError
from cli.cluster.paths import PODS, find, items
from cli.cluster.tunnel import tunnel
from cli.cluster.web_api import CHECK_HINT
from cli.cluster.workloads import is_ready
from cli.options import Globals
from weft.labels import CONTROL_PLANE_COMPONENT_LABEL
from weftapi.proxy.destination_pb2_grpc import DestinationStub
from weftapi.proxy.inbound_pb2_grpc import InboundServerPoliciesStub
from weftapi.proxy.outbound_pb2_grpc import OutboundPoliciesStub

COMPONENT = "destination"
DEADLINE = 10.0

Answer = TypeVar("Answer")


class DestinationRefused(ClusterError):
    """The destination service answered that it cannot say."""


class DestinationApi:
    """What proxies ask, over an open channel."""

    def __init__(self, channel: grpc.Channel, problem: Callable[[], str] = str) -> None:
        """`problem` says what is wrong with the way to the service, if anything is."""
        self._problem = problem
        self._destination: Any = DestinationStub(channel)  # type: ignore[no-untyped-call]
        self._inbound: Any = InboundServerPoliciesStub(channel)  # type: ignore[no-untyped-call]
        self._outbound: Any = OutboundPoliciesStub(channel)  # type: ignore[no-untyped-call]

    def endpoints(self, request: Any) -> Any:
        """The first Update for a GetDestination. Raises DestinationRefused."""
        return self._first(lambda: self._destination.Get(request, timeout=DEADLINE))

    def profile(self, request: Any) -> Any:
        """The first DestinationProfile for a GetDestination. Raises DestinationRefused."""
        return self._first(lambda: self._destination.GetProfile(request, timeout=DEADLINE))

    def inbound_policy(self, request: Any) -> Any:
        """The Server for a PortSpec. Raises DestinationRefused."""
        return self._asked(lambda: self._inbound.GetPort(request, timeout=DEADLINE))

    def outbound_policy(self, request: Any) -> Any:
        """The OutboundPolicy for a TrafficSpec. Raises DestinationRefused."""
        return self._asked(lambda: self._outbound.Get(request, timeout=DEADLINE))

    def _first(self, ask: Callable[[], Any]) -> Any:
        def first() -> Any:
            stream = ask()
            try:
                return next(stream)
            except StopIteration:
                raise DestinationRefused("the destination service ended its answer") from None
            finally:
                stream.cancel()

        return self._asked(first)

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                why = self._problem() or details
                raise DestinationRefused(
                    f"the destination service does not answer: {why}", hint=CHECK_HINT
                ) from None
            raise DestinationRefused(f"Destination API error: {code.name}: {details}") from None


@contextmanager
def connect_destination(chosen: Globals, port: int, pod: str = "") -> Iterator[DestinationApi]:
    """A port of the destination service, at --api-addr or in a running pod of it.

    `pod` names the pod; empty takes the first that is ready. Raises ClusterError.
    """
    if chosen.api_addr is not None:
        with grpc.insecure_channel(chosen.api_addr) as channel:
            yield DestinationApi(channel)
        return
    cluster = connect(chosen)
    name = _pod(cluster, chosen.weft_namespace, pod)
    with (
        tunnel(cluster, chosen.weft_namespace, name, port) as made,
        grpc.insecure_channel(made.target) as channel,
    ):
        yield DestinationApi(channel, lambda: made.problem)


def _pod(cluster: RestCluster, namespace: str, wanted: str) -> str:
    if wanted:
        if find(cluster, PODS, wanted, namespace) is None:
            raise ClusterError(f"there is no pod {wanted} in namespace {namespace}")
        return wanted
    selector = f"{CONTROL_PLANE_COMPONENT_LABEL}={COMPONENT}"
    found = [pod for pod in items(cluster, PODS, namespace, selector) if alive(pod)]
    for pod in found:
        if is_ready(pod):
            return str(pod["metadata"]["name"])
    why = "none of its pods is ready" if found else "it has no pods"
    raise ClusterError(
        f"the destination service in namespace {namespace} cannot be asked: {why}", hint=CHECK_HINT
    )
