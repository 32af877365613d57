"""What a request may ask of its route, and that nonsense asks for nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codec.message import Headers
from proxy.discovery.policy import Retry, Timeouts
from proxy.outbound.wishes import MAX_REQUEST_BYTES, take

ROUTE = Retry(3, 100, statuses=((500, 599),), timeout=1.0)


def wish(retry: Retry | None = None, **fields: str) -> tuple[Timeouts, Retry | None, Headers]:
    headers = Headers([("other", "stays")])
    for name, value in fields.items():
        headers[f"l5d-{name.replace('_', '-')}"] = value.encode("latin-1")
    timeouts, found = take(headers, Timeouts(request=9.0), retry)
    return timeouts, found, headers


def test_nothing_asked_changes_nothing() -> None:
    assert wish(ROUTE)[:2] == (Timeouts(request=9.0), ROUTE)
    assert wish()[1] is None


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("503", ((503, 503),)),
        ("5xx", ((500, 599),)),
        ("gateway-error", ((502, 504),)),
        ("500-503, 429", ((500, 503), (429, 429))),
        ("5XX,nonsense,99,1000,4-9,²²²,500-²²²,500-", ((500, 599),)),
    ],
)
def test_statuses(text: str, statuses: tuple[tuple[int, int], ...]) -> None:
    _, retry, _ = wish(retry_http=text)
    assert retry == Retry(1, MAX_REQUEST_BYTES, statuses=statuses)


def test_grpc_codes_limit_and_times() -> None:
    timeouts, retry, headers = wish(
        retry_grpc="unavailable, internal, other",
        retry_limit="4",
        retry_timeout="250ms",
        timeout="2s",
        response_timeout="1s",
    )
    assert timeouts == Timeouts(request=2.0, response=1.0)
    assert retry is not None
    assert (retry.grpc_codes, retry.max_retries, retry.timeout) == (frozenset({14, 13}), 4, 0.25)
    assert headers.keys() == ["other"]


def test_a_request_changes_what_it_names_only() -> None:
    _, retry, _ = wish(ROUTE, retry_limit="7")
    assert retry == Retry(7, 100, statuses=((500, 599),), timeout=1.0)


@pytest.mark.parametrize("limit", ["²", "-1", "1.0", "100000", "9" * 5_000])
def test_a_limit_that_is_none_asks_for_nothing(limit: str) -> None:
    assert wish(ROUTE, retry_limit=limit)[1] == ROUTE


@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20
    )
)
def test_nonsense_is_taken_off_and_asks_for_nothing_strange(text: str) -> None:
    timeouts, retry, headers = wish(
        retry_http=text, retry_grpc=text, retry_limit=text, retry_timeout=text, timeout=text
    )
    assert headers.keys() == ["other"]
    assert timeouts.request is not None
    assert timeouts.request > 0
    if retry is not None:
        assert 0 <= retry.max_retries < 1_000_000
        assert all(100 <= low <= 999 and high <= 999 for low, high in retry.statuses)


@pytest.mark.parametrize("digits", [11, 400, 5_000])
def test_more_time_than_there_is_is_not_asked_for(digits: int) -> None:
    found = wish(None, timeout="9" * digits + "h", retry_timeout="9" * digits + "h")
    assert found[:2] == (Timeouts(request=9.0), None)
