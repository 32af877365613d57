"""Calls to the control plane: how many, how they ended, how long they took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from weft.metrics import (
    CONTROL_REQUEST_TOTAL,
    CONTROL_RESPONSE_LATENCY_MS,
    CONTROL_RESPONSE_TOTAL,
)

if TYPE_CHECKING:
    from proxy.telemetry.registry import Labels, Registry


class Status(Protocol):
    @property
    def code(self) -> int: ...


class ControlMetrics:
    """The calls to one service; `addr` as the settings give it, and who it proved to be."""

    def __init__(self, registry: Registry, addr: str, server_id: str | None) -> None:
        tls: Labels = (
            (("tls", "true"), ("server_id", server_id))
            if server_id is not None
            else (("tls", "no_identity"), ("no_tls_reason", "loopback"))
        )
        self._labels: Labels = (("addr", addr), *tls)
        self._requests = registry.counter(CONTROL_REQUEST_TOTAL).child(self._labels)
        self._latency = registry.histogram(CONTROL_RESPONSE_LATENCY_MS).child(self._labels)
        self._responses = registry.counter(CONTROL_RESPONSE_TOTAL)

    def began(self) -> None:
        self._requests.value += 1

    def ended(self, status: Status, seconds: float) -> None:
        code = int(status.code)
        outcome: Labels = (
            ("classification", "success" if code == 0 else "failure"),
            ("grpc_status", str(code)),
        )
        self._responses.child(self._labels + outcome).value += 1
        self._latency.observe(seconds * 1000.0)
