"""Labels that many series of many pods have, held once."""

import sys
from weakref import WeakValueDictionary

Pairs = tuple[tuple[str, str], ...]


class LabelSet(dict[str, str]):
    """Labels by name; not to be changed. `key` is the same as sorted pairs."""

    __slots__ = ("__weakref__", "key")

    def __init__(self, key: Pairs) -> None:
        super().__init__(key)
        self.key = key


_shared: WeakValueDictionary[Pairs, LabelSet] = WeakValueDictionary()


def label_set(pairs: Pairs) -> LabelSet:
    """The one set of these labels; it lasts as long as somebody holds it."""
    found = _shared.get(pairs)
    if found is None:
        key = tuple((sys.intern(name), sys.intern(value)) for name, value in pairs)
        found = _shared[key] = LabelSet(key)
    return found
