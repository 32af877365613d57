"""`--set key=value` and `-f values.yaml`, merged over the defaults into checked Values.

A key that does not exist, or a value of the wrong type, is an error that names the key, where it
came from, and the nearest name that exists.
"""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeGuard, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cli.failure import CommandError
from cli.manifests.values import Values
from cli.render.yaml_text import YamlError, load_one

Tree = dict[str, Any]
_PLACE = re.compile(r"\.[0-9]+(?=\.)")
"""Where in a list an item stands, in a value's name: `imagePullSecrets.0.name`."""
_OBJECT = re.compile(r":(\s|$)|[][{}]")
"""Within braces: they hold keys and values, or more than a list of texts."""


def make_values(base: Mapping[str, Any], layers: Iterable[tuple[str, Tree]]) -> Values:
    """Values from plain trees over the defaults, later ones winning. `layers` are (where it came from, tree).

    Names and texts, such as nodeSelector, are added to those below, as Helm does. Raises CommandError naming
    every wrong key.
    """
    merged = merge(Values().tree(), base)
    origin: dict[str, str] = {}
    for source, tree in layers:
        merged = merge(merged, tree)
        origin.update(dict.fromkeys(dotted_names(tree), source))
    try:
        return Values.model_validate(merged)
    except ValidationError as error:
        raise CommandError("\n".join(_sentences(error, origin))) from None


def read_files(paths: Iterable[str]) -> list[tuple[str, Tree]]:
    """Values files in order. Raises CommandError."""
    layers = []
    for path in paths:
        try:
            tree = load_one(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandError(f"cannot read values file {path}: {error.strerror}") from None
        except YamlError as error:
            raise CommandError(f"values file {path}: {error}") from None
        except UnicodeDecodeError:
            raise CommandError(f"values file {path} is not UTF-8 text") from None
        if tree is None:
            tree = {}
        if not isinstance(tree, dict):
            raise CommandError(f"values file {path} must hold keys and values at the top")
        layers.append((path, tree))
    return layers


def parse_set(option: str, text: str, *, as_string: bool) -> Tree:
    """One `key.path=value` as a tree; values are YAML scalars unless `as_string`.

    Several may stand in one flag, separated by commas; `\\,` is a comma inside a value. Lists are
    written `[a,b]`, or `{a,b}` as for Helm. Raises CommandError.
    """
    tree: Tree = {}
    for part in _split(text, brackets=not as_string):
        name, equals, value = part.partition("=")
        if not equals or not all(name.split(".")):
            raise CommandError(f"{option} {text}: the form is key.path=value")
        leaf: Any = value if as_string else _scalar(option, text, value)
        for key in reversed(_keys(name)):
            leaf = {key: leaf}
        tree = merge(tree, leaf)
    return tree


def parse_set_file(text: str) -> Tree:
    """One `key.path=FILE` as a tree with the file's content. Raises CommandError."""
    name, equals, path = text.partition("=")
    if not equals or not path or not all(name.split(".")):
        raise CommandError(f"--set-file {text}: the form is key.path=FILE")
    try:
        leaf: Any = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--set-file {name}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"--set-file {name}: {path} is not text") from None
    for key in reversed(_keys(name)):
        leaf = {key: leaf}
    return {**leaf}


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    """`over` on top of `base`: objects are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = (
            merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return merged


def dotted_names(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The names of all leaves, and of the objects above them."""
    names = []
    for key, value in tree.items():
        names.append(f"{prefix}{key}")
        if isinstance(value, dict):
            names += dotted_names(value, f"{prefix}{key}.")
    return names


def _split(text: str, *, brackets: bool) -> list[str]:
    """At commas, but not within the `brackets` that a value begins with."""
    parts, depth, before = [""], 0, ""
    for char in text.replace("\\,", "\0"):
        if char in "[{" and brackets and (depth or before == "="):
            depth += 1
        elif char in "]}" and depth:
            depth -= 1
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
        before = char
    return [part.replace("\0", ",") for part in parts]


def _keys(name: str) -> list[str]:
    held = name.replace("\\.", "\0")
    return [part.replace("\0", ".") for part in held.split(".")]


def _scalar(option: str, text: str, value: str) -> Any:
    inner = value[1:-1]
    if value == f"{{{inner}}}" and inner and not _OBJECT.search(inner):
        return [one.strip() for one in inner.split(",")]
    try:
        loaded = load_one(value)
    except YamlError as error:
        raise CommandError(f"{option} {text}: {error}") from None
    return "" if loaded is None else loaded


def _sentences(error: ValidationError, origin: Mapping[str, str]) -> list[str]:
    sentences = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        source = origin.get(name) or next(
            (origin[up] for up in _parents(name) if up in origin), "values"
        )
        if problem["type"] == "extra_forbidden":
            sentences.append(f"{source}: there is no value {name}{_nearest(name)}")
        else:
            what = f"value {name}" if name else "together they"
            sentences.append(f"{source}: {what} {_must_be(problem)}")
    return sorted(sentences)


def _must_be(problem: ErrorDetails) -> str:
    """What is wrong with a value, after its name."""
    why, given = problem["msg"], _given(problem["input"])
    if problem["type"] == "value_error":
        why = why.removeprefix("Value error, ")
        named = isinstance(problem["input"], dict | list) or given in why
        return f"cannot be used: {why}" + ("" if named else f", not {given}")
    if problem["type"] == "missing":
        return "is needed"
    if problem["type"] in ("dict_type", "model_type"):
        return f"must hold keys and values, not {given}"
    if problem["type"] == "string_type" and isinstance(problem["input"], bool | int | float):
        return f"must be text, not {given}: in a file put it in quotes, as a flag use --set-string"
    if problem["type"] == "bool_type":
        return f"must be true or false, not {given}"
    if problem["type"] == "int_type":
        return f"must be a whole number, not {given}"
    return f"must be {why.removeprefix('Input should be ')}, not {given}"


def _given(value: Any) -> str:
    """As a values file has it."""
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _nearest(name: str) -> str:
    known = all_names(Values)
    near = get_close_matches(_PLACE.sub(".N", name), known, n=1, cutoff=0.5)
    if not near:
        last = name.rpartition(".")[2]
        near = [one for one in known if one.rpartition(".")[2].lower() == last.lower()][:1]
    if not near:
        return "; docs/reference/values.md lists them"
    places = iter(_PLACE.findall(name))
    meant = re.sub(r"\.N\b", lambda found: next(places, found[0]), near[0])
    return f"; did you mean {meant}?"


def all_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every value's dotted name, sections included; within lists `N` is an item's place."""
    names = []
    for field, info in model.model_fields.items():
        name = f"{prefix}{info.alias or field}"
        names.append(name)
        if _is_section(info.annotation):
            names += all_names(info.annotation, f"{name}.")
        elif get_origin(info.annotation) is list and _is_section(get_args(info.annotation)[0]):
            names += all_names(get_args(info.annotation)[0], f"{name}.N.")
    return names


def _is_section(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
