"""What was asked for lately, so that a client that asks for anything once leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Iterator

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lately(Generic[K, V]):
    """One value for each key. It lives as long as anyone holds it, and at least from one `sweep` to the
    next after it was last asked for."""

    __slots__ = ("_before", "_known", "_lately", "_make")

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        self._known: WeakValueDictionary[K, V] = WeakValueDictionary()
        self._lately: dict[K, V] = {}
        self._before: dict[K, V] = {}

    def find(self, key: K) -> V:
        """The value of a key, made when there is none."""
        value = self._lately.get(key)
        if value is None:
            value = self._known.get(key)
            if value is None:
                value = self._known[key] = self._make(key)
            self._lately[key] = value
        return value

    def sweep(self) -> None:
        """Let go of what was not asked for since the sweep before; to be called now and then."""
        self._before, self._lately = self._lately, {}

    def __iter__(self) -> Iterator[V]:
        """Every value there is."""
        return iter(list(self._known.values()))

    def __len__(self) -> int:
        return len(self._known)
