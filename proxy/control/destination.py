"""The destination service's two streams: endpoints of a name, and the profile of an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from proxy.codec.grpc_status import Code, Status
from proxy.control import translate_destination as translate
from proxy.control.watch import (
    MALFORMED,
    NEVER,
    Limits,
    StreamingChannel,
    Subscription,
    UnusableMessageError,
    keep,
)
from proxy.discovery.destination import NamedAddress
from proxy.watchers import tell
from weftapi.proxy import destination_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.discovery.destination import Destination
    from proxy.discovery.endpoints import EndpointSet
    from proxy.discovery.profile import Profile

GET = "/io.linkerd.proxy.destination.Destination/Get"
GET_PROFILE = "/io.linkerd.proxy.destination.Destination/GetProfile"

NO_SUCH_NAME = frozenset({Code.INVALID_ARGUMENT})
"""How the service says that a name is none of the cluster's."""
NO_SUCH_SERVICE = frozenset({Code.NOT_FOUND})
"""How it says that a name could be a Service's and is not."""


class Destinations:
    """Asks the destination service on behalf of this proxy."""

    def __init__(self, channel: StreamingChannel, limits: Limits, context_token: str) -> None:
        self._channel = channel
        self._limits = limits
        self._context_token = context_token

    async def follow_endpoints(self, endpoints: EndpointSet) -> None:
        """Keep the set up to date; returns when there is no such name.

        The first message of a stream is the complete picture, so a stream that comes back
        replaces what is known; until then the last picture stays in force.
        """
        updates = _Updates(endpoints)
        await keep(
            self._channel,
            Subscription(
                name=f"Get {endpoints.authority}",
                path=GET,
                request=self._request(endpoints.authority),
                on_message=updates.apply,
                on_open=updates.begin,
                terminal=NO_SUCH_NAME,
            ),
            self._limits,
        )
        endpoints.clear(exists=False)

    async def follow_profile(
        self, address: Destination, on_profile: Callable[[Profile], None]
    ) -> Status:
        """Hand over the profile of an address or a name, and every change; returns when there is none.

        A Service that is gone after it was there is waited for.
        """

        def apply(payload: bytes) -> None:
            tell(f"GetProfile {address}", on_profile, translate.profile(_decode_profile(payload)))

        return await keep(
            self._channel,
            Subscription(
                name=f"GetProfile {address}",
                path=GET_PROFILE,
                request=self._request(str(address)),
                on_message=apply,
                terminal=MALFORMED,
                terminal_unheard=NO_SUCH_SERVICE if isinstance(address, NamedAddress) else NEVER,
            ),
            self._limits,
        )

    def _request(self, path: str) -> bytes:
        request = destination_pb2.GetDestination(path=path, context_token=self._context_token)
        return request.SerializeToString()


class _Updates:
    """Applies the updates of one stream after another to an endpoint set."""

    def __init__(self, endpoints: EndpointSet) -> None:
        self._endpoints = endpoints
        self._fresh = True

    def begin(self) -> None:
        self._fresh = True

    def apply(self, payload: bytes) -> None:
        try:
            update = destination_pb2.Update.FromString(payload)
        except DecodeError as error:
            raise UnusableMessageError(f"an update cannot be read: {error}") from error
        kind = update.WhichOneof("update")
        if kind == "add":
            added = translate.endpoints(update.add)
            if self._fresh:
                self._endpoints.replace(added)
            else:
                self._endpoints.add(added)
        elif kind == "remove":
            self._endpoints.remove(translate.addresses(update.remove))
        elif kind == "no_endpoints":
            self._endpoints.clear(exists=update.no_endpoints.exists)
        else:
            raise UnusableMessageError("an update neither adds nor removes endpoints")
        self._fresh = False


def _decode_profile(payload: bytes) -> destination_pb2.DestinationProfile:
    try:
        return destination_pb2.DestinationProfile.FromString(payload)
    except DecodeError as error:
        raise UnusableMessageError(f"a profile cannot be read: {error}") from error
