"""Label and field selectors: their text and object forms, and whether an object matches.

Grammar and error texts follow apimachinery `labels.Parse` and `fields.ParseSelector`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.apiserver.errors import BadRequestError
from sandbox.apiserver.kinds import Kind, StorageKey
from sandbox.apiserver.objects import Obj, dig, labels_of, name_of, namespace_of

Operator = Literal["=", "!=", "in", "notin", "exists", "!", ">", "<"]


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        present = self.key in labels
        match self.operator:
            case "=" | "in":
                return present and labels[self.key] in self.values
            case "!=" | "notin":
                return not present or labels[self.key] not in self.values
            case "exists":
                return present
            case "!":
                return not present
            case ">" | "<":
                return present and self._compares(labels[self.key])

    def _compares(self, label: str) -> bool:
        try:
            have, bound = int(label), int(next(iter(self.values)))
        except ValueError:
            return False
        return have > bound if self.operator == ">" else have < bound


@dataclass(frozen=True, slots=True)
class LabelSelector:
    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(one.matches(labels) for one in self.requirements)

    @property
    def everything(self) -> bool:
        return not self.requirements


EVERYTHING = LabelSelector()

_TOKEN = re.compile(r"\s*(==|!=|=|!|>|<|\(|\)|,|[A-Za-z0-9_./\-]+)")


def parse_labels(text: str) -> LabelSelector:
    """Reads `app=web,tier in (a, b),!canary`. BadRequestError names what was found instead."""
    if not text.strip():
        return EVERYTHING
    return LabelSelector(tuple(_Parser(text).requirements()))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._scan(text)
        self._at = 0

    def _scan(self, text: str) -> list[str]:
        tokens: list[str] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._error(f"unexpected character {text[position:].lstrip()[:1]!r}")
            tokens.append(match.group(1))
            position = match.end()
        return tokens

    def _error(self, why: str) -> BadRequestError:
        return BadRequestError(f'unable to parse requirement: "{self._text}": {why}')

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        found = self._next()
        if found != wanted:
            raise self._error(f"found '{found}', expected: '{wanted}'")

    def _word(self, what: str) -> str:
        word = self._next()
        if not word or not (word[0].isalnum() or word[0] in "_.-/"):
            raise self._error(f"found '{word}', expected: {what}")
        return word

    def _key(self) -> str:
        word = self._word("identifier")
        prefix, slash, name = word.rpartition("/")
        if not name or (slash and not prefix) or "/" in prefix:
            raise self._error(f"'{word}' is no name of a label")
        return word

    def requirements(self) -> list[Requirement]:
        found = [self._requirement()]
        while self._peek() == ",":
            self._next()
            found.append(self._requirement())
        if self._peek():
            raise self._error(f"found '{self._peek()}', expected: ',' or 'end of string'")
        return found

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._next()
            return Requirement(self._key(), "!")
        key = self._key()
        operator = self._peek()
        match operator:
            case "" | ",":
                return Requirement(key, "exists")
            case "=" | "==" | "!=":
                self._next()
                return Requirement(
                    key, "!=" if operator == "!=" else "=", frozenset([self._value()])
                )
            case "in" | "notin":
                self._next()
                return Requirement(key, operator, self._values())
            case ">" | "<":
                self._next()
                bound = self._word("an integer")
                if not bound.lstrip("-").isdigit():
                    raise self._error(
                        f"for 'Gt', 'Lt' operators, the value must be an integer, not '{bound}'"
                    )
                return Requirement(key, operator, frozenset([bound]))
        raise self._error(
            f"found '{operator}', expected: in, notin, =, ==, !=, >, <, ',' or 'end of string'"
        )

    def _value(self) -> str:
        """A value may be empty: `app=` selects the label with an empty value."""
        return "" if self._peek() in ("", ",", ")") else self._word("identifier")

    def _values(self) -> frozenset[str]:
        self._expect("(")
        values = {self._value()}
        while self._peek() == ",":
            self._next()
            values.add(self._value())
        self._expect(")")
        return frozenset(values)


_OPERATORS: dict[str, Operator] = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
}


def labels_from_object(selector: Mapping[str, Any] | None) -> LabelSelector:
    """The `metav1.LabelSelector` form: `{matchLabels, matchExpressions}`.

    An empty object selects everything, as in Kubernetes; None selects everything too, so callers
    for whom "no selector" means nothing ask that first. ValueError for an unknown operator.
    """
    if not selector:
        return EVERYTHING
    found = [
        Requirement(key, "=", frozenset([value]))
        for key, value in (selector.get("matchLabels") or {}).items()
    ]
    for expression in selector.get("matchExpressions") or []:
        operator = _OPERATORS.get(expression.get("operator", ""))
        if operator is None:
            raise ValueError(
                f"{expression.get('operator')!r} is not a valid label selector operator"
            )
        values = frozenset(expression.get("values") or [])
        found.append(Requirement(expression["key"], operator, values))
    return LabelSelector(tuple(found))


def labels_from_map(selector: Mapping[str, str] | None) -> LabelSelector:
    """The plain map of Services and ReplicationControllers."""
    pairs = (selector or {}).items()
    return LabelSelector(tuple(Requirement(key, "=", frozenset([value])) for key, value in pairs))


FieldReader = Callable[[Obj], Any]


def _at(*path: str) -> FieldReader:
    return lambda obj: dig(obj, *path)


_ALWAYS: dict[str, FieldReader] = {"metadata.name": name_of, "metadata.namespace": namespace_of}

_FIELDS: dict[StorageKey, dict[str, FieldReader]] = {
    ("", "pods"): {
        "spec.nodeName": _at("spec", "nodeName"),
        "spec.restartPolicy": _at("spec", "restartPolicy"),
        "spec.schedulerName": _at("spec", "schedulerName"),
        "spec.serviceAccountName": _at("spec", "serviceAccountName"),
        "spec.hostNetwork": lambda obj: bool(dig(obj, "spec", "hostNetwork")),
        "status.phase": _at("status", "phase"),
        "status.podIP": _at("status", "podIP"),
        "status.nominatedNodeName": _at("status", "nominatedNodeName"),
    },
    ("", "events"): {
        **{
            f"involvedObject.{name}": _at("involvedObject", name)
            for name in (
                "kind",
                "namespace",
                "name",
                "uid",
                "apiVersion",
                "resourceVersion",
                "fieldPath",
            )
        },
        "reason": _at("reason"),
        "reportingComponent": _at("reportingComponent"),
        "source": lambda obj: dig(obj, "source", "component") or obj.get("reportingComponent"),
        "type": _at("type"),
    },
    ("events.k8s.io", "events"): {
        **{
            f"regarding.{name}": _at("regarding", name)
            for name in (
                "kind",
                "namespace",
                "name",
                "uid",
                "apiVersion",
                "resourceVersion",
                "fieldPath",
            )
        },
        "reason": _at("reason"),
        "reportingController": _at("reportingController"),
        "type": _at("type"),
    },
    ("", "secrets"): {"type": _at("type")},
    ("", "namespaces"): {"name": name_of, "status.phase": _at("status", "phase")},
    ("", "nodes"): {"spec.unschedulable": lambda obj: bool(dig(obj, "spec", "unschedulable"))},
    ("", "services"): {
        "spec.clusterIP": _at("spec", "clusterIP"),
        "spec.type": _at("spec", "type"),
    },
    ("apps", "replicasets"): {"status.replicas": _at("status", "replicas")},
    ("", "replicationcontrollers"): {"status.replicas": _at("status", "replicas")},
    ("batch", "jobs"): {"status.successful": _at("status", "succeeded")},
}


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    field: str
    equal: bool
    value: str
    reader: FieldReader

    def matches(self, obj: Obj) -> bool:
        return (_as_text(self.reader(obj)) == self.value) is self.equal


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@dataclass(frozen=True, slots=True)
class FieldSelector:
    requirements: tuple[FieldRequirement, ...] = ()

    def matches(self, obj: Obj) -> bool:
        return all(one.matches(obj) for one in self.requirements)


ANY_FIELDS = FieldSelector()

_TERM_END = re.compile(r"(?<!\\),")


def parse_fields(
    text: str, kind: Kind, selectable: Mapping[str, FieldReader] | None = None
) -> FieldSelector:
    """Reads `spec.nodeName=sandbox,status.phase!=Running`.

    `selectable` adds the fields a CRD declares. BadRequestError when the kind does not offer a
    field, as the real server refuses it.
    """
    offered = {**_ALWAYS, **_FIELDS.get(kind.key, {}), **(selectable or {})}
    found: list[FieldRequirement] = []
    for term in _TERM_END.split(text):
        if not term.strip():
            continue
        match = re.fullmatch(r"([^=!]+?)\s*(!=|==|=)\s*(.*)", term.strip())
        if match is None:
            raise BadRequestError(f"invalid selector: '{text}'; can't understand '{term}'")
        field, operator, value = match.groups()
        reader = offered.get(field)
        if reader is None:
            raise BadRequestError(
                f'Unable to find "{kind.api_version}, Resource={kind.plural}" that match label'
                f' selector "", field selector "{text}": field label not supported: {field}'
            )
        value = re.sub(r"\\([\\,=])", r"\1", value)
        found.append(FieldRequirement(field, operator != "!=", value, reader))
    return FieldSelector(tuple(found))


def named(name: str) -> FieldRequirement:
    """Selects the object called `name`: a watch of one object."""
    return FieldRequirement("metadata.name", True, name, name_of)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects of one kind a list or watch is about."""

    namespace: str | None = None
    """None: all namespaces, or a cluster-wide kind."""
    labels: LabelSelector = EVERYTHING
    fields: FieldSelector = ANY_FIELDS

    def covers(self, obj: Obj) -> bool:
        return (
            (self.namespace is None or namespace_of(obj) == self.namespace)
            and self.labels.matches(labels_of(obj))
            and self.fields.matches(obj)
        )
