from sandbox.node.backoff import Backoff


def test_the_first_is_free_then_ten_seconds_doubling_to_five_minutes() -> None:
    backoff, at, delays = Backoff(), 1000.0, []
    for _ in range(9):
        delays.append(backoff.delay(at))
        at += delays[-1] + 1
    assert delays == [0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_who_holds_out_for_ten_minutes_begins_anew() -> None:
    backoff = Backoff()
    assert [backoff.delay(0), backoff.delay(1)] == [0, 10]
    assert backoff.delay(11 + 600) == 20
    assert backoff.delay(631 + 601) == 0
    assert backoff.delay(1233) == 10
