"""Waiting for the first bytes that tell what a connection speaks."""

from __future__ import annotations

from proxy.detect.protocol import Detection, detect
from proxy.net.first_bytes import FirstBytes


class Sniffer(FirstBytes[Detection]):
    """Decides for HTTP1, HTTP2 or OPAQUE."""

    __slots__ = ()

    def stop(self) -> bytes:
        """Decide nothing any more; every byte read so far."""
        self._timer.cancel()
        return self._buffer

    def on_data(self, data: bytes) -> None:
        self._buffer += data
        verdict = detect(self._buffer)
        if verdict is not Detection.NEED_MORE:
            self._settle(verdict)

    def _unfinished(self) -> Detection:
        return Detection.OPAQUE
