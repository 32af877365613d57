"""Label selectors mean what the API server's mean."""

import pytest

from kit.kube.selectors import SelectorError, parse_selector

WEB = {"app": "web", "tier": "front", "example.com/team": "a"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("  ", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app=api", False),
        ("app!=web", False),
        ("app!=api", True),
        ("absent!=x", True),
        ("app", True),
        ("absent", False),
        ("!absent", True),
        ("! app", False),
        ("tier in (front,back)", True),
        ("tier in (front, back)", True),
        ("tier in (back)", False),
        ("tier notin (back)", True),
        ("tier notin (front)", False),
        ("absent notin (front)", True),
        ("absent in ()", False),
        ("example.com/team=a", True),
        ("app=web,tier in (front,back),!absent", True),
        ("app=web,tier in (back,side)", False),
        ("absent=", False),
    ],
)
def test_meaning(text: str, matches: bool) -> None:
    assert parse_selector(text).matches(WEB) is matches


@pytest.mark.parametrize(
    "text",
    [
        "=web",
        "app=web=x",
        "app=a b",
        "app in web",
        "app in (a",
        "app in (a b)",
        "a,,b",
        ",",
        "-a",
        "a>1",
    ],
)
def test_what_is_not_a_selector_is_named(text: str) -> None:
    with pytest.raises(SelectorError, match=r"is not a label requirement: allowed are key=value"):
        parse_selector(text)
