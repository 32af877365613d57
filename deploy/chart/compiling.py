"""Renderings compared into one tree with conditions.

One rendering has every switch on and every text filled: the tree begins as that. Then each value is set
to each way in which it may decide something, alone; where the objects differ by more than the value itself,
the tree gets a condition. Values that decide about the same place are tried together there, to any depth;
where a way adds something, all are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from deploy.chart.leaves import TOKEN, Way, by_number, leaves
from deploy.chart.rendering import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Path = tuple[str, ...]


@dataclass(slots=True)
class Entry:
    """A field of an object or an item of a list, there when all `conditions` hold."""

    node: Node
    conditions: list[str] = field(default_factory=list)
    own: bool = True
    """Of the usual rendering, not added by a condition."""
    nested: list[tuple[str, str]] = field(default_factory=list)
    """(condition, one that must hold as well when that one does): two ways that remove it only together."""


@dataclass(slots=True)
class Scalar:
    """A value, tokens in it perhaps."""

    value: Any


@dataclass(slots=True)
class Object:
    """Fields in order."""

    fields: dict[str, Entry]


@dataclass(slots=True)
class Items:
    """A list."""

    entries: list[Entry]


@dataclass(slots=True)
class Choice:
    """The first branch whose condition holds, else `otherwise`."""

    branches: list[tuple[str, Node]]
    otherwise: Node


Node = Scalar | Object | Items | Choice


def compiled() -> Object:
    """The objects of the control plane, for all values."""
    node = _compile({}, every_way())
    assert isinstance(node, Object)
    return node


def every_way() -> list[Way]:
    """Of all values."""
    return [way for leaf in leaves().values() for way in leaf.ways]


def plain(raw: Any) -> Node:
    """A rendering as a tree without conditions."""
    if isinstance(raw, dict):
        return Object({key: Entry(plain(value)) for key, value in raw.items()})
    if isinstance(raw, list):
        return Items([Entry(plain(one)) for one in raw])
    return Scalar(raw)


def _compile(assignment: Mapping[str, Any], ways: Sequence[Way]) -> Node:
    base = render(assignment)
    node = plain(base)
    tried = []
    for way in ways:
        other = render({**assignment, way.leaf: way.value})
        expected = _substituted(base, way)
        places = set(_differences((), expected, other))
        if places:
            tried.append((way, expected, other, places))
    for way, expected, other, places in tried:
        chosen = {**assignment, way.leaf: way.value}
        free = [one for one in every_way() if one.leaf not in chosen]
        if _adds(expected, other):
            rivals = free
        else:
            mentioned = {leaf for place in places for leaf in _leaves_in(_at(other, place))}
            below = {
                rival.leaf
                for rival, one, two, theirs in tried
                if _within(theirs, places) and not _adds(one, two)
            }
            rivals = [one for one in free if one.leaf in mentioned | below]
        inner = _compile(chosen, rivals) if rivals else plain(other)
        _overlay(node, expected, other, way.condition, inner)
    _settle(node)
    return node


def _settle(node: Node) -> None:
    """Turns what two ways remove only together into a condition, unless one of them does so alone."""
    if isinstance(node, Choice):
        for _, branch in node.branches:
            _settle(branch)
        _settle(node.otherwise)
    elif not isinstance(node, Scalar):
        entries = node.fields.values() if isinstance(node, Object) else node.entries
        for entry in entries:
            alone = set(entry.conditions)
            for condition, also in entry.nested:
                if also not in alone and _negated(also) != condition:
                    either = f"or ({_negated(condition)}) ({also})"
                    mirrored = f"or ({also}) ({_negated(condition)})"
                    if not {either, mirrored} & {*entry.conditions}:
                        entry.conditions.append(either)
            entry.nested.clear()
            _settle(entry.node)


def _adds(base: Any, other: Any) -> bool:
    """Whether there are objects or lists in `other` that `base` has not, or has in another order.

    What decides about such an addition cannot be seen in `base`, so every value must be tried.
    """
    if isinstance(base, dict) and isinstance(other, dict):
        return any(
            _adds(base[key], value) if key in base else isinstance(value, dict | list)
            for key, value in other.items()
        )
    if isinstance(base, list) and isinstance(other, list):
        old, new = dict(_keyed(base)), dict(_keyed(other))
        common = [key for key in old if key in new]
        if common != [key for key in new if key in old]:
            return True
        return _adds(old, new)
    return isinstance(other, dict | list)


def _substituted(raw: Any, way: Way) -> Any:
    """As it would be if the value went in and decided nothing."""
    leaf = leaves()[way.leaf]
    if isinstance(leaf.sample, bool | list | dict):
        return raw
    return _replaced(raw, leaf.number, leaf.sample, way.value)


def _replaced(raw: Any, number: int, sample: Any, value: Any) -> Any:
    if isinstance(raw, dict):
        return {key: _replaced(one, number, sample, value) for key, one in raw.items()}
    if isinstance(raw, list):
        return [_replaced(one, number, sample, value) for one in raw]
    if isinstance(raw, str):
        return TOKEN.sub(lambda found: str(value) if int(found[1]) == number else found[0], raw)
    return value if raw == sample and type(raw) is type(sample) else raw


def _differences(path: Path, one: Any, other: Any) -> Iterator[Path]:
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if key not in one or key not in other:
                yield (*path, key)
            else:
                yield from _differences((*path, key), one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list):
        yield from _differences(path, dict(_keyed(one)), dict(_keyed(other)))
    else:
        yield path


def _keyed(items: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Items under what tells them apart: their name, else what they say."""
    seen: dict[str, int] = {}
    for one in items:
        key = str(one["name"]) if isinstance(one, dict) and "name" in one else str(one)
        seen[key] = seen.get(key, 0) + 1
        yield (f"{key}#{seen[key]}", one)


