"""What can be sent stays as it is; what cannot is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.texts import encodable


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", ""), ("zwölf 🗳", "zwölf 🗳"), ("a\ud800b", r"a\ud800b"), ("\udfff", r"\udfff")],
)
def test_only_halves_of_pairs_are_spelled_out(text: str, shown: str) -> None:
    assert encodable(text) == shown


@given(st.text(st.characters()))
def test_whatever_it_is_it_can_be_sent(text: str) -> None:
    assert encodable(text).encode().decode() == encodable(text)
