"""Grants that are spent too fast are not renewed, unless they were deserved."""

from proxy.codec.allowance import Allowance


def test_the_first_grant_may_be_spent_at_once_and_the_second_not_again() -> None:
    allowance = Allowance(5, 10.0)
    assert allowance.left == 5
    allowance.left = -1
    assert allowance.renew(100.0, deserved=False)
    assert allowance.left == 5
    assert not allowance.renew(109.9, deserved=False)
    assert allowance.renew(110.0, deserved=False)


def test_who_deserves_it_need_not_wait() -> None:
    allowance = Allowance(5, 10.0)
    assert all(allowance.renew(100.0, deserved=True) for _ in range(100))
    assert not allowance.renew(100.0, deserved=False)
