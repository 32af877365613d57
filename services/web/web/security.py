"""What every answer carries, errors included, and which names this service answers to.

A page that any website could show in a frame, or reach by pointing a name of its own at a loopback
address, would let that website read a cluster's traffic. So nothing may frame us, nothing is loaded
from elsewhere, and a request under a name that is not ours is refused, as is one that another site's
page makes in a browser.

An address is nobody's name: a Host header that is an IP address cannot come from a name that was
pointed at us, and it is how the API server's proxy calls a pod. So addresses are always answered.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weft.names import WEB_COMPONENT

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """The outermost layer. `hosts` are names without ports, beside addresses; None: every name."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None = None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refuse(HTTPConnection(scope).headers)
        if refused is not None:
            await refused(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _refuse(self, headers: Headers) -> JSONResponse | None:
        host = hostname(headers.get("host", ""))
        if self._hosts is not None and host not in self._hosts and not is_address(host):
            return _refusal(
                400, f"Host {host!r} is not a name of this service: {_listed(self._hosts)}"
            )
        why = foreign(headers)
        return None if why is None else _refusal(403, why)


def foreign(headers: Headers) -> str | None:
    """Why this is another site's request, or None when it is not.

    Programs send neither header. A browser says where the page came from that asks; opening a link
    from elsewhere is fine, a script of elsewhere is not. Behind a proxy on the reader's own host, the
    page's origin is that host, whatever name the request has when it gets here.
    """
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
    if site not in ("none", "same-origin") and mode != "navigate":
        return f"a page of another site may not ask this (Sec-Fetch-Site: {site})"
    origin = headers.get("origin")
    if origin is None:
        return None
    try:
        netloc = urlsplit(origin).netloc.lower()
    except ValueError:  # such as a bracket without its other half
        netloc = ""
    if netloc and (netloc == headers.get("host", "").lower() or is_loopback(hostname(netloc))):
        return None
    return f"Origin {origin!r} is not this service"


def names_of(namespace: str, cluster_domain: str, more: Iterable[str] = ()) -> frozenset[str]:
    """The names this service is reached by, and `more` that the installation adds."""
    service = f"{WEB_COMPONENT}.{namespace}"
    return frozenset(
        ("localhost", WEB_COMPONENT, service, f"{service}.svc", f"{service}.svc.{cluster_domain}")
    ).union(more)


def is_address(host: str) -> bool:
    """Whether a Host header's name is an IP address; IPv6 stands in brackets."""
    return _address(host) is not None


def is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        found = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    return found if (found.version == 6) is bracketed else None


def _refusal(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status_code=status)


def hostname(header: str) -> str:
    """A Host header without its port, in lower case; brackets of IPv6 stay."""
    host, colon, port = header.rpartition(":")
    return (host if colon and port.isdigit() else header).lower()


def _listed(hosts: frozenset[str]) -> str:
    return "allowed are " + ", ".join(sorted(hosts))
