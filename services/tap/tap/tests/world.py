"""Objects as Kubernetes writes them, proxies that are watched, and events they tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from tap.cluster import Cluster
from weft.names import TrustDomain
from weftapi.proxy import net_pb2, tap_pb2
from weftapi.proxy.tap_pb2_grpc import TapServicer, add_TapServicer_to_server

Object = dict[str, Any]

IDENTITIES = TrustDomain()
OURS = IDENTITIES.component("weft-tap")
SUFFIX = "serviceaccount.identity.weft.cluster.local"


def meta(name: str, namespace: str = "shop", owner: tuple[str, str] | None = None) -> Object:
    found: Object = {"name": name, "namespace": namespace, "labels": {}, "annotations": {}}
    if owner is not None:
        reference = {"kind": owner[0], "name": owner[1], "controller": True}
        found["ownerReferences"] = [reference]
    return found


def pod(
    name: str,
    ip: str = "10.244.0.5",
    *,
    namespace: str = "shop",
    owner: tuple[str, str] | None = ("ReplicaSet", "web-1"),
    account: str = "web",
    client: str | None = OURS,
    port: int = 4190,
    meshed: bool = True,
    phase: str = "Running",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    """A pod; `client` is whom its proxy lets watch, None leaves the variable out."""
    environment = [{"name": "LINKERD2_PROXY_CONTROL_LISTEN_ADDR", "value": f"0.0.0.0:{port}"}]
    if client is not None:
        environment.append({"name": "LINKERD2_PROXY_TAP_SVC_NAME", "value": client})
    sidecar = {"name": "linkerd-proxy", "env": environment}
    found = meta(name, namespace, owner)
    found["labels"] = dict(labels or {"app": "web"})
    found["annotations"] = dict(annotations or {})
    if meshed:
        found["labels"]["linkerd.io/control-plane-ns"] = "weft"
    return {
        "metadata": found,
        "spec": {
            "serviceAccountName": account,
            "initContainers": [sidecar] if meshed else [],
            "containers": [{"name": "app"}],
            **spec,
        },
        "status": {"phase": phase, "podIP": ip},
    }


def cluster(*pods: Object) -> Cluster:
    """The pods, ReplicaSet web-1 of Deployment web, and Service web-svc."""
    made = Cluster()
    for one in pods:
        made.put_pod(one)
    made.put_owned("replicaset", {"metadata": meta("web-1", owner=("Deployment", "web"))})
    made.put_service({"metadata": meta("web-svc"), "spec": {"selector": {"app": "web"}}})
    addresses = [{"type": "InternalIP", "address": "10.0.0.1"}]
    made.put_node({"metadata": {"name": "node-1"}, "status": {"addresses": addresses}})
    return made


# --- events ---------------------------------------------------------------------------------


def address(ip: str, port: int) -> net_pb2.TcpAddress:
    parts = [int(part) for part in ip.split(".")]
    number = int.from_bytes(bytes(parts), "big")
    return net_pb2.TcpAddress(ip=net_pb2.IPAddress(ipv4=number), port=port)


def event(
    stream: int = 0,
    direction: tap_pb2.TapEvent.ProxyDirection = tap_pb2.TapEvent.INBOUND,
    source: str = "10.244.0.9",
    destination: str = "10.244.0.5",
) -> tap_pb2.TapEvent:
    """An event without anything in it yet."""
    found = tap_pb2.TapEvent(source=address(source, 41000), destination=address(destination, 8080))
    found.proxy_direction = direction
    found.http.request_init.id.stream = stream
    return found


def call(stream: int, path: str = "/") -> list[tap_pb2.TapEvent]:
    """The three events of one request."""
    first, second, third = event(stream), event(stream), event(stream)
    first.http.request_init.path = path
    second.http.response_init.id.stream = stream
    second.http.response_init.http_status = 200
    third.http.response_end.id.stream = stream
    third.http.response_end.eos.SetInParent()
    return [first, second, third]


# --- proxies --------------------------------------------------------------------------------

Script = Callable[["FakeProxy", tap_pb2.ObserveRequest], AsyncIterator[tap_pb2.TapEvent]]


class FakeProxy(TapServicer):
    """Answers Observe as the script says."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[tap_pb2.ObserveRequest] = []
        self.required: list[str] = []
        self.open = 0
        self.port = 0
        self.trailers: tuple[tuple[str, str], ...] = ()
        self.refuse: grpc.StatusCode | None = None

    async def Observe(  # noqa: N802 (the name on the wire)
        self, request: tap_pb2.ObserveRequest, context: Any
    ) -> AsyncIterator[tap_pb2.TapEvent]:
        self.requests.append(request)
        self.required += [v for k, v in context.invocation_metadata() if k == "l5d-require-id"]
        if self.refuse is not None:
            await context.abort(self.refuse, "not you")
        context.set_trailing_metadata(self.trailers)
        self.open += 1
        try:
            async for one in self.script(self, request):
                yield one
        finally:
            self.open -= 1


@asynccontextmanager
async def serving(*proxies: FakeProxy) -> AsyncIterator[None]:
    """Each on a port of its own, on loopback."""
    servers = []
    for proxy in proxies:
        server = grpc.aio.server()
        add_TapServicer_to_server(proxy, server)  # type: ignore[no-untyped-call]
        proxy.port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        servers.append(server)
    try:
        yield
    finally:
        for server in servers:
            await server.stop(None)


async def endless(
    proxy: FakeProxy, request: tap_pb2.ObserveRequest
) -> AsyncIterator[tap_pb2.TapEvent]:
    """One call, then silence."""
    for one in call(0):
        yield one
    await asyncio.Event().wait()


async def as_asked(
    proxy: FakeProxy, request: tap_pb2.ObserveRequest
) -> AsyncIterator[tap_pb2.TapEvent]:
    """As many calls as were asked for, at once."""
    for stream in range(request.limit):
        for one in call(stream):
            yield one
