"""Waiting for what a cluster should become."""

from __future__ import annotations

import pytest

from deploy.demo.terminal import StepFailed, Terminal


def wait(*answers: bool | Exception, seconds: float = 60) -> list[bool | Exception]:
    """Ask for each answer in turn; returns those that were not asked for."""
    left = list(answers)

    def condition() -> bool:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    Terminal().wait_until("all is well", condition, seconds=seconds, every=0)
    return left


def test_it_ends_when_the_condition_holds() -> None:
    assert wait(False, False, True, False) == [False]


@pytest.mark.parametrize("trouble", [StepFailed("no such pod"), AssertionError("two pods")])
def test_what_cannot_be_asked_does_not_hold_yet(trouble: Exception) -> None:
    assert wait(trouble, False, trouble, True) == []


def test_the_error_says_what_was_waited_for() -> None:
    with pytest.raises(StepFailed, match=r"^after 0 s still waiting until all is well$"):
        wait(False, seconds=0)


def test_the_error_says_why_it_could_not_be_asked() -> None:
    with pytest.raises(StepFailed, match=r"still waiting until all is well; no such pod$"):
        wait(StepFailed("no such pod"), seconds=0)


def test_a_mistake_in_the_condition_is_raised() -> None:
    with pytest.raises(KeyError):
        wait(KeyError("status"), True)
