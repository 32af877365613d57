"""Which answers are failures: Linkerd's rules, the same for the proxy that counts them and for whoever
reads what it counted.
"""

from __future__ import annotations

GRPC_FAILURES = frozenset({2, 4, 7, 13, 14, 15})
"""UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, INTERNAL, UNAVAILABLE, DATA_LOSS."""


def is_success(status: int, grpc: int | None) -> bool:
    """A gRPC response is judged by its code, any other by its HTTP status; 0 is no response."""
    if grpc is not None:
        return grpc not in GRPC_FAILURES
    return 0 < status < 500
