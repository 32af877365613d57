"""One viewer: sampled by request, bounded, losses counted."""

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from tap.merge import NOTHING, Sampler, Viewer


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def begin(sampler: Sampler, name: str) -> bool:
    return sampler.admits(name, begins=True, ends=False)


def end(sampler: Sampler, name: str) -> bool:
    return sampler.admits(name, begins=False, ends=True)


def test_whole_requests_or_nothing() -> None:
    sampler = Sampler(2, Clock())
    assert [begin(sampler, f"1:{n}") for n in range(4)] == [True, True, False, False]
    assert end(sampler, "1:0")
    assert not end(sampler, "1:0"), "it has ended already"
    assert not end(sampler, "1:3"), "its beginning was not told"


def test_the_rate_comes_back_with_time_and_does_not_pile_up() -> None:
    clock = Clock()
    sampler = Sampler(2, clock)
    for name in "ab":
        assert begin(sampler, name)
    clock.now = 0.5
    assert [begin(sampler, name) for name in "cd"] == [True, False]
    clock.now = 100.0
    assert [begin(sampler, name) for name in "efg"] == [True, True, False]


def test_less_than_one_a_second() -> None:
    clock = Clock()
    sampler = Sampler(0.1, clock)
    assert [begin(sampler, name) for name in "ab"] == [True, False]
    clock.now = 10.0
    assert begin(sampler, "c")


def test_a_source_that_is_gone_is_forgotten() -> None:
    sampler = Sampler(10, Clock())
    begin(sampler, "1:0")
    begin(sampler, "11:0")
    sampler.forget("1:")
    assert not end(sampler, "1:0")
    assert end(sampler, "11:0")


@given(st.lists(st.floats(0, 2), max_size=60), st.floats(0.5, 20))
def test_no_second_has_more_than_burst_and_rate(steps: list[float], rate: float) -> None:
    clock = Clock()
    sampler = Sampler(rate, clock)
    told = 0
    for number, step in enumerate(steps):
        clock.now += step
        told += begin(sampler, str(number))
    assert told <= max(1.0, rate) + clock.now * rate + 1e-6


def lines(data: bytes) -> list[dict[str, object]]:
    return [json.loads(one) for one in data.splitlines()]


def test_a_slow_viewer_hears_how_much_it_lost_and_where() -> None:
    async def story() -> None:
        counted: list[int] = []
        viewer = Viewer(Sampler(10, Clock()), capacity=2, on_dropped=counted.append)
        for number in range(5):
            viewer.tell({"n": number})
        assert lines(await viewer.wait_lines()) == [{"n": 0}, {"n": 1}]
        viewer.tell({"n": 5})
        assert lines(await viewer.wait_lines()) == [{"dropped": "3"}, {"n": 5}]
        assert counted == [1, 1, 1]

    asyncio.run(story())


def test_losses_elsewhere_are_told_without_an_event() -> None:
    async def story() -> None:
        viewer = Viewer(Sampler(10, Clock()))
        waiting = asyncio.ensure_future(viewer.wait_lines())
        await asyncio.sleep(0)
        assert not waiting.done()
        viewer.lost(4)
        assert lines(await waiting) == [{"dropped": "4"}]

    asyncio.run(story())


async def _quiet() -> None:
    viewer = Viewer(Sampler(1, Clock()))
    assert await viewer.wait_lines(0.0) == NOTHING
    viewer.tell({"n": 1})
    assert lines(await viewer.wait_lines(0.0)) == [{"n": 1}]


def test_silence_is_said() -> None:
    asyncio.run(_quiet())
    assert lines(NOTHING) == [{}]
