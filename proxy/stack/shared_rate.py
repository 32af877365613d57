"""What rate limits count, for all processes of a proxy.

A connection stays with its process, so no process sees all requests, and a share of the limit for each
would refuse a client whose only connection went to one of them. So they count in one piece of
memory, made before they part: for each key, the moment at which its allowance is whole again, on
the clock that processes of one host have in common.

They take no lock. Two that count at the same instant may count one request for both, which lets
one too many pass. The table has a fixed size. Where many keys meet in one place, the one whose
allowance is whole soonest is forgotten, as it would be a little later anyway.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from proxy.stack.limit import Rate

if TYPE_CHECKING:
    from collections.abc import Hashable

    from proxy.stack.limit import MakeRate

SLOTS = 8_192
"""Keys at once: clients that have sent a request within the last second."""
_PROBES = 8
"""Places in which a key may be."""


class SharedRates:
    """The table; to be made before the processes part."""

    def __init__(self, slots: int = SLOTS) -> None:
        """`slots`: a power of two."""
        memory = memoryview(mmap.mmap(-1, 16 * slots))
        # A word each: written and read whole.
        self._keys = memory[: 8 * slots].cast("q")
        self._moments = memory[8 * slots :].cast("d")
        self._mask = slots - 1

    def of(self, port: int) -> MakeRate:
        """Rates that count for this port: the same in all processes that give the same names."""

        def make(name: Hashable, per_second: int) -> Rate:
            return Rate(per_second, _Moments(self, hash((port, name, per_second))))

        return make

    def get(self, key: int, default: float) -> float:
        keys, mask = self._keys, self._mask
        for place in range(key, key + _PROBES):
            if keys[place & mask] == key:
                return self._moments[place & mask]
        return default

    def put(self, key: int, moment: float) -> None:
        keys, moments, mask = self._keys, self._moments, self._mask
        soonest = key & mask
        for place in range(key, key + _PROBES):
            slot = place & mask
            if keys[slot] == key:
                moments[slot] = moment
                return
            if moments[slot] < moments[soonest]:
                soonest = slot
        moments[soonest] = moment
        keys[soonest] = key


class _Moments:
    """What one rate counts."""

    __slots__ = ("_name", "_table")

    def __init__(self, table: SharedRates, name: int) -> None:
        self._table = table
        self._name = name

    def get(self, key: str | None, default: float) -> float:
        return self._table.get(self._place(key), default)

    def __setitem__(self, key: str | None, moment: float) -> None:
        self._table.put(self._place(key), moment)

    def __len__(self) -> int:
        """The table does not grow."""
        return 0

    def forget(self, now: float) -> None:
        """There is nothing to gain."""

    def _place(self, key: str | None) -> int:
        """Not 0, which is a free place. Hashes of text agree in processes that one has forked."""
        return hash((self._name, key)) or 1
