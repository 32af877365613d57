"""Host names of requests as a label: few, and only names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.outbound.hostnames import MOST, Hostnames


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        ("web.emojivoto:80", "web.emojivoto"),
        ("Web.Emojivoto.", "web.emojivoto"),
        ("localhost", "localhost"),
        ("10.0.0.1:80", ""),
        ("10.0.0.1", ""),
        ("[fd00::1]:80", ""),
        ("a b", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_names_are_counted_and_addresses_are_not(authority: str | None, name: str) -> None:
    assert Hostnames(enabled=True).of(authority) == name
    assert Hostnames(enabled=False).of(authority) == ""


def test_so_many_and_no_more() -> None:
    names = Hostnames(enabled=True)
    first = [names.of(f"n{number}.example") for number in range(MOST)]
    assert first == [f"n{number}.example" for number in range(MOST)]
    assert names.of("one-more.example") == ""
    assert names.of("n0.example:8080") == "n0.example"
    names.clear()
    assert names.of("one-more.example") == "one-more.example"


@given(st.text())
def test_any_authority_is_a_name_or_nothing(authority: str) -> None:
    name = Hostnames(enabled=True).of(authority)
    assert name.isascii()
    assert '"' not in name