def _at(raw: Any, path: Path) -> Any:
    for key in path:
        raw = dict(_keyed(raw)) if isinstance(raw, list) else raw
        raw = raw.get(key, {})
    return raw


def _leaves_in(raw: Any) -> Iterator[str]:
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield from _leaves_in(key)
            yield from _leaves_in(value)
    elif isinstance(raw, list):
        for one in raw:
            yield from _leaves_in(one)
    elif not isinstance(raw, bool):
        for found in TOKEN.finditer(str(raw)):
            yield by_number()[int(found[1])].name


def _within(some: set[Path], others: set[Path]) -> bool:
    """Whether a place of the one is at or below a place of the other."""
    return any(one[: len(two)] == two for one in some for two in others)


# -- one difference into the tree ----------------------------------------------------------------


def _overlay(node: Node, base: Any, other: Any, condition: str, alternative: Node) -> Node:
    """The tree as it must be when `condition` makes `other` of `base`; `alternative` is `other` compiled."""
    if base == other:
        return node
    if isinstance(node, Choice):
        node.otherwise = _overlay(node.otherwise, base, other, condition, alternative)
        return node
    if isinstance(node, Object) and isinstance(base, dict) and isinstance(other, dict):
        assert isinstance(alternative, Object)
        _overlay_fields(node, base, other, condition, alternative)
        return node
    if isinstance(node, Items) and isinstance(base, list) and isinstance(other, list):
        assert isinstance(alternative, Items)
        same_keys = [key for key, _ in _keyed(base)] == [key for key, _ in _keyed(other)]
        if same_keys or all(entry.own for entry in alternative.entries):
            _overlay_items(node, base, other, condition, alternative)
            return node
    return Choice([(condition, alternative)], node)


def _overlay_fields(
    node: Object, base: Any, other: Any, condition: str, alternative: Object
) -> None:
    for key, value in base.items():
        entry = node.fields[key]
        if key not in other:
            entry.conditions.append(_negated(condition))
        else:
            below = alternative.fields[key].node
            entry.node = _overlay(entry.node, value, other[key], condition, below)
            entry.nested += [(condition, one) for one in alternative.fields[key].conditions]
    for key in other:
        if key not in base:
            added = alternative.fields[key]
            assert key not in node.fields, f"two values add {key}"
            node.fields[key] = Entry(added.node, [condition, *added.conditions], own=False)


def _overlay_items(
    node: Items, base: list[Any], other: list[Any], condition: str, alternative: Items
) -> None:
    """`node` holds the items of `base` in order, perhaps with items of other conditions between them."""
    own = [index for index, entry in enumerate(node.entries) if entry.own]
    theirs = [entry for entry in alternative.entries if entry.own]
    old, new = [key for key, _ in _keyed(base)], [key for key, _ in _keyed(other)]
    inserts: list[tuple[int, list[Entry]]] = []
    for kind, start, end, from_, to in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            for left, right in zip(range(start, end), range(from_, to), strict=True):
                entry = node.entries[own[left]]
                below = theirs[right].node
                entry.node = _overlay(entry.node, base[left], other[right], condition, below)
                entry.nested += [(condition, one) for one in theirs[right].conditions]
            continue
        for left in range(start, end):
            node.entries[own[left]].conditions.append(_negated(condition))
        found = theirs[from_:to]
        added = [Entry(one.node, [condition, *one.conditions], own=False) for one in found]
        inserts.append((own[end - 1] + 1 if end else 0, added))
    for place, added in reversed(inserts):
        node.entries[place:place] = added


def _negated(condition: str) -> str:
    plain_one = condition.removeprefix("not ")
    return plain_one if plain_one != condition else f"not ({condition})"
