"""Who is answered: names, addresses, and pages of other sites."""

import pytest
from starlette.datastructures import Headers

from web.security import foreign, is_address, names_of


def why(**headers: str) -> str | None:
    return foreign(Headers({name.replace("_", "-"): value for name, value in headers.items()}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:50750", "origin": "http://localhost:50750"},
        {"host": "weft-web.weft:8084", "origin": "http://weft-web.weft:8084"},
        {
            "host": "10.1.2.3:8084",
            "origin": "http://127.0.0.1:8001",
            "sec_fetch_site": "same-origin",
        },
        {"host": "10.1.2.3:8084", "origin": "http://[::1]:8001"},
        {"host": "localhost", "sec_fetch_site": "none", "sec_fetch_mode": "navigate"},
        {"host": "localhost", "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
    ],
)
def test_programs_our_own_page_and_links_to_us(headers: dict[str, str]) -> None:
    assert why(**headers) is None


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"host": "localhost", "origin": "http://evil.example"}, "Origin 'http://evil.example'"),
        ({"host": "localhost", "origin": "null"}, "Origin 'null'"),
        ({"host": "localhost", "origin": "http://[evil"}, "Origin 'http://[evil'"),
        ({"host": "10.1.2.3", "origin": "http://10.1.2.4"}, "Origin"),
        ({"host": "localhost", "origin": "http://localhost.evil.example"}, "Origin"),
        (
            {"host": "localhost", "sec_fetch_site": "cross-site", "sec_fetch_mode": "cors"},
            "cross-site",
        ),
        ({"host": "localhost", "sec_fetch_site": "same-site"}, "same-site"),
    ],
)
def test_pages_of_other_sites(headers: dict[str, str], said: str) -> None:
    assert said in (why(**headers) or "")


@pytest.mark.parametrize("host", ["10.245.0.7", "127.0.0.1", "[::1]", "[fd00::7]"])
def test_addresses_are_nobodys_name(host: str) -> None:
    assert is_address(host)


@pytest.mark.parametrize(
    "host", ["", "localhost", "evil.example", "::1", "[10.0.0.1]", "10.0.0", "1"]
)
def test_what_is_no_address(host: str) -> None:
    assert not is_address(host)


def test_names() -> None:
    assert names_of("mesh", "example.org", ("dash.corp",)) == {
        "localhost",
        "weft-web",
        "weft-web.mesh",
        "weft-web.mesh.svc",
        "weft-web.mesh.svc.example.org",
        "dash.corp",
    }
