"""Kubernetes label selectors: `app=web,tier!=cache,env in (a,b),!canary`.

Grammar and meaning are the API server's: requirements are joined by "and"; `!=` and `notin` also
hold when the label is absent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_EQUALITY = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EXISTS = re.compile(rf"(!\s*)?({_KEY})")
_ONE_VALUE = re.compile(_VALUE)

LONGEST = 4096
"""Characters of a selector. Anyone's request may bring one, and no list of values that a person writes is longer."""

Labels = Mapping[str, str]


class SelectorError(ValueError):
    """Text that is not a selector; the message names the part and the forms allowed."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """The label must be (or, negated, must not be) one of `values`; None: any value, so must exist."""

    key: str
    values: frozenset[str] | None
    negated: bool = False

    def matches(self, labels: Labels) -> bool:
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found is not self.negated


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements that must all hold; without any, everything is selected."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        return all(one.matches(labels) for one in self.requirements)


EVERYTHING = LabelSelector()


def parse_selector(text: str) -> LabelSelector:
    """Raises SelectorError."""
    if len(text) > LONGEST:
        raise SelectorError(
            f"{text[:40]!r}... has {len(text)} characters: a selector has at most {LONGEST}"
        )
    return LabelSelector(tuple(_requirement(part) for part in _split(text)))


def _split(text: str) -> list[str]:
    """The parts between commas outside parentheses."""
    if not text.strip():
        return []
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _requirement(text: str) -> Requirement:
    text = text.strip()  # not by the patterns, which would try every way to share blanks out
    if match := _EQUALITY.fullmatch(text):
        key, operator, value = match.groups()
        return Requirement(key, frozenset((value,)), negated=operator == "!=")
    if match := _SET.fullmatch(text):
        values = [value.strip() for value in match[3].split(",")]
        if all(_ONE_VALUE.fullmatch(value) for value in values):
            return Requirement(match[1], frozenset(values), negated=match[2] == "notin")
    if match := _EXISTS.fullmatch(text):
        return Requirement(match[2], None, negated=match[1] is not None)
    raise SelectorError(
        f"{text!r} is not a label requirement: allowed are key=value, key!=value, "
        "key in (a,b), key notin (a,b), key, !key"
    )
