"""Which requests are handed on with the reader's credentials.

Whatever runs in the reader's browser can reach a loopback address. A site may point a name of its own
at it (DNS rebinding), so only names of loopback are answered. Its pages may send requests here
directly, so what a browser says is another site's is refused. Only what the dashboard itself uses is
handed on: reading, and the questions that are asked with a body.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cli.dashboard.watching import api_path

READING = ("GET", "HEAD")
QUESTIONS = ("/api/v1/stat", "/api/v1/edges")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer, errors included."""


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    why: str


def refuse(method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
    """Why a request is not handed on, or None when it is. Header names are in lower case."""
    host = headers.get("host", "")
    if not is_loopback(_name(host)):
        return Refusal(400, f"Host {host!r} is not this host: allowed are localhost and loopback")
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
    if site not in ("none", "same-origin") and mode != "navigate":
        return Refusal(403, f"a page of another site may not ask this (Sec-Fetch-Site: {site})")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return Refusal(403, f"Origin {origin!r} is not this dashboard")
    if method not in READING and not (method == "POST" and _is_question(path)):
        return Refusal(405, f"{method} is not handed on: the dashboard only reads")
    if not path.startswith("/") or "/.." in path or "%2e" in path.lower() or "\\" in path:
        return Refusal(400, f"{path!r} is not a path of the dashboard")
    return None


def is_loopback(name: str) -> bool:
    """`localhost`, or an address that only this host can reach; IPv6 may stand in brackets."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_question(path: str) -> bool:
    return path.partition("?")[0] in QUESTIONS or api_path(path) is not None


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
