"""Manifests as YAML and JSON text.

Plain scalars mean what they mean to `kubectl`, whose rules are neither YAML 1.1 nor 1.2: dates and base-60
numbers are text, `1e3` is a number and `y` is true. Text that it would take for one of these is written in
quotes. Reading is stricter than PyYAML's: duplicate keys are errors. Errors carry the line.
"""

import base64
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.constructor import ConstructorError

try:
    from yaml import CSafeDumper as FastDumper
    from yaml import CSafeLoader as FastLoader
except ImportError:  # a PyYAML built without libyaml
    from yaml import SafeDumper as FastDumper  # type: ignore[assignment]
    from yaml import SafeLoader as FastLoader  # type: ignore[assignment]


MOST_NODES = 1_000_000
ENDLESS = "an alias refers to what contains it"


class YamlError(ValueError):
    """Text that is not YAML; the message says what and on which line."""

    def __init__(self, problem: str, line: int | None) -> None:
        super().__init__(f"line {line}: {problem}" if line is not None else problem)
        self.line = line


class ManifestLoader(FastLoader):
    """YAML as Kubernetes' tools read it."""


class ManifestDumper(FastDumper):
    """Block style, no aliases, multi-line strings as literal blocks."""

    def ignore_aliases(self, _data: object) -> bool:
        """Repeated values are written out: readers of manifests do not expect anchors."""
        return True


_NUMBER_LIKE = re.compile(r"[-+.0-9]")
_NUMBER_TAG = "tag:weft,number"
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST = 70
"""More characters than any number of 64 bits has."""
_LETTERS = {"y": True, "n": False}
_MERGE = "tag:yaml.org,2002:merge"


def read_number(text: str) -> int | float | None:
    """The number that a plain scalar is to `kubectl`; None when it is text."""
    if _ENDLESS.fullmatch(text):
        return float(text.replace(".", ""))
    if not _NUMBER_LIKE.match(text):
        return None
    plain = text if text.startswith(".") else text.replace("_", "")
    if len(plain) < _LONGEST and _INTEGER.fullmatch(plain):
        digits = plain.lstrip("+-")
        octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
        found = int(digits, 8 if octal else 0)
        found = -found if plain.startswith("-") else found
        if -(2**63) <= found < 2**64:
            return found
    if _FLOAT.fullmatch(plain) and math.isfinite(number := float(plain)):
        return number
    return None


def _number(loader: ManifestLoader, node: yaml.ScalarNode) -> int | float | str:
    text = str(loader.construct_scalar(node))
    number = read_number(text)
    if number is not None and not math.isfinite(number):
        problem = f"{text} is no number that JSON has"
        raise ConstructorError(None, None, problem, node.start_mark)
    return text if number is None else number


def _not_json(_loader: ManifestLoader, node: yaml.Node) -> None:
    raise ConstructorError(None, None, f"{node.tag} is nothing that JSON has", node.start_mark)


def _binary(loader: ManifestLoader, node: yaml.ScalarNode) -> str:
    """The text that it stands for."""
    return base64.b64decode(str(loader.construct_scalar(node))).decode()


def _mapping(loader: ManifestLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    return {
        _key(loader.construct_object(key, deep=True), key): loader.construct_object(
            value, deep=True
        )
        for key, value in node.value
    }


def _key(value: Any, node: yaml.Node) -> str:
    """Keys are text; others become what they are in JSON."""
    if value is None:
        raise ConstructorError(None, None, "a key must not be null", node.start_mark)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def _check_keys(node: yaml.Node, checked: set[int]) -> None:
    """Before merge keys (`<<`) bring in what the keys beside them may replace. Raises ConstructorError."""
    if id(node) in checked or not isinstance(node, yaml.CollectionNode):
        return
    checked.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, checked)
        return
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConstructorError(None, None, "a key must be plain text", key.start_mark)
        if key.value in seen and key.tag != _MERGE:
            raise ConstructorError(None, None, f"key {key.value!r} is given twice", key.start_mark)
        seen.add(key.value)
        _check_keys(value, checked)


def _text(dumper: ManifestDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if text.lower() in _LETTERS or read_number(text) is not None:
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _prepare() -> None:
    unwanted = {f"tag:yaml.org,2002:{name}" for name in ("timestamp", "int", "float", "value")}
    kept = {
        first: [(tag, pattern) for tag, pattern in found if tag not in unwanted]
        for first, found in ManifestLoader.yaml_implicit_resolvers.items()
    }
    ManifestLoader.yaml_implicit_resolvers = kept
    ManifestLoader.add_implicit_resolver(_NUMBER_TAG, _NUMBER_LIKE, list("-+.0123456789"))
    ManifestLoader.add_implicit_resolver(
        "tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN")
    )
    ManifestLoader.bool_values = {**ManifestLoader.bool_values, **_LETTERS}
    ManifestLoader.add_constructor(_NUMBER_TAG, _number)
    ManifestLoader.add_constructor("tag:yaml.org,2002:binary", _binary)
    for name in ("timestamp", "set", "omap", "pairs"):
        ManifestLoader.add_constructor(f"tag:yaml.org,2002:{name}", _not_json)
    ManifestLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
    ManifestDumper.add_representer(str, _text)


_prepare()


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream and the line it begins on (from 1)."""

    line: int
    value: Any


def load_one(text: str) -> Any:
    """The only document of a text; None when it is empty. Raises YamlError."""
    documents = list(load_documents(text))
    if len(documents) > 1:
        raise YamlError(f"one document expected, {len(documents)} found", documents[1].line)
    return documents[0].value if documents else None


def load_documents(text: str) -> Iterator[Document]:
    """The documents of a text, one by one. Raises YamlError when it comes to the broken one."""
    try:
        loader = ManifestLoader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            _check_keys(node, set())
            line = node.start_mark.line + 1
            try:
                value = loader.construct_document(node)
            except (ValueError, KeyError) as error:
                raise YamlError(f"a value is not what its tag (!!) says: {error}", line) from None
            check_size(value, line)
            yield Document(line, value)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(filter(None, (error.context, error.problem)))
        said = said.replace("found unconstructable recursive node", ENDLESS)
        raise YamlError(said, mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split()), None) from None
    except RecursionError:
        raise YamlError("nested too deeply", None) from None


def check_size(value: Any, line: int) -> None:
    """Raises YamlError when aliases make a small text a huge document, or one without end."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Any) -> int:
        if not isinstance(node, dict | list):
            return 1
        known = sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in open_nodes:
            raise YamlError(ENDLESS, line)
        open_nodes.add(id(node))
        children = node.values() if isinstance(node, dict) else node
        sizes[id(node)] = total = 1 + sum(map(size, children))
        open_nodes.discard(id(node))
        if total > MOST_NODES:
            raise YamlError(f"aliases expand to more than {MOST_NODES} values", line)
        return total

    size(value)


def dump(document: Any) -> str:
    """One document as YAML, keys in their own order."""
    text: str = yaml.dump(
        document,
        Dumper=ManifestDumper,
        sort_keys=False,
        default_flow_style=False,
        width=10_000,
        allow_unicode=True,
    )
    return text


def dump_all(documents: Iterable[Any]) -> str:
    """Documents as `kubectl apply -f -` reads them: separated by `---`."""
    return "---\n".join(map(dump, documents))


def dump_json(document: Any) -> str:
    """One document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_list(documents: Iterable[Any]) -> dict[str, Any]:
    """Documents as one `List`, which is what JSON output of several objects is."""
    return {"apiVersion": "v1", "kind": "List", "items": list(documents)}
