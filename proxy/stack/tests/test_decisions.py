"""Back-off, budgets, timeouts, retries, fail-fast and limits, each with the time as an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codec.message import Headers
from proxy.stack.backoff import Backoff
from proxy.stack.budget import Budget, RetryBudget
from proxy.stack.failfast import Failfast
from proxy.stack.filters import FailHttp, HeaderModifier, injects
from proxy.stack.limit import InFlight, OwnMoments, Rate, RateLimiter
from proxy.stack.meta import Meta
from proxy.stack.retry import Outcome, Terms, retry_in
from proxy.stack.timeout import Deadlines, Expired

BACKOFF = Backoff(0.1, 1.0, 0.5)


# --- back-off -------------------------------------------------------------------------------


def test_waits_double_up_to_the_maximum() -> None:
    assert [BACKOFF.wait(n, 0.0) for n in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_adds_at_most_its_share(attempt: int, chance: float) -> None:
    bare = BACKOFF.wait(attempt, 0.0)
    assert bare <= BACKOFF.wait(attempt, chance) <= bare * 1.5


# --- budgets --------------------------------------------------------------------------------


def test_a_quiet_service_may_retry_its_minimum() -> None:
    budget = Budget(RetryBudget(ratio=0.2, minimum_per_second=1, ttl=10), now=0.0)
    assert sum(budget.withdraw(0.0) for _ in range(20)) == 10


def test_requests_pay_for_retries() -> None:
    budget = Budget(RetryBudget(ratio=0.5, minimum_per_second=0, ttl=10), now=0.0)
    assert not budget.withdraw(0.0)
    for _ in range(4):
        budget.deposit(0.0)
    assert [budget.withdraw(0.0) for _ in range(3)] == [True, True, False]


def test_deposits_and_withdrawals_expire() -> None:
    budget = Budget(RetryBudget(ratio=1.0, minimum_per_second=0, ttl=10), now=0.0)
    budget.deposit(0.0)
    assert budget.balance == 1.0
    assert not budget.withdraw(11.0)
    budget.deposit(11.0)
    assert budget.withdraw(11.0)
    assert not budget.withdraw(12.0)
    budget.deposit(30.0)
    assert budget.balance == 1.0


# --- timeouts -------------------------------------------------------------------------------


def test_each_limit_counts_from_its_own_beginning() -> None:
    deadlines = Deadlines(0.0, request=10.0, response=3.0, idle=None)
    assert deadlines.next_at == 10.0
    deadlines.attempt(2.0)
    assert deadlines.next_at == 5.0
    assert deadlines.expired(4.9) is None
    assert deadlines.expired(5.0) is Expired.RESPONSE
    deadlines.attempt(8.0)
    assert deadlines.expired(10.0) is Expired.REQUEST


def test_movement_postpones_the_idle_limit() -> None:
    deadlines = Deadlines(0.0, request=None, response=None, idle=2.0)
    deadlines.moved(1.5)
    assert deadlines.expired(3.0) is None
    assert deadlines.expired(3.5) is Expired.IDLE


def test_no_limits_never_expire() -> None:
    deadlines = Deadlines(0.0, request=None, response=None, idle=None)
    deadlines.attempt(0.0)
    assert deadlines.next_at == float("inf")
    assert deadlines.expired(1e12) is None


# --- retries --------------------------------------------------------------------------------

TERMS = Terms(2, 64, [(502, 504)], {14}, BACKOFF)


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (Outcome(status=503), True),
        (Outcome(status=501), False),
        (Outcome(status=200, grpc_status=14), True),
        (Outcome(status=200, grpc_status=5), False),
        (Outcome(unprocessed=True), True),
        (Outcome(timed_out=True), True),
        (Outcome(), False),
    ],
)
def test_what_is_worth_another_attempt(outcome: Outcome, again: bool) -> None:
    wait = retry_in(TERMS, outcome, retries=0, body_bytes=0, chance=0.0)
    assert wait == (0.1 if again else None)


def test_retries_and_bodies_are_bounded() -> None:
    failed = Outcome(status=503)
    assert retry_in(TERMS, failed, retries=1, body_bytes=64, chance=0.0) == 0.2
    assert retry_in(TERMS, failed, retries=2, body_bytes=0, chance=0.0) is None
    assert retry_in(TERMS, failed, retries=0, body_bytes=65, chance=0.0) is None


# --- fail-fast ------------------------------------------------------------------------------


def test_waiting_too_long_shuts_and_readiness_opens() -> None:
    failfast = Failfast(3.0)
    assert failfast.waiting(10.0) == 13.0
    assert failfast.waiting(11.0) == 13.0
    assert not failfast.expire(12.9)
    assert failfast.expire(13.0)
    assert not failfast.is_open
    assert failfast.ready()
    assert failfast.is_open
    assert not failfast.ready()
    assert not failfast.expire(99.0)


# --- limits ---------------------------------------------------------------------------------


def test_excess_in_flight_is_refused() -> None:
    limit = InFlight(2)
    assert [limit.enter(), limit.enter(), limit.enter()] == [True, True, False]
    limit.leave()
    assert limit.enter()


def test_a_second_of_allowance_then_a_steady_rate() -> None:
    rate = Rate(10)

    def burst(now: float) -> int:
        count = 0
        while rate.allows(now):
            rate.take(now)
            count += 1
        return count

    assert [burst(0.0), burst(0.0), burst(0.1), burst(0.5), burst(5.0)] == [10, 0, 1, 4, 10]


def test_idle_keys_are_forgotten() -> None:
    moments = OwnMoments()
    rate = Rate(1_000, moments)
    for key in range(Rate.FORGET_ABOVE + 1):
        rate.take(0.0, str(key))
    rate.take(10.0, "late")
    assert moments.keys() == {"late"}


def test_each_limit_names_itself() -> None:
    limiter = RateLimiter(total=4, identity=2, overrides=[(1, ["eve", "mallory"])])
    asked = ["alice", "alice", "alice", "eve", "mallory", None, "bob"]
    assert [limiter.check(0.0, client) for client in asked] == [
        None,
        None,
        "identity",
        None,
        "override",
        None,
        "total",
    ]


def test_no_limits_refuse_nothing() -> None:
    limiter = RateLimiter(None, None)
    assert {limiter.check(0.0, None) for _ in range(1000)} == {None}


# --- filters and labels ---------------------------------------------------------------------


def test_headers_are_appended_then_replaced_then_removed() -> None:
    headers = Headers([("a", b"1"), ("b", b"2"), ("c", b"3")])
    HeaderModifier((("a", b"4"), ("b", b"5")), (("b", b"6"),), ("c", "absent")).apply(headers)
    assert headers.items() == [("a", b"1"), ("a", b"4"), ("b", b"6")]


def test_failures_are_injected_in_their_ratio() -> None:
    half = FailHttp(500, "", 1, 2)
    assert [injects(half, chance) for chance in (0.0, 0.49, 0.5, 0.99)] == [
        True,
        True,
        False,
        False,
    ]
    assert injects(FailHttp(500, ""), 0.999)


def test_labels_of_a_resource() -> None:
    meta = Meta("core", "Service", "emojivoto", "web", "", "80")
    assert meta.labels("route") == (
        ("route_group", "core"),
        ("route_kind", "Service"),
        ("route_name", "web"),
    )
    assert dict(meta.full_labels("parent"))["parent_port"] == "80"
    assert list(dict(meta.full_labels("parent"))) == sorted(dict(meta.full_labels("parent")))


def test_an_attempt_may_be_given_up_before_its_response_is_due() -> None:
    deadlines = Deadlines(0.0, request=10.0, response=5.0, idle=None)
    deadlines.attempt(1.0, patience=2.0)
    assert deadlines.next_at == 3.0
    assert deadlines.expired(3.0) is Expired.PATIENCE
    deadlines.between()
    assert deadlines.next_at == 10.0
    deadlines.attempt(4.0, patience=2.0)
    deadlines.answered()
    assert deadlines.next_at == 9.0
    assert deadlines.expired(9.0) is Expired.RESPONSE
    assert deadlines.expired(10.0) is Expired.REQUEST
