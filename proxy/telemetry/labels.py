"""The label groups Linkerd's metrics are made of. All are plain tuples, joined with `+`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.telemetry.registry import Labels
    from weft.addresses import SocketAddress

INBOUND: Labels = (("direction", "inbound"),)
OUTBOUND: Labels = (("direction", "outbound"),)
SRC: Labels = (("peer", "src"),)
DST: Labels = (("peer", "dst"),)

TLS_DISABLED: Labels = (("tls", "disabled"),)
TLS_OPAQUE = "opaque"

# Why a connection has no mesh TLS.
LOOPBACK = "loopback"
NO_TLS_FROM_REMOTE = "no_tls_from_remote"
PORT_SKIPPED = "port_skipped"
NOT_PROVIDED = "not_provided_by_service_discovery"
INGRESS_WITHOUT_OVERRIDE = "ingress_without_override"


def target(address: SocketAddress) -> Labels:
    """Where the connection was going: address, IP and port."""
    return (
        ("target_addr", str(address)),
        ("target_ip", address.ip),
        ("target_port", str(address.port)),
    )


def server_tls(client_identity: str | None, *, tls: bool, reason: str) -> Labels:
    """Connections accepted: `tls` with the client's identity (empty for TLS without one)."""
    if tls:
        return (("tls", "true"), ("client_id", client_identity or ""))
    return (("tls", "no_identity"), ("no_tls_reason", reason))


def client_tls(server_identity: str | None, reason: str) -> Labels:
    """Connections made: `tls` with the identity the server had to prove."""
    if server_identity is not None:
        return (("tls", "true"), ("server_id", server_identity))
    return (("tls", "no_identity"), ("no_tls_reason", reason))


def passthrough_tls(sni: str) -> Labels:
    """TLS that is not the mesh's and passes through untouched."""
    return (("tls", TLS_OPAQUE), ("sni", sni))


def server(group: str, kind: str, name: str, port: int) -> Labels:
    """The policy a port is under."""
    return (
        ("srv_group", group),
        ("srv_kind", kind),
        ("srv_name", name),
        ("srv_port", str(port)),
    )
