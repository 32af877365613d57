"""Filters as levels of loggers."""

import logging

import pytest

from weft.log_filter import FilterError, check, level_of, parse_filter


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("warn", {"": logging.WARNING}),
        ("warn,linkerd=info,hickory=error", {"": 30, "proxy": 20, "hickory": 40}),
        ("info,[{headers}]=off,[{request}]=off", {"": 20}),
        ("proxy.inbound=DEBUG", {"proxy.inbound": 10}),
        ("linkerd_app_inbound=trace", {"proxy": 10}),
        ("hyper::proto=off", {"hyper.proto": logging.CRITICAL + 10}),
        ("proxy", {"proxy": 10}),
    ],
)
def test_log_filters(text: str, levels: dict[str, int]) -> None:
    assert parse_filter(text) == levels


@pytest.mark.parametrize("text", ["", ",", "proxy=loud", "a b=info", "=x", "9lives=info"])
def test_what_is_no_log_filter(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


@pytest.mark.parametrize("text", ["dbug", "warn,linkerd=inf", "error;warn"])
def test_a_misspelt_level_is_named_with_what_is_allowed(text: str) -> None:
    with pytest.raises(
        FilterError, match="allowed are LEVEL and TARGET=LEVEL, with a level of off, error"
    ):
        check(text)


def test_the_closest_directive_counts() -> None:
    levels = parse_filter("warn,proxy.inbound=debug")
    assert level_of(levels, "proxy.inbound.accept") == logging.DEBUG
    assert level_of(levels, "proxy.outbound") == logging.WARNING
    assert level_of({}, "proxy") == logging.ERROR
