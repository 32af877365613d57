"""What every answer carries, errors included, and which names this service answers to.

A page that any website could show in a frame, or reach by pointing a name of its own at a loopback
address, would let that website read a cluster's traffic. So nothing may frame us, nothing is loaded
from elsewhere, and a request under a name that is not ours is refused.
"""

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
    """The outermost layer. `hosts` are names without ports; None answers to every name."""

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

        host = hostname(HTTPConnection(scope).headers.get("host", ""))
        if self._hosts is not None and host not in self._hosts:
            refusal = JSONResponse(
                {"error": f"Host {host!r} is not a name of this service: {_listed(self._hosts)}"},
                status_code=400,
            )
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def hostname(header: str) -> str:
    """A Host header without its port, in lower case; brackets of IPv6 stay."""
    host, colon, port = header.rpartition(":")
    return (host if colon and port.isdigit() else header).lower()


def _listed(hosts: frozenset[str]) -> str:
    return "allowed are " + ", ".join(sorted(hosts))
