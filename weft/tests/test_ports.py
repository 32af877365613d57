import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.ports import (
    DEFAULT_OPAQUE,
    PortError,
    PortRange,
    PortSet,
    is_port_name,
    parse_port,
    parse_port_set,
)

ports = st.integers(1, 65_535)


@given(ports)
def test_every_port_is_read_back(port: int) -> None:
    assert parse_port(str(port)) == port


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "-1", "+1", "1.0", "http", "８０", "1 2", "0x50"]
)
def test_what_is_no_port_is_named_with_what_is_allowed(text: str) -> None:
    with pytest.raises(PortError, match="from 1 to 65535") as caught:
        parse_port(text)
    assert repr(text) in str(caught.value)


@given(st.lists(st.tuples(ports, ports).map(sorted), max_size=5))
def test_a_set_holds_exactly_what_its_ranges_hold(ends: list[list[int]]) -> None:
    ranges = tuple(PortRange(first, last) for first, last in ends)
    parsed = parse_port_set(",".join(map(str, ranges)))
    assert parsed == PortSet(ranges)
    for first, last in ends:
        assert first in parsed
        assert last in parsed
    assert (0 in parsed, 65_536 in parsed) == (False, False)


def test_iteration_names_each_port_once_in_the_authors_order() -> None:
    assert list(parse_port_set("8080, 1-3,2")) == [8080, 1, 2, 3]


def test_the_empty_set_is_false() -> None:
    assert not parse_port_set(" , ")
    assert 3306 in parse_port_set(DEFAULT_OPAQUE)


@pytest.mark.parametrize("text", ["5-1", "1-", "-5", "1-2-3", "80;90"])
def test_malformed_sets_are_refused(text: str) -> None:
    with pytest.raises(PortError):
        parse_port_set(text)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("http", True),
        ("a1-b", True),
        ("1a", True),
        ("a" * 15, True),
        ("a" * 16, False),
        ("80", False),
        ("-a", False),
        ("a-", False),
        ("a--b", False),
        ("Http", False),
        ("a_b", False),
        ("", False),
    ],
)
def test_what_a_port_may_be_called(text: str, valid: bool) -> None:
    assert is_port_name(text) is valid
