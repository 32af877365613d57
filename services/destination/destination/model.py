"""What destination knows of the cluster: small frozen values with only the fields that matter.

Two objects that differ only in fields not kept here are equal, so their updates stop at the index.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kit.kube.objects import Key
from weft.addresses import SocketAddress
from weft.ports import ADMIN, CONTROL, INBOUND, PortSet

NO_PORTS = PortSet()


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A declared port. `name` is also the name of the port in the Service's EndpointSlices."""

    name: str
    port: int
    app_protocol: str = ""


@dataclass(frozen=True)
class Service:
    """A Service. `cluster_ips` is empty for headless ones."""

    key: Key
    cluster_ips: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    external_name: bool = False
    local_traffic: bool = False
    """internalTrafficPolicy: Local."""
    opaque_ports: PortSet | None = None
    """None when the annotation is absent, and the default list applies."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Those that shape traffic: retry.*, timeout.*, balancer.*."""

    def port(self, number: int) -> ServicePort | None:
        return next((one for one in self.ports if one.port == number), None)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a mirrored Service's slices say of the other cluster."""

    service: str = ""
    """The Service's name there, as DNS knows it; empty: the same as here."""
    gateway: str = ""
    """The identity of the gateway that leads to it; empty: there is none to prove."""


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """One address of a slice. `pod` is set when the slice says which pod it is."""

    ip: str
    ready: bool = True
    terminating: bool = False
    hostname: str = ""
    node: str = ""
    zone: str = ""
    pod: Key | None = None
    external_workload: Key | None = None
    """Set when the slice says which one it is."""
    elsewhere: Elsewhere | None = None
    """Set when it is not in this cluster but leads to another."""
    hint_zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """An EndpointSlice: every endpoint has every port."""

    key: Key
    service: Key
    ipv6: bool = False
    ports: tuple[tuple[str, int], ...] = ()
    endpoints: tuple[SliceEndpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """An HTTP probe of the kubelet."""

    port: int
    path: str


@dataclass(frozen=True, slots=True)
class ProxyPorts:
    """Where a pod's proxy listens."""

    inbound: int
    admin: int
    control: int


@dataclass(frozen=True)
class Workload:
    """What has addresses and a proxy of its own: a pod, or an ExternalWorkload."""

    key: Key
    ips: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: tuple[str, str] | None = None
    """(kind in lower case, name) of what a person would name."""
    ports: tuple[tuple[str, int], ...] = ()
    """Named TCP ports; a name may stand for several numbers."""
    opaque_ports: PortSet | None = None
    skip_inbound_ports: PortSet = NO_PORTS
    require_identity_ports: PortSet = NO_PORTS
    default_policy: str = ""
    probes: tuple[Probe, ...] = ()
    proxy: ProxyPorts = ProxyPorts(INBOUND, ADMIN, CONTROL)

    def numbers(self, port: int | str) -> tuple[int, ...]:
        """The ports that a number or a name stands for."""
        if isinstance(port, int):
            return (port,)
        return tuple(number for name, number in self.ports if name == port)


@dataclass(frozen=True)
class Pod(Workload):
    """A pod that is not over."""

    host_ips: tuple[str, ...] = ()
    host_network: bool = False
    terminating: bool = False
    """On its way out; its address may be another pod's before it is gone."""
    node: str = ""
    service_account: str = "default"
    control_plane_ns: str = ""
    """Which mesh's proxy it carries; empty when unmeshed."""
    host_ports: tuple[tuple[int, int], ...] = ()
    """(host port, container port)."""


@dataclass(frozen=True, slots=True)
class WorkloadPort:
    """A port that an ExternalWorkload declares. An empty name is none."""

    name: str
    port: int
    protocol: str = "TCP"


@dataclass(frozen=True)
class ExternalWorkload(Workload):
    """A machine outside Kubernetes that belongs to the mesh."""

    uid: str = ""
    identity: str = ""
    """A DNS name or a SPIFFE identity, as its certificate has it."""
    server_name: str = ""
    """The SNI it answers to."""
    declared: tuple[WorkloadPort, ...] = ()
    """All ports; Services reach no others."""
    ready: bool = False
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Namespace:
    """What a namespace says for those of its workloads that no webhook has seen."""

    name: str
    default_policy: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A node, of which only the place matters."""

    name: str
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, as its context token says; empty fields are unknown."""

    namespace: str = ""
    node: str = ""
    pod: str = ""


@dataclass(frozen=True)
class Endpoint:
    """Where to send, and what to expect there."""

    address: SocketAddress
    labels: tuple[tuple[str, str], ...] = ()
    identity: str = ""
    """The DNS name or SPIFFE identity its certificate must carry; empty: plaintext."""
    server_name: str = ""
    """The SNI to send; empty: the identity."""
    meshed: bool = False
    h2: bool = False
    """Its proxy accepts HTTP/1 carried as HTTP/2."""
    opaque: bool = False
    opaque_transport: int = 0
    """The proxy port that takes opaque bytes behind a transport header; 0: none."""
    authority: str = ""
    """What the service is called there, NAME:PORT; empty: as the client calls it."""
    pod: Key | None = None
    external_workload: Key | None = None
    node: str = ""
    zone: str = ""
    hint_zones: tuple[str, ...] = ()
