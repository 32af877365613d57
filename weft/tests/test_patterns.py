from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.patterns import Pattern, PatternError

ATOMS = st.sampled_from(["a", "b", "/", ".", "[^/]", "[a-c]", r"\.", r"\d", "é"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,2}"])).map(
            lambda p: f"(?:{p[0]}){p[1]}"
        ),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}|{p[1]})"),
    ),
    max_leaves=8,
)


@given(PATTERNS, st.text("ab/.1é", max_size=8))
def test_it_matches_what_other_kinds_match(pattern: str, text: str) -> None:
    assert Pattern(pattern).matches(text) == bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/v[0-9]+/.*", "/v12/books", True),
        ("/books", "/books/1", False),
        ("books", "/books", False),
        ("(?i)/Books", "/bOOKS", True),
        ("/a|/b", "/b", True),
        ("", "", True),
        ("", "/", False),
    ],
)
def test_all_of_a_text_has_to_match(pattern: str, text: str, matches: bool) -> None:
    assert Pattern(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("(/[a-z]+)*/edit", "/a" * 30_000, False),
        ("(a|aa)+", "a" * 60_000 + "b", False),
        ("(.*a){100}", "a" * 60_000, True),
        (".*a.{500}b.*", "ab" * 30_000, True),
    ],
)
def test_no_text_takes_for_ever(pattern: str, text: str, matches: bool) -> None:
    """Trying what might match one after the other would not end before the sun does."""
    assert Pattern(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "missing ): ("),
        ("a{1001}", "invalid repetition size: {1001}"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        ("a(?=b)", "invalid perl operator: (?="),
        (r"\pN{1000}\pL{1000}", "pattern too large - compile failed"),
        ("\ud800", "it is not Unicode text"),
    ],
)
def test_what_is_none_is_said_to_be_none(text: str, why: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern(text)
    assert str(caught.value) == why


@given(st.text())
def test_any_text_is_a_pattern_or_none(text: str) -> None:
    try:
        Pattern(text).matches("/")
    except PatternError as error:
        assert str(error)  # noqa: PT017


def test_patterns_are_as_equal_as_their_texts() -> None:
    assert len({Pattern("a"), Pattern("a"), Pattern("b")}) == 2
