"""Field sets: which fields of an object a manager owns, in the `fieldsV1` form.

    {"f:spec": {"f:replicas": {}, "f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}}}

`f:` is a field, `k:` an entry of a list of maps by its keys, `v:` a member of a set; `.` says the
entry itself is owned. A leaf is an empty object.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.apiserver.objects import copied
from sandbox.apiserver.patch.merge_keys import ListRule

FieldSet = dict[str, Any]
Rule = Callable[[tuple[str, ...]], ListRule | None]
"""From a path of field names to how the list there merges; None: atomic."""
Path = tuple[str, ...]
"""Steps as they stand in a field set."""

SELF = "."


def of(value: Any, rule: Rule, path: Path = ()) -> FieldSet:
    """The fields a configuration names."""
    if isinstance(value, dict):
        return {f"f:{key}": of(item, rule, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        how = rule(path) if path else None
        if how is None:
            return {}
        return {
            _step(item, how): {SELF: {}, **of(item, rule, path)} if how.keys else {}
            for item in value
        }
    return {}


def _step(item: Any, how: ListRule) -> str:
    if not how.keys:
        return "v:" + json.dumps(item, separators=(",", ":"))
    return "k:" + json.dumps(identity(item, how), separators=(",", ":"), sort_keys=True)


def identity(item: Any, how: ListRule) -> dict[str, Any]:
    """The keys of a list entry, with the keys' defaults."""
    if not isinstance(item, dict):
        return {}
    defaults = dict(how.defaults)
    found = {key: item.get(key, defaults.get(key)) for key in how.keys}
    return {key: value for key, value in found.items() if value is not None}


def merged(target: Any, config: Any, rule: Rule, path: Path = ()) -> Any:
    """`target` with `config` laid over it: objects merge, lists by their rule, the rest replaces."""
    if isinstance(config, dict):
        result = target if isinstance(target, dict) else {}
        for key, value in config.items():
            result[key] = merged(result.get(key), value, rule, (*path, key))
        return result
    if isinstance(config, list):
        how = rule(path)
        if how is None or not isinstance(target, list):
            return copied(config)
        if not how.keys:
            return [*target, *(item for item in config if item not in target)]
        return _merged_entries(target, config, rule, how, path)
    return config


def _merged_entries(
    target: list[Any], config: list[Any], rule: Rule, how: ListRule, path: Path
) -> list[Any]:
    """Named entries stand in the order of the configuration; others keep what they came after."""
    named = [identity(item, how) for item in config]

    def stored(item: Any) -> Any:
        return next((one for one in target if identity(one, how) == identity(item, how)), None)

    fresh = iter([merged(stored(item), item, rule, path) for item in config])
    result = [next(fresh, one) if identity(one, how) in named else one for one in target]
    return [*result, *fresh]


def minus(mine: FieldSet, theirs: FieldSet) -> FieldSet:
    """What is in `mine` and not in `theirs`."""
    result: FieldSet = {}
    for step, below in mine.items():
        if step not in theirs:
            result[step] = below
        elif below:
            rest = minus(below, theirs[step])
            if rest:
                result[step] = rest
    return result


def contested(mine: FieldSet, theirs: FieldSet, path: Path = ()) -> Iterator[Path]:
    """The paths both own. Owning an entry of a list says nothing about the fields in it."""
    for step in mine:
        if step == SELF or step not in theirs:
            continue
        here = (*path, step)
        if _fields_below(mine[step]) and _fields_below(theirs[step]):
            yield from contested(mine[step], theirs[step], here)
        elif not step.startswith("k:"):
            yield here


def _fields_below(fields: FieldSet) -> bool:
    return any(step != SELF for step in fields)


def value_at(obj: Any, path: Path) -> Any:
    for step in path:
        if obj is None:
            return None
        kind, text = step[:2], step[2:]
        if kind == "f:":
            obj = obj.get(text) if isinstance(obj, dict) else None
        elif isinstance(obj, list):
            obj = next((one for one in obj if _is(one, step)), None)
    return obj


def _is(item: Any, step: str) -> bool:
    wanted = json.loads(step[2:])
    if step.startswith("v:"):
        return bool(item == wanted)
    if not isinstance(item, dict):
        return False
    # A key left out has its default, and "TCP" is the only default there is.
    return all(
        item.get(key, "TCP" if key == "protocol" else None) == value
        for key, value in wanted.items()
    )


def remove(obj: Any, fields: FieldSet) -> None:
    """Takes owned fields out of `obj`, in place; containers emptied by it go too."""
    for step, below in fields.items():
        if step == SELF:
            continue
        if step.startswith("f:"):
            _remove_field(obj, step[2:], below)
        elif isinstance(obj, list):
            for item in [one for one in obj if _is(one, step)]:
                if not below or SELF in below:
                    obj.remove(item)
                else:
                    remove(item, below)


def _remove_field(obj: Any, key: str, below: FieldSet) -> None:
    if not isinstance(obj, dict) or key not in obj:
        return
    if not below:
        del obj[key]
        return
    remove(obj[key], below)
    if obj[key] in ({}, []):
        del obj[key]


def shown(path: Path) -> str:
    """`.spec.containers[name="web"].image`, as conflict messages write a field."""
    text = ""
    for step in path:
        if step.startswith("f:"):
            text += f".{step[2:]}"
        elif step.startswith("k:"):
            pairs = json.loads(step[2:]).items()
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in pairs) + "]"
        else:
            text += f"[={step[2:]}]"
    return text
