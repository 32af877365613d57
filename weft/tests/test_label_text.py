"""Keys and values of labels."""

import pytest

from weft.label_text import is_label_key, is_label_value


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("team", True),
        ("Team_1.a-b", True),
        ("example.com/team", True),
        ("x" * 63, True),
        ("x" * 64, False),
        ("", False),
        ("/team", False),
        ("example.com/", False),
        ("Example.com/team", False),
        ("a/b/c", False),
        ("-team", False),
        ("the team", False),
        ("team\n", False),
    ],
)
def test_keys(text: str, fits: bool) -> None:
    assert is_label_key(text) is fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("ssd", True),
        ("v1.2_rc-3", True),
        ("x" * 63, True),
        ("x" * 64, False),
        ("a/b", False),
        ("a b", False),
        ("a.", False),
        ("a\n", False),
    ],
)
def test_values(text: str, fits: bool) -> None:
    assert is_label_value(text) is fits
