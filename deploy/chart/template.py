"""The tree with conditions as the text of a Helm template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deploy.chart.compiling import Choice, Entry, Items, Node, Object, Scalar, plain
from deploy.chart.leaves import TOKEN, Leaf, by_number
from deploy.chart.rendering import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STEP = 2


def document(entry: Entry) -> str:
    """One object, under its conditions."""
    assert isinstance(entry.node, Object)
    body = ["---", *_object(entry.node, 0)]
    return "\n".join(_under(entry.conditions, body)) + "\n"


def named(text: str) -> str:
    """A name with tokens left out, for a file."""
    return TOKEN.sub("", text).replace("--", "-").strip("-")


def definition(raw: dict[str, Any]) -> str:
    """An object no value decides about."""
    return document(Entry(plain(raw)))


def _under(conditions: Sequence[str], body: list[str]) -> list[str]:
    if not conditions:
        return body
    unique = list(dict.fromkeys(conditions))
    test = unique[0] if len(unique) == 1 else "and " + " ".join(f"({one})" for one in unique)
    return [f"{{{{- if {test} }}}}", *body, "{{- end }}"]


def _object(node: Object, indent: int) -> Iterator[str]:
    for key, entry in node.fields.items():
        leaf = _token(key)
        if leaf is not None:
            yield from _spread(leaf, indent)
        else:
            yield from _under(entry.conditions, list(_field(key, entry.node, indent)))


def _field(key: str, node: Node, indent: int) -> Iterator[str]:
    name = " " * indent + (key if _simple(key) else json.dumps(key))
    inline = _inline(node)
    if inline is not None:
        yield f"{name}: {inline}"
    elif isinstance(node, Choice):
        yield from _choice(node, lambda one: list(_field(key, one, indent)))
    elif isinstance(node, Object):
        yield f"{name}:"
        yield from _object(node, indent + STEP)
    else:
        assert isinstance(node, Items)
        yield f"{name}:"
        yield from _items(node, indent)


def _items(node: Items, indent: int) -> Iterator[str]:
    for entry in node.entries:
        yield from _under(entry.conditions, list(_item(entry.node, indent)))


def _item(node: Node, indent: int) -> Iterator[str]:
    inline = _inline(node)
    dash = " " * indent + "- "
    if inline is not None:
        leaf = _token(node.value) if isinstance(node, Scalar) else None
        if leaf is not None and isinstance(leaf.sample, list):
            yield from _spread(leaf, indent)
        else:
            yield dash + inline
    elif isinstance(node, Choice):
        yield from _choice(node, lambda one: list(_item(one, indent)))
    else:
        assert isinstance(node, Object)
        leaf = _listed(node)
        if leaf is not None:
            yield from _spread(leaf, indent)
            return
        lines = list(_object(_certain_first(node), indent + STEP))
        yield dash + lines[0].lstrip()
        yield from lines[1:]


def _certain_first(node: Object) -> Object:
    """With a field that is always there in front, because the item's dash stands before it."""
    first = next(
        key
        for key, entry in node.fields.items()
        if not entry.conditions and _token(key) is None and not _splits(entry.node)
    )
    return Object({first: node.fields[first], **node.fields})


def _splits(node: Node) -> bool:
    return isinstance(node, Choice) and _inline(node) is None


def _choice(node: Choice, lines: Callable[[Node], list[str]]) -> Iterator[str]:
    word = "if"
    for condition, branch in node.branches:
        yield f"{{{{- {word} {condition} }}}}"
        yield from lines(branch)
        word = "else if"
    yield "{{- else }}"
    yield from lines(node.otherwise)
    yield "{{- end }}"


def _spread(leaf: Leaf, indent: int) -> Iterator[str]:
    """All that a value holds, in place: labels, list items."""
    yield f"{{{{- with {leaf.expression} }}}}"
    yield f"{{{{ toYaml . | indent {indent} }}}}"
    yield "{{- end }}"


def _listed(node: Object) -> Leaf | None:
    """The list value that this item stands for."""
    if list(node.fields) != ["name"]:
        return None
    only = node.fields["name"].node
    leaf = _token(only.value) if isinstance(only, Scalar) else None
    return leaf if leaf is not None and isinstance(leaf.sample, list) else None


# -- scalars -------------------------------------------------------------------------------------


def _inline(node: Node) -> str | None:
    """On one line, when it can be."""
    if isinstance(node, Scalar):
        return scalar(node.value)
    if isinstance(node, Object):
        return None if node.fields else "{}"
    if isinstance(node, Items):
        return None if node.entries else "[]"
    branches = [(condition, _inline(one)) for condition, one in node.branches]
    otherwise = _inline(node.otherwise)
    if otherwise is None or any(text is None for _, text in branches):
        return None
    words = ["if", *["else if"] * (len(branches) - 1)]
    tests = [
        f"{{{{ {word} {condition} }}}}{text}"
        for word, (condition, text) in zip(words, branches, strict=True)
    ]
    return "".join((*tests, "{{ else }}", otherwise, "{{ end }}"))


def scalar(value: Any) -> str:
    """A value as YAML, its tokens as expressions."""
    if not isinstance(value, str):
        leaf = by_number().get(value) if isinstance(value, int) else None
        return json.dumps(value) if leaf is None else f"{{{{ {_read(leaf)} }}}}"
    if value.startswith(MARK):
        inner = value.strip(MARK)
        block = "weft.values" in inner
        return f"|\n{{{{ {inner} | indent 4 }}}}" if block else f"{{{{ {inner} }}}}"
    whole = _token(value)
    if whole is not None:
        return f"{{{{ {_read(whole)} | {'toJson' if whole.as_json else 'quote'} }}}}"
    found = [by_number()[int(one[1])] for one in TOKEN.finditer(value)]
    if not found:
        return json.dumps(value, ensure_ascii=False).replace("{{", '{{ "{{" }}')
    form = TOKEN.sub("%v", value.replace("%", "%%"))
    arguments = " ".join(
        f"({_read(leaf)})" if leaf.whole_number else leaf.expression for leaf in found
    )
    return f"{{{{ printf {json.dumps(form)} {arguments} | quote }}}}"


def _read(leaf: Leaf) -> str:
    return f"{leaf.expression} | int64" if leaf.whole_number else leaf.expression


def _token(text: Any) -> Leaf | None:
    """The value whose token is the whole text."""
    found = TOKEN.fullmatch(text) if isinstance(text, str) else None
    return by_number()[int(found[1])] if found else None


def _simple(key: str) -> bool:
    return (
        all(
            part.isalnum()
            for part in key.replace("-", "x").replace("_", "x").split("/")[0].split(".")
        )
        and not key[0].isdigit()
    )
