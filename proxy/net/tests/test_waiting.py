"""Calls that wait for a stream: in order, and those that ended make room by themselves."""

from __future__ import annotations

from proxy.net.exchange import Call
from proxy.net.waiting import FEW, Waiting


class Request(Call):
    """As much of a call as the queue sees."""

    __slots__ = ()

    def __init__(self) -> None:
        self.attempt = 0
        self.ended = False


def join(waiting: Waiting, *, ends: bool = True) -> Call:
    call = Request()
    waiting.add(call, ends)
    return call


def test_who_came_first_is_served_first() -> None:
    waiting = Waiting()
    first, second = join(waiting), join(waiting, ends=False)
    assert waiting.take() == (first, True)
    assert waiting.take() == (second, False)
    assert waiting.take() is None


def test_who_was_taken_too_soon_is_still_the_first() -> None:
    waiting = Waiting()
    first, second = join(waiting), join(waiting)
    taken = waiting.take()
    assert taken is not None
    waiting.put_back(*taken)
    assert list(waiting.take_all()) == [first, second]
    assert not waiting


def test_who_ended_or_went_elsewhere_is_passed_over() -> None:
    waiting = Waiting()
    ended, elsewhere, patient = join(waiting), join(waiting), join(waiting)
    ended.ended = True
    elsewhere.attempt += 1
    assert waiting.take() == (patient, True)
    assert waiting.take() is None


def test_who_ends_because_another_does_is_passed_over_too() -> None:
    waiting = Waiting()
    first, second = join(waiting), join(waiting)
    for call in waiting.take_all():
        assert call is first
        second.ended = True


def test_however_many_give_up_few_are_remembered() -> None:
    waiting = Waiting()
    patient = [join(waiting) for _ in range(FEW)]
    for _ in range(100 * FEW):
        join(waiting).ended = True
        assert len(waiting) <= 2 * FEW
    assert list(waiting.take_all()) == patient


def test_looking_through_them_stays_cheap_when_all_are_patient() -> None:
    looks = 0

    class Counted(Request):
        __slots__ = ()

        def awaits(self, attempt: int) -> bool:
            nonlocal looks
            looks += 1
            return super().awaits(attempt)

    waiting = Waiting()
    for _ in range(10_000):
        waiting.add(Counted(), True)
    assert len(waiting) == 10_000
    assert looks < 20_000
