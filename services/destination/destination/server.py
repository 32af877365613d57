"""The gRPC face of destination: each stream is a subscription, rendered.

Handlers give bytes, because a message that many subscribers get is serialised once, by the view
they share.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from destination import requests
from destination.diff import diff
from destination.fanout import Fanout
from destination.index import Index, Reader
from destination.model import Client, Endpoint
from destination.policy.inbound import InboundPolicy, InboundRules, inbound
from destination.policy.outbound import OutboundPolicy, OutboundRules, outbound
from destination.profiles import Profile, Target, profile
from destination.resolve import EndpointSet, Rules, endpoints, node_zone
from destination.translate import endpoints as to_endpoints
from destination.translate.endpoints import Http2Client
from destination.translate.inbound import server
from destination.translate.outbound import outbound_policy
from destination.translate.profile import destination_profile
from kit.kube.objects import Key
from kit.rpc.server import Register
from kit.rpc.status import InvalidArgument, NotFound
from weft.addresses import SocketAddress
from weft.names import CLUSTER_DOMAIN
from weftapi.proxy import destination_pb2, inbound_pb2, outbound_pb2

Known = Mapping[SocketAddress, Endpoint]


@dataclass(frozen=True)
class Config:
    """Everything the operator decided, for all four services."""

    cluster_domain: str = CLUSTER_DOMAIN
    endpoints: Rules = field(default_factory=Rules)
    inbound: InboundRules = field(default_factory=InboundRules)
    outbound: OutboundRules = field(default_factory=OutboundRules)
    http2: Http2Client = field(default_factory=Http2Client)


@dataclass(frozen=True)
class Answers:
    """What all handlers need. Calls wait until `listed`: half a picture would be a wrong answer."""

    index: Index
    fanout: Fanout
    listed: asyncio.Event
    config: Config

    def zone(self, client: Client) -> str:
        """Of the node the client runs on. Nodes do not move, so it is looked up as needed."""
        return node_zone(Reader(self.index), client.node)


def encode(message: Message) -> bytes:
    """Equal messages are equal bytes."""
    return message.SerializeToString(deterministic=True)


# -- io.linkerd.proxy.destination.Destination ----------------------------------------------------
class Destination:
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def get(self, request: destination_pb2.GetDestination, _: object) -> AsyncIterator[bytes]:
        """Endpoints: all of them first, then what changes."""
        answers, config = self._answers, self._answers.config
        authority = requests.authority(request.path, config.cluster_domain)
        client = requests.client(request.context_token)
        await answers.listed.wait()

        def compute(reader: Reader) -> EndpointSet:
            return endpoints(reader, authority, config.endpoints)

        with answers.fanout.subscribe(("endpoints", authority), compute) as subscription:
            view = subscription.view
            known: Known = {}
            origin: object = None  # which picture `known` is: (version, lens)
            async for found in subscription:
                if origin is None and not found.exists:
                    raise NotFound(f"there is no Service {found.service}")
                zone = answers.zone(client)
                lens = (zone, client.node if found.local_traffic else "")
                visible = view.once(("visible", lens), lambda: found.visible_to(client, zone))  # noqa: B023
                for update in view.once(
                    ("updates", origin, lens),
                    lambda: self._updates(origin is None, known, visible, found.service, zone),  # noqa: B023
                ):
                    yield update
                known, origin = visible, (subscription.version, lens)

    def _updates(
        self, first: bool, known: Known, visible: Known, service: Key, zone: str
    ) -> tuple[bytes, ...]:
        if first and not visible:
            return (encode(to_endpoints.no_endpoints()),)
        change = diff(known, visible)
        made = to_endpoints.updates(change, service, zone, self._answers.config.http2)
        return tuple(map(encode, made))

    async def get_profile(
        self, request: destination_pb2.GetDestination, _: object
    ) -> AsyncIterator[bytes]:
        answers, config = self._answers, self._answers.config
        target = requests.target(request.path, config.cluster_domain)
        client = requests.client(request.context_token)
        await answers.listed.wait()

        def compute(reader: Reader) -> Profile:
            return profile(reader, target, client, config.endpoints, config.cluster_domain)

        key = ("profile", target, client.namespace)
        with answers.fanout.subscribe(key, compute) as subscription:
            async for found in subscription:
                zone = answers.zone(client)
                yield subscription.view.once(
                    zone,
                    lambda: encode(destination_profile(found, zone, config.http2)),  # noqa: B023
                )


# -- io.linkerd.proxy.inbound.InboundServerPolicies ----------------------------------------------
class InboundServerPolicies:
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def get_port(self, request: inbound_pb2.PortSpec, _: object) -> bytes:
        workload, compute = self._question(request)
        await self._answers.listed.wait()
        return encode(server(compute(Reader(self._answers.index)), workload.key.namespace))

    async def watch_port(self, request: inbound_pb2.PortSpec, _: object) -> AsyncIterator[bytes]:
        workload, compute = self._question(request)
        await self._answers.listed.wait()
        key = ("inbound", workload, request.port)
        with self._answers.fanout.subscribe(key, compute) as subscription:
            async for found in subscription:
                yield encode(server(found, workload.key.namespace))

    def _question(
        self, request: inbound_pb2.PortSpec
    ) -> tuple[requests.Workload, Callable[[Reader], InboundPolicy]]:
        workload, port = requests.workload(request.workload), requests.port(request.port)
        rules = self._answers.config.inbound

        def compute(reader: Reader) -> InboundPolicy:
            return inbound(reader, workload.key, port, rules, external=workload.external)

        return workload, compute


# -- io.linkerd.proxy.outbound.OutboundPolicies --------------------------------------------------
class OutboundPolicies:
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def get(self, request: outbound_pb2.TrafficSpec, _: object) -> bytes:
        _key, compute = self._question(request)
        await self._answers.listed.wait()
        return self._encode(compute(Reader(self._answers.index)))

    async def watch(self, request: outbound_pb2.TrafficSpec, _: object) -> AsyncIterator[bytes]:
        key, compute = self._question(request)
        await self._answers.listed.wait()
        with self._answers.fanout.subscribe(key, compute) as subscription:
            async for found in subscription:
                yield subscription.view.once("message", lambda: self._encode(found))  # noqa: B023

    def _encode(self, policy: OutboundPolicy) -> bytes:
        config = self._answers.config
        message = outbound_policy(
            policy, config.cluster_domain, allow_l5d_headers=config.outbound.allow_l5d_headers
        )
        return encode(message)

    def _question(
        self, request: outbound_pb2.TrafficSpec
    ) -> tuple[Hashable, Callable[[Reader], OutboundPolicy]]:
        client = requests.workload(request.source_workload).key.namespace
        target: Target
        match request.WhichOneof("target"):
            case "addr":
                target = requests.address(request.addr)
            case "authority":
                domain = self._answers.config.cluster_domain
                target = requests.service_target(request.authority, domain)
            case _:
                raise InvalidArgument("the request has no target: allowed are addr and authority")
        rules = self._answers.config.outbound
        key = ("outbound", target, client)
        return key, lambda reader: outbound(reader, target, rules, client)


# -- registration --------------------------------------------------------------------------------
def register_destination(answers: Answers) -> Register:
    """What port 8086 offers."""
    service = Destination(answers)
    request = destination_pb2.GetDestination.FromString
    return _register(
        "io.linkerd.proxy.destination.Destination",
        {"Get": _stream(service.get, request), "GetProfile": _stream(service.get_profile, request)},
    )


def register_policy(answers: Answers) -> tuple[Register, Register]:
    """What port 8090 offers."""
    inward, outward = InboundServerPolicies(answers), OutboundPolicies(answers)
    port, traffic = inbound_pb2.PortSpec.FromString, outbound_pb2.TrafficSpec.FromString
    return (
        _register(
            "io.linkerd.proxy.inbound.InboundServerPolicies",
            {
                "GetPort": _unary(inward.get_port, port),
                "WatchPort": _stream(inward.watch_port, port),
            },
        ),
        _register(
            "io.linkerd.proxy.outbound.OutboundPolicies",
            {"Get": _unary(outward.get, traffic), "Watch": _stream(outward.watch, traffic)},
        ),
    )


Handler = grpc.RpcMethodHandler


def _unary(call: Any, request: Callable[[bytes], Message]) -> "Handler[Any, Any]":
    return grpc.unary_unary_rpc_method_handler(call, request)


def _stream(call: Any, request: Callable[[bytes], Message]) -> "Handler[Any, Any]":
    return grpc.unary_stream_rpc_method_handler(call, request)


def _register(name: str, handlers: "dict[str, Handler[Any, Any]]") -> Register:
    def add(server: grpc.aio.Server) -> None:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))

    return add
