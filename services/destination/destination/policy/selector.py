"""Label selectors, by Kubernetes' rules: all requirements must hold; no requirement selects all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from destination.policy.fields import choice, each
from kit.kube.objects import mapping, sequence

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    label: str
    operator: str
    values: tuple[str, ...] = ()

    def admits(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.label)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
        return value is None


@dataclass(frozen=True, slots=True)
class Selector:
    requirements: tuple[Requirement, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        return all(one.admits(labels) for one in self.requirements)


EVERYTHING = Selector()


def read(obj: object) -> Selector:
    """`matchLabels` and `matchExpressions`. Raises ValueError for an operator that does not exist."""
    fields = mapping(obj)
    equal = [
        Requirement(str(label), "In", (str(value),))
        for label, value in mapping(fields.get("matchLabels")).items()
    ]
    return Selector((*equal, *each(fields, "matchExpressions", _expression)))


def _expression(one: Mapping[str, Any]) -> Requirement:
    operator = choice(one, "operator", "", OPERATORS)
    values = tuple(str(value) for value in sequence(one.get("values")))
    return Requirement(str(one["key"]), operator, values)
