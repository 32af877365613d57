"""What is wrong says where."""

import re
from typing import Any

import pytest

from destination.policy.fields import FieldError, Unsupported, choice, each, field, texts


def number(one: Any) -> int:
    return int(one["n"])


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        ({"a": [{"n": 1}, {"n": "x"}]}, "spec.a[1]: invalid literal for int"),
        ({"a": [{}]}, "spec.a[0].n: it is missing"),
        ({"a": ["x"]}, "spec.a[0]: 'x' is not an object"),
        ({"a": [{"n": []}]}, "spec.a[0]: int() argument"),
    ],
)
def test_an_item_that_cannot_be_read_bears_its_path(owner: Any, said: str) -> None:
    with (
        pytest.raises(FieldError, match=re.escape(said)),
        field("spec"),
    ):
        each(owner, "a", number)


def test_what_can_be_read_is() -> None:
    assert each({"a": [{"n": 1}, {"n": 2}]}, "a", number) == (1, 2)
    assert texts({"a": ["1"]}, "a", int) == (1,)
    assert each({}, "a", number) == ()


def test_a_choice_names_what_is_allowed() -> None:
    assert choice({}, "color", "red", ("red", "blue")) == "red"
    with pytest.raises(FieldError, match=r"color: 'pink' is not one of red, blue"):
        choice({"color": "pink"}, "color", "red", ("red", "blue"))


def test_what_only_we_cannot_do_stays_so_on_its_way_up() -> None:
    with pytest.raises(FieldError) as found, field("spec"), field("rules[0]"):
        raise Unsupported("no mirrors")
    assert (str(found.value), found.value.unsupported) == ("spec.rules[0]: no mirrors", True)
    with pytest.raises(FieldError) as wrong, field("spec"):
        raise ValueError("no")
    assert not wrong.value.unsupported
