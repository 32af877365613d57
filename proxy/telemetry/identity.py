"""When the certificate was refreshed, when it ends, and how often refreshing went well or ill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.metrics import (
    CONTROL_IDENTITY_CERT_EXPIRATION,
    CONTROL_IDENTITY_CERT_REFRESH,
    CONTROL_IDENTITY_CERT_REFRESHES_TOTAL,
)

if TYPE_CHECKING:
    from proxy.telemetry.registry import Registry


class IdentityMetrics:
    def __init__(self, registry: Registry) -> None:
        refreshes = registry.counter(CONTROL_IDENTITY_CERT_REFRESHES_TOTAL)
        self._ok = refreshes.child((("result", "ok"),))
        self._err = refreshes.child((("result", "err"),))
        self._expiration = registry.gauge(CONTROL_IDENTITY_CERT_EXPIRATION).child()
        self._refresh = registry.gauge(CONTROL_IDENTITY_CERT_REFRESH).child()

    def refreshed(self, at: float, expires_at: float) -> None:
        """Both in seconds since the epoch."""
        self._ok.value += 1
        self._refresh.value = at
        self._expiration.value = expires_at

    def failed(self) -> None:
        self._err.value += 1
