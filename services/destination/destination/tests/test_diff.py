"""Differences. The invariant: applied to the old they make the new, and say nothing needless."""

from hypothesis import given
from hypothesis import strategies as st

from destination.diff import Difference, diff
from destination.model import Endpoint
from weft.addresses import SocketAddress

_ADDRESSES = st.integers(1, 6).map(lambda n: SocketAddress(f"10.0.0.{n}", 80))


@st.composite
def _sets(draw: st.DrawFn) -> dict[SocketAddress, Endpoint]:
    at = draw(st.lists(_ADDRESSES, unique=True))
    return {one: Endpoint(one, identity=draw(st.sampled_from(["", "a", "b"]))) for one in at}


@given(_sets(), _sets())
def test_applied_to_the_old_it_makes_the_new(
    old: dict[SocketAddress, Endpoint], new: dict[SocketAddress, Endpoint]
) -> None:
    change = diff(old, new)
    applied = {at: one for at, one in old.items() if at not in change.remove}
    applied |= {one.address: one for one in change.add}
    assert applied == new
    assert all(old.get(one.address) != one for one in change.add)
    assert all(at in old for at in change.remove)
    assert bool(change) == (old != new)


def test_order_does_not_depend_on_history() -> None:
    a, b = (Endpoint(SocketAddress(f"10.0.0.{n}", 80)) for n in (1, 2))
    forward, backward = {a.address: a, b.address: b}, {b.address: b, a.address: a}
    assert diff({}, forward) == diff({}, backward) == Difference(add=(a, b))
    assert diff(forward, {}) == Difference(remove=(a.address, b.address))
