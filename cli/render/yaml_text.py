"""Manifests as YAML and JSON text.

Reading is stricter than PyYAML's: duplicate keys are errors, and what only YAML 1.1 would turn into
a date or a base-60 number stays text, as `kubectl` reads it. Errors carry the line.
"""

import json
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


_INTEGER = r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$"
_FLOAT = r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"


def _mapping(loader: ManifestLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag != "tag:yaml.org,2002:str" and not isinstance(key, yaml.ScalarNode):
            raise ConstructorError(None, None, "a key must be plain text", key.start_mark)
        if key.value in seen:
            raise ConstructorError(None, None, f"key {key.value!r} is given twice", key.start_mark)
        seen.add(key.value)
    return {
        str(loader.construct_object(key, deep=True)): loader.construct_object(value, deep=True)
        for key, value in node.value
    }


def _text(dumper: ManifestDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _prepare() -> None:
    import re

    unwanted = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
    kept = {
        first: [(tag, pattern) for tag, pattern in found if tag not in unwanted]
        for first, found in ManifestLoader.yaml_implicit_resolvers.items()
    }
    ManifestLoader.yaml_implicit_resolvers = kept
    ManifestLoader.add_implicit_resolver(
        "tag:yaml.org,2002:int", re.compile(_INTEGER), list("-+0123456789")
    )
    ManifestLoader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(_FLOAT), list("-+0123456789.")
    )
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
            value = loader.construct_document(node)
            check_size(value, node.start_mark.line + 1)
            yield Document(node.start_mark.line + 1, value)
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
