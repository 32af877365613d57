"""What the proxy finds out for the kubelet, whose `tcpSocket` probes it answers itself.

It takes every connection to the pod, and does so before the application listens and after it has ceased to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy_injector.pod import container_ports, mapping_at, port_of, probes
from weft.ports import PortSet

PERIOD_SECONDS = 10
"""Kubernetes' own default."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Ports on which the application listens when the pod is ready."""

    ports: tuple[int, ...] = ()
    period_seconds: int = PERIOD_SECONDS
    """How often the most impatient of their probes asks."""


def listening(spec: Mapping[str, Any], among: PortSet) -> Listening:
    """By the `tcpSocket` probes that say whether containers are ready, or have started. Left out are those of
    another host and of ports that are not `among` those the proxy is told of. Raises MalformedObject."""
    named = {name: number for name, number, _ in container_ports(spec) if name}
    ports: set[int] = set()
    periods = {PERIOD_SECONDS}
    for probe in probes(spec, "readinessProbe", "startupProbe"):
        handler = mapping_at(probe, "tcpSocket", "probe")
        asked = {port for port in port_of(handler, named) if port in among}
        if not asked or handler.get("host"):
            continue
        ports |= asked
        period = probe.get("periodSeconds")
        if isinstance(period, int) and period > 0:
            periods.add(period)
    return Listening(tuple(sorted(ports)), min(periods))
