"""The fuzzers' targets in the normal run: what the attack tables hold, cut, mended and joined at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.tests.fuzz import targets

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = list(targets.seeds())
QUICK = {name: target for name, target in targets.TARGETS.items() if name != "inbound"}


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """Parts of known attacks with noise between, and how all of it is cut."""
    parts = [bytes([draw(st.integers(0, 255))])]
    for _ in range(draw(st.integers(1, 3))):
        seed = draw(st.sampled_from(SEEDS))
        start = draw(st.integers(0, len(seed)))
        parts.append(seed[: draw(st.integers(start, len(seed)))] if draw(st.booleans()) else seed)
        parts.append(draw(st.binary(max_size=8)))
    return b"".join(parts)


@pytest.mark.parametrize("target", QUICK.values(), ids=QUICK)
@given(data=mangled() | st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(target: targets.Target, data: bytes) -> None:
    target(data)


@pytest.fixture(scope="module")
def kept_pair() -> Iterator[None]:
    yield
    targets.close()


@given(data=mangled() | st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_leave_the_inbound_side_as_it_was(kept_pair: None, data: bytes) -> None:
    targets.inbound(data)
