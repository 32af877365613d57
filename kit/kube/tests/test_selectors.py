"""Label selectors mean what the API server's mean."""

import time

import pytest

from kit.kube import selectors
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
        (" ! absent , app ", True),
        ("\tapp\t=\tweb\n", True),
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


@pytest.mark.parametrize("before", [" ", "!", "a", "a=", "a in ("])
@pytest.mark.parametrize("many", [" ", "a"])
def test_nonsense_is_refused_in_time_in_proportion_to_its_length(
    monkeypatch: pytest.MonkeyPatch, before: str, many: str
) -> None:
    monkeypatch.setattr(selectors, "LONGEST", 20_000)
    started = time.process_time()
    with pytest.raises(SelectorError):
        parse_selector(before + many * 16_000 + "~")
    assert time.process_time() - started < 0.5  # it was five seconds


def test_a_selector_has_a_length() -> None:
    assert parse_selector(f"app in ({'web,' * 1020}web)").matches(WEB)
    with pytest.raises(SelectorError, match="has 5000 characters: a selector has at most 4096"):
        parse_selector("app=web," * 625)
