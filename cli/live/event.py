"""Readers of one event, as `weft.tap.v1.Event` writes it in JSON."""

from collections.abc import Mapping
from typing import Any

Event = Mapping[str, Any]

GRPC_NAMES = (
    "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
    "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
    "Internal", "Unavailable", "DataLoss", "Unauthenticated",
)  # fmt: skip


def is_outbound(event: Event) -> bool:
    return event.get("direction") == "OUTBOUND"


def is_inbound(event: Event) -> bool:
    return event.get("direction") == "INBOUND"


def peer(event: Event, side: str) -> Mapping[str, Any]:
    """`source` or `destination`."""
    found = event.get(side)
    return found if isinstance(found, Mapping) else {}


def labels(event: Event, side: str) -> dict[str, str]:
    return dict(peer(event, side).get("labels") or {})


def address(event: Event, side: str) -> str:
    """`10.0.0.1:80`, or `[fd00::1]:80`."""
    found = peer(event, side)
    ip, port = str(found.get("ip") or "?"), found.get("port") or 0
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def tls(event: Event) -> str:
    """What the proxy that saw it knows of the other side's identity."""
    far = "destination" if is_outbound(event) else "source"
    return labels(event, far).get("tls", "")


def microseconds(duration: object) -> int:
    """Of a duration as protobuf's JSON writes it: `1.500s`."""
    text = str(duration or "0s").removesuffix("s")
    try:
        return round(float(text) * 1_000_000)
    except ValueError:
        return 0


def grpc_name(code: object) -> str:
    """As Go prints it."""
    if isinstance(code, int) and 0 <= code < len(GRPC_NAMES):
        return GRPC_NAMES[code]
    return f"Code({code})"


def printable(text: object) -> str:
    """Text from a request, unable to move the cursor, change colours or begin a line."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))
