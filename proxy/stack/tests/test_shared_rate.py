"""Rates that several processes count together decide as one process would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.stack.limit import RateLimiter
from proxy.stack.shared_rate import SharedRates

CLIENTS = (None, "alice", "bob", "eve")
LIMITS = {"total": 5, "identity": 2, "overrides": [(1, ["eve"])]}

steps = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(CLIENTS),
        st.floats(0, 0.5, allow_nan=False),
    ),
    max_size=40,
)


@given(steps)
def test_as_if_there_were_one_process(asked: list[tuple[int, str | None, float]]) -> None:
    alone = RateLimiter(**LIMITS)  # type: ignore[arg-type]
    table = SharedRates(slots=256)
    processes = [RateLimiter(**LIMITS, make=table.of(80)) for _ in range(3)]  # type: ignore[arg-type]
    now = 1000.0
    for process, client, passes in asked:
        now += passes
        assert processes[process].check(now, client) == alone.check(now, client)


def test_ports_and_limits_are_counted_apart() -> None:
    table = SharedRates()
    limits = [
        RateLimiter(1, None, make=table.of(80)),
        RateLimiter(1, None, make=table.of(81)),
        RateLimiter(None, 1, make=table.of(80)),
        RateLimiter(2, None, make=table.of(80)),
    ]
    assert [limit.check(5.0, "alice") for limit in limits] == [None] * 4
    assert [limit.check(5.0, "alice") for limit in limits[:3]] == ["total", "total", "identity"]


def test_more_clients_than_there_is_room_for() -> None:
    table = SharedRates(slots=64)
    limiter = RateLimiter(None, 1, make=table.of(80))
    clients = [f"client-{number}" for number in range(1_000)]
    for number, client in enumerate(clients):
        assert limiter.check(10.0 + number / 1_000, client) is None
    # Whoever came last is remembered.
    assert limiter.check(11.0, clients[-1]) == "identity"


def test_a_place_is_given_back_when_an_allowance_is_whole() -> None:
    table = SharedRates(slots=8)
    limiter = RateLimiter(None, 1, make=table.of(80))
    for second in range(20):
        now = 10.0 + 2 * second
        names = [f"{second}-{number}" for number in range(8)]
        assert [limiter.check(now, name) for name in names * 2] == [None] * 8 + ["identity"] * 8
