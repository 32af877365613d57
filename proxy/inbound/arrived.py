"""What is known of an inbound connection once TLS is dealt with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.telemetry import labels

if TYPE_CHECKING:
    from proxy.authz.decide import Client
    from proxy.authz.store import PolicyCell
    from proxy.telemetry.registry import Labels
    from weft.addresses import SocketAddress


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is known of a connection once TLS is dealt with."""

    client: Client
    target: SocketAddress
    cell: PolicyCell
    tls: Labels
    """Whether it is mesh TLS, and whose."""

    @property
    def server(self) -> Labels:
        meta = self.cell.current.meta
        return labels.server(meta.group, meta.kind, meta.name, self.target.port)

    @property
    def labels(self) -> Labels:
        return labels.target(self.target) + self.server + self.tls
