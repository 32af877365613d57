import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.addresses import (
    AddressError,
    SocketAddress,
    parse_networks,
    parse_socket_address,
    split_host_port,
)


@given(st.ip_addresses(), st.integers(1, 65_535))
def test_every_address_is_read_back(ip: object, port: int) -> None:
    address = SocketAddress(str(ip), port)
    assert parse_socket_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("web", ("web", None)),
        ("web:80", ("web", 80)),
        ("localhost.:8080", ("localhost.", 8080)),
        ("[::1]:80", ("::1", 80)),
        ("[::1]", ("::1", None)),
        ("::1", ("::1", None)),
    ],
)
def test_host_and_port(text: str, parts: tuple[str, int | None]) -> None:
    assert split_host_port(text) == parts


@pytest.mark.parametrize(
    "text", ["", ":80", "web:", "[::1", "[::1]80", "[::1]:", "web:http", "web:0"]
)
def test_malformed_hosts_are_refused(text: str) -> None:
    with pytest.raises(AddressError):
        split_host_port(text)


@pytest.mark.parametrize("text", ["127.0.0.1", "web:80", "300.0.0.1:80"])
def test_a_socket_address_needs_an_ip_and_a_port(text: str) -> None:
    with pytest.raises(AddressError, match="IP:PORT"):
        parse_socket_address(text)


def test_networks() -> None:
    assert [str(one) for one in parse_networks("10.0.0.0/8, fd00::/8,1.2.3.4")] == [
        "10.0.0.0/8",
        "fd00::/8",
        "1.2.3.4/32",
    ]
    with pytest.raises(AddressError, match=r"'10.0.0.1/8' is not a network"):
        parse_networks("10.0.0.1/8")
