from __future__ import annotations

import pytest

from weft.patterns import PatternError, compile_pattern


def test_what_is_one_is_compiled() -> None:
    assert compile_pattern(r"/v[0-9]+/.*").fullmatch("/v12/books")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("a{99999999999}", "a number of repetitions is too large"),
        ("(" * 5_000 + ")" * 5_000, "its groups are nested too deep"),
    ],
)
def test_what_is_none_is_said_to_be_none(text: str, why: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(text)
    assert str(caught.value) == why
