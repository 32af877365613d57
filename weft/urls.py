"""URLs that people set."""

from __future__ import annotations

from urllib.parse import urlsplit


def parse_http_url(text: str) -> str:
    """An address such as `http://prometheus.monitoring:9090/prefix`, without a slash at its end.

    Raises ValueError for another scheme, and for user names, passwords, queries and fragments.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"{text!r} is not a URL: the form is http://HOST[:PORT][/PATH], or https")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a URL here has no user name, password, query or fragment")
    return text.rstrip("/")
