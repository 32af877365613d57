"""What is held back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.redact import REDACTED, policy
from weft.redaction import HEADERS, PARAMETERS

POLICY = policy(HEADERS, PARAMETERS)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/vote?for=doughnut", "/vote?for=doughnut"),
        ("/login?token=abc", "/login?token=REDACTED"),
        ("/login?a=1&TOKEN=abc&b=2", "/login?a=1&TOKEN=REDACTED&b=2"),
        ("/login?a=1;password=x;b", "/login?a=1;password=REDACTED;b"),
        ("/login?%74oken=abc", "/login?%74oken=REDACTED"),
        ("/login?token=a=b", "/login?token=REDACTED"),
        ("/token=abc", "/token=abc"),
        ("/x?token", "/x?token"),
        ("/x?", "/x?"),
    ],
)
def test_paths(path: str, shown: str) -> None:
    assert POLICY.path(path) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/reset/abc?then=/", "/reset/REDACTED"),
        ("/%72eset/abc", "/reset/REDACTED"),
        ("/reset/", "/reset/"),
        ("/reset", "/reset"),
        ("/reset/by-mail/a@b", "/reset/by-mail/REDACTED"),
        ("/other?token=1", "/other?token=REDACTED"),
    ],
)
def test_what_follows_a_secret_path(path: str, shown: str) -> None:
    assert policy([], PARAMETERS, ["/reset/", "/reset/by-mail/"]).path(path) == shown


def test_headers() -> None:
    assert POLICY.hides("Authorization")
    assert POLICY.hides("set-cookie")
    assert not POLICY.hides("content-type")


def test_an_empty_policy_hides_nothing() -> None:
    nothing = policy([], [])
    assert nothing.path("/x?token=1") == "/x?token=1"
    assert not nothing.hides("authorization")


@given(st.text("ab=&;?%74token", max_size=40), st.text("xyz", min_size=8, max_size=8))
def test_a_secret_never_gets_through(around: str, secret: str) -> None:
    shown = POLICY.path(f"/p?{around}&token={secret}")
    assert secret not in shown.rpartition("&")[2] or REDACTED in shown
    assert POLICY.path(shown) == shown
