"""Which host names requests are counted under, where that is asked for. Pure.

The name comes from the request, and so from whoever wrote it: there is a bound, and addresses are none
(Linkerd's rule). The names live as long as what they are counted for.
"""

from __future__ import annotations

from proxy.stack.match import host_of
from weft.names import is_dns_name

MOST = 100
"""Names per destination; requests for more are counted without one."""


class Hostnames:
    """The names that have been counted for one destination."""

    __slots__ = ("_enabled", "_known")

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._known: set[str] = set()

    @property
    def matter(self) -> bool:
        """Whether requests of different names are told apart."""
        return self._enabled

    def of(self, authority: str | None) -> str:
        """The name to count under: lower case, without port; empty for none."""
        if not self._enabled or not authority:
            return ""
        host = host_of(authority)
        if host in self._known:
            return host
        if len(self._known) == MOST or not is_dns_name(host) or _is_address(host):
            return ""
        self._known.add(host)
        return host

    def clear(self) -> None:
        self._known.clear()

    def __repr__(self) -> str:
        return f"<Hostnames {sorted(self._known)}>"


def _is_address(host: str) -> bool:
    """No top-level domain is a number (RFC 3696)."""
    return host.rpartition(".")[2].isdigit()
