"""A control plane in a few hundred lines: scripted identity, destination and policy services.

    with ControlPlane() as plane:
        plane.profile("10.0.0.1:80").show(destination_pb2.DestinationProfile(...))
        plane.endpoints("web.emojivoto.svc.cluster.local:80").show(update)
        environment = plane.environment(identity="web.emojivoto....")

A real gRPC server on loopback with ports of its own. `show` sets what a stream says first, to
those listening and to those still to come; `push` adds a message for those listening; `end` ends
their streams with a status; `refuse` answers every new stream with a status until the next `show`.
What nobody scripted has an answer that lets a lone proxy work: ports allow everyone, addresses
are themselves, outbound policies do not exist.
"""

from __future__ import annotations

import queue
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import grpc
from google.protobuf import duration_pb2
from google.protobuf.message import Message

from weft.pki import certificate, csr, keys
from weftapi.proxy import (
    destination_pb2,
    http_route_pb2,
    identity_pb2,
    inbound_pb2,
    meta_pb2,
    net_pb2,
    outbound_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

M = TypeVar("M", bound=Message)


class Script(Generic[M]):
    """What one subscription says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: list[M] = []
        self._refusal: tuple[grpc.StatusCode, str] | None = None
        self._listeners: list[queue.SimpleQueue[M | tuple[grpc.StatusCode, str]]] = []
        self.subscriptions = 0
        """Streams opened so far."""

    def show(self, *messages: M) -> None:
        """The complete picture: said first to new streams, and now to open ones."""
        with self._lock:
            self._refusal = None
            self._first = list(messages)
            self._tell(*messages)

    def push(self, *messages: M) -> None:
        """A change, for open streams only."""
        with self._lock:
            self._tell(*messages)

    def end(self, code: grpc.StatusCode = grpc.StatusCode.OK, details: str = "") -> None:
        """End the open streams."""
        with self._lock:
            self._tell((code, details))

    def refuse(self, code: grpc.StatusCode, details: str = "") -> None:
        """Answer new streams with a status, and end the open ones with it."""
        with self._lock:
            self._refusal = (code, details)
            self._tell((code, details))

    @property
    def listening(self) -> int:
        """Streams open now."""
        with self._lock:
            return len(self._listeners)

    def _tell(self, *items: M | tuple[grpc.StatusCode, str]) -> None:
        for listener in self._listeners:
            for item in items:
                listener.put(item)

    def serve(self, context: grpc.ServicerContext) -> Iterator[M]:
        inbox: queue.SimpleQueue[M | tuple[grpc.StatusCode, str]] = queue.SimpleQueue()
        with self._lock:
            self.subscriptions += 1
            if self._refusal is not None:
                inbox.put(self._refusal)
            for message in self._first:
                inbox.put(message)
            self._listeners.append(inbox)
        context.add_callback(lambda: inbox.put((grpc.StatusCode.CANCELLED, "client left")))
        try:
            while True:
                item = inbox.get()
                if isinstance(item, tuple):
                    code, details = item
                    if code is not grpc.StatusCode.OK:
                        context.set_code(code)
                        context.set_details(details)
                    return
                yield item
        finally:
            with self._lock:
                self._listeners.remove(inbox)


@dataclass
class Authority:
    """The trust anchor and issuer of a fake mesh."""

    anchor: certificate.Signer
    lifetime: timedelta = timedelta(hours=24)

    @classmethod
    def make(cls) -> Authority:
        key = keys.generate()
        now = datetime.now(UTC)
        span = certificate.Lifetime(now - timedelta(hours=1), now + timedelta(days=2))
        return cls(certificate.Signer(certificate.make_anchor("root.weft.test", key, span), key))

    @property
    def anchors_pem(self) -> str:
        return certificate.to_pem(self.anchor.certificate).decode()

    def issue(self, name: str, public_key: Any) -> tuple[Any, datetime]:
        """A leaf for a name, and when it ends."""
        now = datetime.now(UTC)
        span = certificate.Lifetime(now - timedelta(seconds=20), now + self.lifetime)
        return certificate.make_leaf([name], public_key, span, self.anchor), span.not_after

    def key_and_chain(self, name: str) -> tuple[bytes, bytes]:
        """PEM of a fresh key and its certificate."""
        key = keys.generate()
        leaf, _ = self.issue(name, key.public_key())
        return keys.to_pem(key), certificate.to_pem(leaf)


@dataclass
class IdentityService:
    """Signs whatever is asked for, unless told to refuse."""

    authority: Authority
    requests: list[identity_pb2.CertifyRequest] = field(default_factory=list)
    refusal: tuple[grpc.StatusCode, str] | None = None

    def certify(
        self, request: identity_pb2.CertifyRequest, context: grpc.ServicerContext
    ) -> identity_pb2.CertifyResponse:
        self.requests.append(request)
        if self.refusal is not None:
            context.abort(*self.refusal)
        parsed = csr.parse(request.certificate_signing_request)
        key = csr.verify(parsed, request.identity)
        leaf, ends = self.authority.issue(request.identity, key)
        response = identity_pb2.CertifyResponse(leaf_certificate=certificate.to_der(leaf))
        response.valid_until.FromDatetime(ends)
        return response


class ControlPlane:
    """The services, started and stopped as a context manager."""

    IDENTITY_NAME = "weft-identity.weft.serviceaccount.identity.weft.cluster.local"
    DESTINATION_NAME = "weft-destination.weft.serviceaccount.identity.weft.cluster.local"

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Plaintext on `host`; a `host` that is not loopback is for network namespaces."""
        self.authority = Authority.make()
        self.identity = IdentityService(self.authority)
        self.host = host
        self._wanted_port = port
        self._lock = threading.Lock()
        self._endpoints: dict[str, Script[destination_pb2.Update]] = {}
        self._profiles: dict[str, Script[destination_pb2.DestinationProfile]] = {}
        self._ports: dict[int, Script[inbound_pb2.Server]] = {}
        self._outbound: dict[str, Script[outbound_pb2.OutboundPolicy]] = {}
        self.contexts: list[str] = []
        """Context tokens and workloads received, in order."""
        self.port = 0
        self._server: grpc.Server | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    # --- scripts --------------------------------------------------------------------------

    def endpoints(self, authority: str) -> Script[destination_pb2.Update]:
        """`Destination.Get` of an authority; silent until scripted."""
        return self._script(self._endpoints, authority, lambda script: None)

    def profile(self, address: str) -> Script[destination_pb2.DestinationProfile]:
        """`Destination.GetProfile` of `IP:port` or `NAME:port`; until scripted an address is just
        itself, and no name is a Service's."""

        def begin(script: Script[destination_pb2.DestinationProfile]) -> None:
            if not address[0].isdigit():
                script.refuse(grpc.StatusCode.NOT_FOUND, "there is no such Service")
                return
            itself = destination_pb2.WeightedAddr(addr=tcp_address(address), weight=10_000)
            script.show(destination_pb2.DestinationProfile(endpoint=itself))

        return self._script(self._profiles, address, begin)

    def server(self, port: int) -> Script[inbound_pb2.Server]:
        """`WatchPort` of a port; everyone is let in until scripted."""
        return self._script(self._ports, port, lambda script: script.show(open_server()))

    def outbound(self, address: str) -> Script[outbound_pb2.OutboundPolicy]:
        """`OutboundPolicies.Watch` of `IP:port`; NOT_FOUND until scripted."""
        return self._script(
            self._outbound,
            address,
            lambda script: script.refuse(grpc.StatusCode.NOT_FOUND, "no such policy"),
        )

    def _script(
        self, scripts: dict[Any, Script[M]], key: Any, begin: Callable[[Script[M]], None]
    ) -> Script[M]:
        with self._lock:
            script = scripts.get(key)
            if script is None:
                script = scripts[key] = Script()
                begin(script)
            return script

    # --- life -----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="weft-control-plane-")
        Path(self._directory.name, "token").write_text("a token\n")
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        assert self._directory is not None
        self._directory.cleanup()

    def start(self) -> None:
        """Listen; after a `stop`, on the same port again."""
        executor = ThreadPoolExecutor(max_workers=128, thread_name_prefix="control-plane")
        self._server = grpc.server(executor, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers(self._handlers())
        wanted = self.port or self._wanted_port
        self.port = self._server.add_insecure_port(f"{self.host}:{wanted}")
        self._server.start()

    def stop(self) -> None:
        """Stop listening and break every stream."""
        if self._server is not None:
            self._server.stop(grace=0).wait()
            self._server = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def token_file(self) -> Path:
        assert self._directory is not None
        return Path(self._directory.name, "token")

    def environment(self, identity: str, **overrides: str) -> dict[str, str]:
        """What a proxy needs to start against this control plane, its ports chosen by the kernel.

        `overrides` are given without their prefix: `INBOUND_LISTEN_ADDR="127.0.0.1:4143"`.
        """
        assert self._directory is not None
        variables = {
            "IDENTITY_SVC_ADDR": self.address,
            "DESTINATION_SVC_ADDR": self.address,
            "POLICY_SVC_ADDR": self.address,
            "IDENTITY_LOCAL_NAME": identity,
            "IDENTITY_TRUST_ANCHORS": self.authority.anchors_pem,
            "IDENTITY_TOKEN_FILE": str(self.token_file),
            "IDENTITY_DIR": self._directory.name,
            "POLICY_WORKLOAD": '{"ns":"emojivoto","pod":"web-0"}',
            "DESTINATION_CONTEXT": '{"ns":"emojivoto","nodeName":"sandbox","pod":"web-0"}',
            "INBOUND_LISTEN_ADDR": "127.0.0.1:0",
            "OUTBOUND_LISTEN_ADDR": "127.0.0.1:0",
            "ADMIN_LISTEN_ADDR": "127.0.0.1:0",
            **overrides,
        }
        return {f"LINKERD2_PROXY_{name}": value for name, value in variables.items()}

    # --- services -------------------------------------------------------------------------

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        return (
            _service(
                "io.linkerd.proxy.identity.Identity",
                Certify=grpc.unary_unary_rpc_method_handler(
                    self.identity.certify,
                    identity_pb2.CertifyRequest.FromString,
                    identity_pb2.CertifyResponse.SerializeToString,
                ),
            ),
            _service(
                "io.linkerd.proxy.destination.Destination",
                Get=_stream(self._get, destination_pb2.GetDestination),
                GetProfile=_stream(self._get_profile, destination_pb2.GetDestination),
            ),
            _service(
                "io.linkerd.proxy.inbound.InboundServerPolicies",
                WatchPort=_stream(self._watch_port, inbound_pb2.PortSpec),
            ),
            _service(
                "io.linkerd.proxy.outbound.OutboundPolicies",
                Watch=_stream(self._watch, outbound_pb2.TrafficSpec),
            ),
        )

    def _get(
        self, request: destination_pb2.GetDestination, context: grpc.ServicerContext
    ) -> Iterator[Message]:
        self.contexts.append(request.context_token)
        return self.endpoints(request.path).serve(context)

    def _get_profile(
        self, request: destination_pb2.GetDestination, context: grpc.ServicerContext
    ) -> Iterator[Message]:
        self.contexts.append(request.context_token)
        return self.profile(request.path).serve(context)

    def _watch_port(
        self, request: inbound_pb2.PortSpec, context: grpc.ServicerContext
    ) -> Iterator[Message]:
        self.contexts.append(request.workload)
        return self.server(request.port).serve(context)

    def _watch(
        self, request: outbound_pb2.TrafficSpec, context: grpc.ServicerContext
    ) -> Iterator[Message]:
        self.contexts.append(request.source_workload)
        return self.outbound(show_address(request.addr)).serve(context)


def _service(name: str, **methods: grpc.RpcMethodHandler[Any, Any]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(name, methods)


def _stream(
    serve: Callable[[Any, grpc.ServicerContext], Iterator[Message]], request: type[Message]
) -> grpc.RpcMethodHandler[Any, Any]:
    return grpc.unary_stream_rpc_method_handler(
        serve, request.FromString, lambda message: message.SerializeToString()
    )


# --- messages people write often ------------------------------------------------------------


def tcp_address(address: str) -> net_pb2.TcpAddress:
    """`10.0.0.1:80` as a message (IPv4)."""
    ip, _, port = address.rpartition(":")
    number = int.from_bytes(bytes(map(int, ip.split("."))), "big")
    return net_pb2.TcpAddress(ip=net_pb2.IPAddress(ipv4=number), port=int(port))


def show_address(message: net_pb2.TcpAddress) -> str:
    """The reverse of `tcp_address`."""
    return ".".join(map(str, message.ip.ipv4.to_bytes(4, "big"))) + f":{message.port}"


def endpoint(
    address: str,
    *,
    identity: str | None = None,
    h2: bool = False,
    opaque: bool = False,
    transport_port: int = 0,
    weight: int = 10_000,
    **labels: str,
) -> destination_pb2.WeightedAddr:
    """One endpoint; with an identity it is meshed."""
    message = destination_pb2.WeightedAddr(
        addr=tcp_address(address), weight=weight, metric_labels=labels
    )
    if identity is not None:
        message.tls_identity.dns_like_identity.name = identity
        message.tls_identity.server_name.name = identity
    if h2:
        message.protocol_hint.h2.SetInParent()
    if opaque:
        message.protocol_hint.opaque.SetInParent()
    if transport_port:
        message.protocol_hint.opaque_transport.inbound_port = transport_port
    return message


def add(*endpoints: destination_pb2.WeightedAddr, **labels: str) -> destination_pb2.Update:
    """An update that adds endpoints, with labels they share."""
    addresses = destination_pb2.WeightedAddrSet(addrs=endpoints, metric_labels=labels)
    return destination_pb2.Update(add=addresses)


def remove(*addresses: str) -> destination_pb2.Update:
    """An update that takes addresses away."""
    return destination_pb2.Update(
        remove=destination_pb2.AddrSet(addrs=[tcp_address(one) for one in addresses])
    )


def service_profile(name: str, *, opaque: bool = False) -> destination_pb2.DestinationProfile:
    """The profile of a Service without a ServiceProfile: `web.emojivoto.svc.cluster.local`."""
    return destination_pb2.DestinationProfile(fully_qualified_name=name, opaque_protocol=opaque)


def open_server(name: str = "all-unauthenticated") -> inbound_pb2.Server:
    """A default policy that lets everyone in."""
    return _default_server(name, inbound_pb2.Authn(unauthenticated={}))


def meshed_server(name: str = "all-authenticated") -> inbound_pb2.Server:
    """A default policy that lets in whoever has an identity."""
    permit = inbound_pb2.Authn()
    permit.meshTLS.identities.suffixes.add()
    return _default_server(name, permit)


def closed_server(name: str = "deny") -> inbound_pb2.Server:
    """A default policy that lets nobody in."""
    server = _default_server(name, inbound_pb2.Authn(unauthenticated={}))
    del server.authorizations[:]
    return server


def opaque_server(name: str = "all-unauthenticated") -> inbound_pb2.Server:
    """Everyone, and no protocol is looked for."""
    server = open_server(name)
    server.protocol.opaque.SetInParent()
    return server


def _default_server(name: str, authentication: inbound_pb2.Authn) -> inbound_pb2.Server:
    everywhere = [
        inbound_pb2.Network(net=net_pb2.IPNetwork(ip=net_pb2.IPAddress(ipv4=0), prefix_len=0)),
        inbound_pb2.Network(
            net=net_pb2.IPNetwork(ip=net_pb2.IPAddress(ipv6=net_pb2.IPv6()), prefix_len=0)
        ),
    ]
    match = http_route_pb2.HttpRouteMatch(path=http_route_pb2.PathMatch(prefix="/"))
    route = inbound_pb2.HttpRoute(
        metadata=meta_pb2.Metadata(default="default"),
        rules=[inbound_pb2.HttpRoute.Rule(matches=[match])],
    )
    detect = inbound_pb2.ProxyProtocol.Detect(
        timeout=duration_pb2.Duration(seconds=10), http_routes=[route]
    )
    return inbound_pb2.Server(
        protocol=inbound_pb2.ProxyProtocol(detect=detect),
        authorizations=[
            inbound_pb2.Authz(
                networks=everywhere,
                authentication=authentication,
                metadata=meta_pb2.Metadata(default=name),
            )
        ],
        labels={"group": "", "kind": "default", "name": name},
    )


def service_policy(
    authority: str, *, name: str = "", namespace: str = "", port: int = 80
) -> outbound_pb2.OutboundPolicy:
    """The policy of a Service without routes, as the policy controller sends it."""
    resource = meta_pb2.Resource(
        group="core", kind="Service", name=name, namespace=namespace, port=port
    )
    backend = outbound_pb2.Backend(
        metadata=meta_pb2.Metadata(resource=resource),
        queue=outbound_pb2.Queue(capacity=100, failfast_timeout=duration_pb2.Duration(seconds=3)),
    )
    backend.balancer.discovery.dst.path = authority
    backend.balancer.peak_ewma.default_rtt.FromMilliseconds(30)
    backend.balancer.peak_ewma.decay.FromSeconds(10)
    http = outbound_pb2.HttpRoute(metadata=meta_pb2.Metadata(default="http"))
    rule = http.rules.add()
    rule.matches.add().path.prefix = "/"
    rule.backends.first_available.backends.add().backend.CopyFrom(backend)
    opaque = outbound_pb2.OpaqueRoute(metadata=meta_pb2.Metadata(default="opaq"))
    opaque.rules.add().backends.first_available.backends.add().backend.CopyFrom(backend)
    policy = outbound_pb2.OutboundPolicy(metadata=meta_pb2.Metadata(resource=resource))
    detect = policy.protocol.detect
    detect.timeout.FromSeconds(10)
    detect.http1.routes.add().CopyFrom(http)
    detect.http2.routes.add().CopyFrom(http)
    detect.opaque.routes.add().CopyFrom(opaque)
    return policy
