"""Labels of metrics as people write them."""

import pytest

from weft.matchers import parse_matchers


def test_pairs_in_order() -> None:
    assert parse_matchers("") == ()
    assert parse_matchers("cluster=east, region=eu=1") == (("cluster", "east"), ("region", "eu=1"))


@pytest.mark.parametrize("text", ["cluster", "=east", "cluster=", "a b=c", "1a=b", "a=1,a=2"])
def test_what_is_no_pair(text: str) -> None:
    with pytest.raises(ValueError, match="is not LABEL=VALUE"):
        parse_matchers(text)
