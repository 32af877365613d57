"""Which HTTP proxy leads to an address, as $HTTPS_PROXY, $HTTP_PROXY and $NO_PROXY say it to `kubectl`.

Python's own reading differs: it knows no networks in $NO_PROXY, and asks a proxy for this host itself.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from weft.numbers import whole_number

if TYPE_CHECKING:
    import urllib3


class ProxyError(ValueError):
    """A proxy that cannot be used; the message names it and what is allowed."""


def http_proxy_of(address: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The URL of the proxy that leads to an http(s) URL; None: it is reached directly.

    Raises ProxyError, and ValueError for an address that is none.
    """
    target = urlsplit(address)
    name = f"{target.scheme}_proxy"
    found = _given(environment, name)
    port = target.port or (443 if target.scheme == "https" else 80)
    if not found or _left_out(target.hostname or "", port, _given(environment, "no_proxy")):
        return None
    return check_proxy(found if "://" in found else f"http://{found}", f"${name.upper()}")


def check_proxy(url: str, source: str) -> str:
    """The URL itself. Raises ProxyError naming where it comes from."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return url
    except ValueError:
        pass
    raise ProxyError(f"{source} is {url!r}: allowed are http://host:port and https://host:port")


def pool_through(proxy: str | None, **options: Any) -> "urllib3.PoolManager":
    """Connections through a proxy, or direct ones for None. `options` are those of PoolManager."""
    import urllib3

    if proxy is None:
        return urllib3.PoolManager(**options)
    parts = urlsplit(proxy)
    headers = None
    if parts.username is not None:
        known = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=known)
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _given(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name) or ""


def _left_out(host: str, port: int, listed: str) -> bool:
    """This host itself, and what $NO_PROXY names: `*`, addresses, networks, domains with all below them (with
    a dot in front only those below); each may have a port."""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    for entry in (part.strip().lower() for part in listed.split(",")):
        if entry == "*":
            return True
        if address is not None and _network_has(entry, address):
            return True
        name, colon, digits = entry.rpartition(":")
        wanted = whole_number(digits) if colon else None
        if wanted is not None:
            if wanted != port:
                continue
            entry = name.strip("[]")
        entry = entry.removeprefix("*") if entry.startswith("*.") else entry
        if not entry:
            continue
        below = host.endswith(entry if entry.startswith(".") else f".{entry}")
        if host == entry or (address is None and below):
            return True
    return False


def _network_has(entry: str, address: Any) -> bool:
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False
