"""Which requests are handed on with the reader's credentials."""

import pytest

from cli.dashboard.guard import is_loopback, refuse

PAGE = {"host": "localhost:50750"}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", PAGE),
        ("HEAD", "/assets/a.js", {"host": "127.0.0.1:50750"}),
        ("GET", "/", {"host": "[::1]:50750"}),
        ("GET", "/", {"host": "LOCALHOST"}),
        ("POST", "/api/v1/stat", {**PAGE, "origin": "http://localhost:50750"}),
        ("POST", "/api/v1/edges?x", PAGE),
        ("POST", "/api/v1/tap/namespaces/emojivoto", {**PAGE, "origin": "http://localhost:50750"}),
        ("POST", "/api/v1/tap/namespaces/emojivoto/deployments/vote-bot", PAGE),
        ("GET", "/", {**PAGE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}),
        ("GET", "/x", {**PAGE, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}),
    ],
)
def test_what_the_dashboard_uses(method: str, path: str, headers: dict[str, str]) -> None:
    assert refuse(method, path, headers) is None


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "said"),
    [
        ("GET", "/", {}, 400, "Host ''"),
        ("GET", "/", {"host": "evil.example:50750"}, 400, "Host 'evil.example:50750'"),
        ("GET", "/", {"host": "localhost.evil.example"}, 400, "Host"),
        ("GET", "/", {"host": "10.0.0.1"}, 400, "Host"),
        ("GET", "/", {**PAGE, "origin": "http://evil.example"}, 403, "Origin"),
        ("GET", "/", {**PAGE, "origin": "http://localhost:3000"}, 403, "Origin"),
        ("GET", "/", {**PAGE, "origin": "null"}, 403, "Origin"),
        ("GET", "/x", {**PAGE, "sec-fetch-site": "cross-site"}, 403, "another site"),
        ("GET", "/x", {**PAGE, "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, 403, "another"),
        ("POST", "/api/v1/pages/namespaces", PAGE, 405, "only reads"),
        ("POST", "/api/v1/tap/namespaces/emojivoto", {**PAGE, "origin": "http://evil.example"}, 403, "Origin"),
        ("POST", "/api/v1/tap/namespaces/emojivoto/deployments/web/", PAGE, 405, "only reads"),
        ("POST", "/api/v1/tap/namespaces/../secrets/x", PAGE, 405, "only reads"),
        ("POST", "/api/v1/tap/namespaces/a%2f..%2fb", PAGE, 405, "only reads"),
        ("DELETE", "/", PAGE, 405, "only reads"),
        ("GET", "/../../pods", PAGE, 400, "not a path"),
        ("GET", "/%2E%2e/secrets", PAGE, 400, "not a path"),
        ("GET", "/a\\..\\b", PAGE, 400, "not a path"),
        ("GET", "http://localhost/", PAGE, 400, "not a path"),
    ],
)  # fmt: skip
def test_what_is_not_handed_on(
    method: str, path: str, headers: dict[str, str], status: int, said: str
) -> None:
    refusal = refuse(method, path, headers)
    assert refusal is not None
    assert refusal.status == status
    assert said in refusal.why


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_loopback(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize("name", ["", "0.0.0.0", "::", "192.168.1.1", "example.org", "127.1"])
def test_not_loopback(name: str) -> None:
    assert not is_loopback(name)
