"""What a proxy says of its pod."""

import pytest

from proxy.telemetry.resource import attributes


def test_where_attributes_come_from_and_which_wins() -> None:
    assert attributes(None, "", "", "") == (("service.name", "linkerd-proxy"),)
    assert dict(
        attributes(
            "voting",
            'app="voting"\na="file"\nb="file"\nc="file"\n',
            "b=extra\n\nc=extra\n",
            "c=standard, d=a%20b",
        )
    ) == {
        "service.name": "voting",
        "app": "voting",
        "a": "file",
        "b": "extra",
        "c": "standard",
        "d": "a b",
    }
    assert dict(attributes("voting", "", "", "service.name=other"))["service.name"] == "other"


def test_what_is_no_attribute_is_named() -> None:
    with pytest.raises(ValueError, match="'nonsense' is not KEY=VALUE"):
        attributes(None, "", "a=b\nnonsense", "")
