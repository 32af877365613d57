"""The `forwarded` header (RFC 7239), by which gateways know what has passed them before.

    by=<gateway's identity>;for=<client's identity>;host=<authority>;proto=https

One line for each gateway on the way, as Linkerd's write it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.codec.message import Headers

FORWARDED = "forwarded"


def has_passed(headers: Headers, identity: str) -> bool:
    """Whether the gateway of this identity has forwarded the request before."""
    name = identity.encode("ascii")
    return any(
        _by(element) == name for line in headers.get_all(FORWARDED) for element in line.split(b",")
    )


def note(headers: Headers, *, by: str, client: str, host: str) -> None:
    """Add a line after those there are."""
    headers.add(FORWARDED, f"by={by};for={client};host={host};proto=https")


def _by(element: bytes) -> bytes | None:
    """The value of `by`, whose name may be written in any case, and its value quoted."""
    for pair in element.split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name.strip().lower() == b"by":
            return value.strip().strip(b'"').lower()
    return None
