"""Which URLs may be set."""

import pytest

from weft.urls import parse_http_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://prometheus:9090", "http://prometheus:9090"),
        ("http://prometheus:9090/", "http://prometheus:9090"),
        ("https://[::1]:9090/a/b/", "https://[::1]:9090/a/b"),
    ],
)
def test_urls(text: str, url: str) -> None:
    assert parse_http_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prometheus:9090",
        "ftp://a",
        "http://",
        "http://a:b",
        "http://a:0",
        "http://[::1",
        "http://user:secret@a",
        "http://a?b=c",
        "http://a#b",
    ],
)
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        parse_http_url(text)
    assert "secret" not in str(caught.value)
