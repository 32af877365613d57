from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.quantities import QuantityError, check_amount, parse_quantity, whole


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("1", "1"),
        ("100m", "0.1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("2.", "2"),
        ("128Mi", "134217728"),
        ("1Ki", "1024"),
        ("1k", "1000"),
        ("3M", "3000000"),
        ("2Gi", "2147483648"),
        ("1Ei", "1152921504606846976"),
        ("1E", "1000000000000000000"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("12e-1", "1.2"),
        ("250u", "0.00025"),
        ("5n", "0.000000005"),
        ("-1", "-1"),
        ("+4", "4"),
    ],
)
def test_quantities_are_exact(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "m", "1mi", "1 Mi", "1KI", "0x10", "1e", "1MB", "--1", "1.2.3", "1e9999", "٣"]
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(QuantityError, match="is not a quantity: allowed are"):
        parse_quantity(text)


def test_a_text_of_thousands_of_digits_is_refused_and_not_repeated() -> None:
    with pytest.raises(
        QuantityError, match=r"'9{64}'\.\.\. is not a quantity: .* 64 characters"
    ) as raised:
        parse_quantity("9" * 5000)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("text", ["0", "100m", ".5", "1e3", "64Mi"])
def test_a_container_may_ask_for_any_amount(text: str) -> None:
    assert check_amount(text) == text


@pytest.mark.parametrize("text", ["-1", "-5m", "lots"])
def test_a_container_may_not_ask_for_less_than_nothing(text: str) -> None:
    with pytest.raises(QuantityError, match=f"{text}' is not a quantity"):
        check_amount(text)


@given(st.text(max_size=8))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        parse_quantity(text)
    except QuantityError:
        return


@given(st.integers(0, 10**12), st.sampled_from(["", "m", "k", "Ki", "Mi", "G"]))
def test_whole_rounds_up_and_never_by_one_or_more(number: int, suffix: str) -> None:
    value = parse_quantity(f"{number}{suffix}")
    assert value <= whole(value) < value + 1
