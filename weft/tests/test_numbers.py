"""What is a whole number, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.numbers import whole_number


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("503", 503), ("007", 7), ("9" * 18, 10**18 - 1)]
)
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1\n",
        "+1",
        "-1",
        "1.0",
        "1_0",
        "0x1",
        "one",
        "²",
        "1²",
        "١",
        "\uff11",
        "9" * 5_000,
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert whole_number(text) is None


@given(st.integers(0, 10**18 - 1))
def test_what_is_written_is_read(number: int) -> None:
    assert whole_number(str(number)) == number


@given(st.text(st.characters(categories=["Nd", "No", "Nl"])))
def test_no_digits_of_any_script_raise(text: str) -> None:
    assert (whole_number(text) is not None) == (text.isascii() and 0 < len(text) <= 18)
