"""Names with a tag, and tags that are none, would make references that no node can pull."""

import pytest

from weft.images import is_image_name, is_image_tag


@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        ("proxy", True),
        ("registry:5000/team/app", True),
        ("app:1", False),
        ("registry:5000/app:1", False),
        ("app@sha256:00", False),
        ("app/", False),
        ("a b", False),
        ("", False),
    ],
)
def test_a_name_has_no_tag(text: str, is_name: bool) -> None:
    assert is_image_name(text) is is_name


@pytest.mark.parametrize(
    ("text", "is_tag"),
    [
        ("1.2-rc1", True),
        ("_", True),
        ("a" * 129, False),
        ("a b", False),
        ("-1", False),
        ("", False),
    ],
)
def test_a_tag_is_one_word(text: str, is_tag: bool) -> None:
    assert is_image_tag(text) is is_tag
