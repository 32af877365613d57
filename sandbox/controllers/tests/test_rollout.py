"""The arithmetic, as tables taken from the rules of Kubernetes' deployment controller."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.controllers.rollout import Bounds, Size, bounds, new_size, old_sizes, scaled, share_out


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [
        (3, 10, 3, 3),
        ("25%", 10, 3, 2),
        ("25%", 4, 1, 1),
        ("25%", 1, 1, 0),
        ("0%", 10, 0, 0),
        ("100%", 7, 7, 7),
        ("1%", 1, 1, 0),
        ("50%", 3, 2, 1),
    ],
)
def test_percentages_round_as_asked(value: int | str, total: int, up: int, down: int) -> None:
    assert scaled(value, total, round_up=True) == up
    assert scaled(value, total, round_up=False) == down


@pytest.mark.parametrize("text", ["", "%", "a%", "25", "-5%", "2.5%"])
def test_what_is_no_percentage_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="neither a number nor a percentage"):
        scaled(text, 10, round_up=True)


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [
        ("25%", "25%", 4, Bounds(1, 1)),
        ("25%", "25%", 1, Bounds(1, 0)),
        ("25%", "25%", 10, Bounds(3, 2)),
        (0, 0, 5, Bounds(0, 1)),
        ("0%", "0%", 5, Bounds(0, 1)),
        (0, "25%", 1, Bounds(0, 1)),
        (2, 9, 3, Bounds(2, 3)),
        (0, 0, 0, Bounds(0, 0)),
    ],
)
def test_bounds(surge: int | str, unavailable: int | str, replicas: int, expected: Bounds) -> None:
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    assert bounds(strategy, replicas) == expected


def test_the_default_strategy_is_a_quarter_each() -> None:
    assert bounds({}, 8) == Bounds(2, 2)
    assert bounds({"type": "Recreate"}, 8) == Bounds(0, 0)


def size(name: str, replicas: int, available: int | None = None, most: int = 0) -> Size:
    return Size(name, replicas, replicas if available is None else available, most, name)


@pytest.mark.parametrize(
    ("desired", "limit", "new", "old", "expected"),
    [
        (10, Bounds(0, 2), 0, 10, 0),
        (10, Bounds(2, 0), 0, 10, 2),
        (10, Bounds(5, 0), 5, 5, 10),
        (10, Bounds(3, 2), 3, 8, 5),
        (10, Bounds(30, 0), 0, 10, 10),
        (10, Bounds(0, 2), 2, 8, 2),
        (3, Bounds(1, 0), 5, 0, 3),
        (0, Bounds(0, 0), 2, 0, 0),
        (10, Bounds(0, 0), 0, 12, 0),
    ],
)
def test_the_new_one_grows_into_the_room(
    desired: int, limit: Bounds, new: int, old: int, expected: int
) -> None:
    assert new_size(desired, limit, size("new", new), [size("old", old)]) == expected


@pytest.mark.parametrize(
    ("desired", "limit", "new", "old", "expected"),
    [
        pytest.param(10, Bounds(0, 5), size("n", 0), [size("o", 10)], {"o": 5}, id="as many as may be unavailable"),
        pytest.param(10, Bounds(0, 2), size("n", 0), [size("o", 10)], {"o": 8}, id="fewer"),
        pytest.param(10, Bounds(5, 0), size("n", 5, 0), [size("o", 10)], {}, id="the new ones are not available yet"),
        pytest.param(10, Bounds(5, 0), size("n", 5, 3), [size("o", 10)], {"o": 7}, id="one goes for each that is"),
        pytest.param(10, Bounds(2, 2), size("n", 0), [size("o", 10, 8)], {"o": 8}, id="unhealthy pods go first"),
        pytest.param(10, Bounds(0, 2), size("n", 0), [size("o", 10, 0)], {"o": 8}, id="unhealthy within the budget"),
        pytest.param(10, Bounds(0, 2), size("n", 0), [size("a", 4, 2), size("b", 6)], {"a": 2}, id="oldest first, unhealthy"),
        pytest.param(6, Bounds(0, 3), size("n", 0), [size("a", 2), size("b", 4)], {"a": 0, "b": 3}, id="oldest first, healthy"),
        pytest.param(3, Bounds(1, 0), size("n", 3), [size("o", 1)], {"o": 0}, id="the last"),
        pytest.param(3, Bounds(1, 0), size("n", 3), [size("o", 0)], {}, id="none left"),
        pytest.param(1, Bounds(1, 0), size("n", 1, 0), [size("o", 1)], {}, id="one pod: the old stays until the new is there"),
    ],
)  # fmt: skip
def test_the_old_ones_shrink_as_availability_bears(
    desired: int, limit: Bounds, new: Size, old: list[Size], expected: dict[str, int]
) -> None:
    assert old_sizes(desired, limit, new, old) == expected


@pytest.mark.parametrize(
    ("desired", "limit", "active", "expected"),
    [
        pytest.param(12, Bounds(0, 0), [size("a", 5, most=10), size("b", 5, most=10)], {"a": 6, "b": 6}, id="equal shares up"),
        pytest.param(6, Bounds(0, 0), [size("a", 5, most=10), size("b", 5, most=10)], {"a": 3, "b": 3}, id="equal shares down"),
        pytest.param(20, Bounds(0, 0), [size("a", 5, most=10), size("b", 3, most=10), size("c", 2, most=10)], {"a": 10, "b": 6, "c": 4}, id="in proportion"),
        pytest.param(5, Bounds(0, 0), [size("a", 5, most=10), size("b", 3, most=10), size("c", 2, most=10)], {"a": 2, "b": 2, "c": 1}, id="rounding"),
        pytest.param(0, Bounds(3, 0), [size("a", 5, most=13), size("b", 8, most=13)], {"a": 0, "b": 0}, id="to nothing, surge and all"),
        pytest.param(15, Bounds(2, 0), [size("old", 8, most=12), size("new", 4, most=12)], {"old": 11, "new": 6}, id="surge counts"),
    ],
)  # fmt: skip
def test_scaling_in_the_midst_of_a_rollout_is_shared(
    desired: int, limit: Bounds, active: list[Size], expected: dict[str, int]
) -> None:
    assert share_out(desired, limit, active) == expected


@given(
    desired=st.integers(0, 60),
    surge=st.integers(0, 20),
    unavailable=st.integers(0, 20),
    sizes=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=4),
)
def test_availability_never_falls_below_and_pods_never_exceed_the_bounds(
    desired: int, surge: int, unavailable: int, sizes: list[tuple[int, int]]
) -> None:
    """One step never takes more available pods than may be missed, nor makes more than may be."""
    limit = bounds({"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}, desired)
    (new, *old) = [size(f"s{n}", r, min(a, r)) for n, (r, a) in enumerate(sizes)]
    total = sum(rs.replicas for rs in (new, *old))
    grown = new_size(desired, limit, new, old)
    if grown > new.replicas:
        assert total - new.replicas + grown <= desired + limit.max_surge
    shrunk = old_sizes(desired, limit, new, old)
    assert all(
        0 <= after < next(o.replicas for o in old if o.name == n) for n, after in shrunk.items()
    )
    available = new.available + sum(rs.available for rs in old)
    left = new.available + sum(min(rs.available, shrunk.get(rs.name, rs.replicas)) for rs in old)
    assert left >= min(available, desired - limit.max_unavailable)


@given(
    desired=st.integers(0, 100),
    surge=st.integers(0, 10),
    parts=st.lists(st.integers(1, 30), min_size=2, max_size=5),
)
def test_shares_add_up_to_what_is_allowed(desired: int, surge: int, parts: list[int]) -> None:
    active = [size(f"s{n}", part, most=sum(parts)) for n, part in enumerate(parts)]
    sizes = share_out(desired, Bounds(surge, 0), active)
    allowed = desired + surge if desired else 0
    assert all(value >= 0 for value in sizes.values())
    assert sum(sizes.values()) == allowed
