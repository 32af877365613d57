"""Where redirects lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.stack.filters import Redirect
from proxy.stack.match import ExactPath, GrpcMatch, HttpMatch, Match, PrefixPath
from proxy.stack.redirect import location

ANY = HttpMatch(PrefixPath("/"))


def moved(
    redirect: Redirect,
    authority: str = "shop:8080",
    path: str = "/a/b?c=d",
    match: Match = ANY,
    scheme: str = "http",
) -> str:
    return location(redirect, scheme, authority, path, match)


@pytest.mark.parametrize(
    ("redirect", "authority", "where"),
    [
        (Redirect(), "shop", "http://shop/a/b?c=d"),
        (Redirect(), "shop:80", "http://shop/a/b?c=d"),
        (Redirect(), "[fd00::1]:8080", "http://[fd00::1]:8080/a/b?c=d"),
        (Redirect(), "[fd00::1]", "http://[fd00::1]/a/b?c=d"),
        (Redirect(scheme="https"), "shop:8080", "https://shop/a/b?c=d"),
        (Redirect(scheme="http"), "shop:8080", "http://shop:8080/a/b?c=d"),
        (Redirect(scheme="https", port=8443), "shop", "https://shop:8443/a/b?c=d"),
        (Redirect(scheme="https", port=443), "shop", "https://shop/a/b?c=d"),
        (Redirect(host="other"), "shop:8080", "http://other:8080/a/b?c=d"),
        (Redirect(path="/"), "shop", "http://shop/?c=d"),
    ],
)
def test_what_is_not_named_stays(redirect: Redirect, authority: str, where: str) -> None:
    assert moved(redirect, authority) == where


@pytest.mark.parametrize(
    ("matched", "prefix", "path", "becomes"),
    [
        ("/foo", "/xyz", "/foo/bar", "/xyz/bar"),
        ("/foo", "/xyz/", "/foo/bar", "/xyz/bar"),
        ("/foo/", "/xyz", "/foo/bar", "/xyz/bar"),
        ("/foo", "/xyz", "/foo", "/xyz"),
        ("/foo", "/xyz", "/foo/", "/xyz"),
        ("/foo", "/", "/foo", "/"),
        ("/foo", "/", "/foo/bar", "/bar"),
        ("/", "/xyz", "/foo", "/xyz/foo"),
    ],
)
def test_prefixes_as_the_gateway_api_tells(
    matched: str, prefix: str, path: str, becomes: str
) -> None:
    where = moved(Redirect(prefix=prefix), "h", path, HttpMatch(PrefixPath(matched)))
    assert where == f"http://h{becomes}"


@pytest.mark.parametrize("match", [HttpMatch(), HttpMatch(ExactPath("/a/b")), GrpcMatch("s")])
def test_without_a_prefix_there_is_nothing_to_replace(match: Match) -> None:
    with pytest.raises(ValueError, match="no prefix"):
        moved(Redirect(prefix="/x"), match=match)


@given(st.from_regex(r"/[a-z/]{0,20}(\?[a-z=&]{0,20})?", fullmatch=True))
def test_a_redirect_that_names_nothing_leads_to_the_same_place(path: str) -> None:
    assert moved(Redirect(), "h:8080", path) == f"http://h:8080{path}"
