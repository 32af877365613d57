"""How the destination service is configured."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from kit.settings import ListenAddress, Networks, Ports, Seconds, Settings
from weft import ports
from weft.addresses import SocketAddress, parse_networks
from weft.ports import parse_port_set

DefaultPolicy = Literal[
    "all-unauthenticated",
    "all-authenticated",
    "cluster-unauthenticated",
    "cluster-authenticated",
    "deny",
    "audit",
]

CLUSTER_NETWORKS = "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8"


class DestinationSettings(Settings):
    addr: ListenAddress = SocketAddress("0.0.0.0", ports.DESTINATION)  # noqa: S104 (pod's address)
    policy_addr: ListenAddress = SocketAddress("0.0.0.0", ports.POLICY)  # noqa: S104
    validator_addr: ListenAddress = SocketAddress("0.0.0.0", ports.VALIDATOR)  # noqa: S104
    """Where the API server asks whether a policy resource is right."""
    tls_path: Path | None = None
    """A mounted Secret with tls.crt and tls.key to answer the API server with; none: it is not answered."""
    poll_interval: Seconds = Field(5.0, gt=0)
    """How soon a changed certificate is noticed after the kubelet has written it."""
    default_opaque_ports: Ports = parse_port_set(ports.DEFAULT_OPAQUE)
    """Ports without protocol detection where no annotation says otherwise."""
    default_inbound_policy: DefaultPolicy = "all-unauthenticated"
    """Who may call ports that no Server describes."""
    cluster_networks: Networks = parse_networks(CLUSTER_NETWORKS)
    """Addresses outside are the outside world; `cluster-*` policies admit only those inside."""
    probe_networks: Networks = parse_networks("0.0.0.0/0,::/0")
    """From where kubelets probe; their HTTP probe paths are open to these networks."""
    outbound_transport_mode: Literal["transparent", "transport-header"] = "transparent"
    """transport-header: clients send everything to the peer proxy's inbound port."""
    enable_h2_upgrade: bool = True
    """Carry HTTP/1 between proxies as HTTP/2."""
    enable_ipv6: bool = False
    """Prefer IPv6 endpoints where a Service has both; otherwise only IPv4 is used."""
    unready_grace: Seconds = Field(30.0, ge=0)
    """Where no endpoint of a Service is ready, those ready so long ago at most are used on, unless they are gone or
    terminating; 0: never."""
    meshed_http2_keep_alive_interval: Seconds = Field(10.0, ge=0)
    """How often clients ping an HTTP/2 connection to a proxy; 0: never."""
    meshed_http2_keep_alive_timeout: Seconds = Field(3.0, gt=0)
    """How long they wait for the answer before they give the connection up."""
    global_egress_network_namespace: str = "linkerd-egress"
    """The namespace whose EgressNetworks are for all namespaces that have none of their own."""
    allow_l5d_request_headers: bool = False
    """Let requests ask for retries and time-outs by `l5d-retry-*` and `l5d-*timeout` headers."""
