"""Which environment variables the API server and the runtime take, and what is said of others."""

from typing import Any

import pytest

from weft.variables import VariableError, check_variables


@pytest.mark.parametrize(
    "one",
    [
        {"name": "A"},
        {"name": "A", "value": ""},
        {"name": "my.own-name 1", "value": "é=1\n"},
        {"name": "A", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": 1}}},
        {
            "name": "A",
            "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}},
        },
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ],
)
def test_what_is_taken(one: dict[str, Any]) -> None:
    check_variables([one])


FIELD = {"fieldRef": {"fieldPath": "spec.nodeName"}}
WRONG: list[tuple[Any, str]] = [
    ("A", "is not keys and values"),
    ({"name": "A", "vale": "1"}, "has 'vale': allowed are name, value, valueFrom"),
    ({"value": "1"}, "needs a name of printable ASCII"),
    ({"name": ""}, "not ''"),
    ({"name": "A=B"}, "without '=', not 'A=B'"),
    ({"name": "A\n"}, "needs a name"),
    ({"name": "Ä"}, "needs a name"),
    ({"name": "\ud800"}, "needs a name"),
    ({"name": "A", "value": 1}, r"\(A\) needs a value that is text, not 1"),
    ({"name": "A", "value": "a\0b"}, "with NUL or half a character"),
    ({"name": "A", "value": "\ud800"}, "with NUL or half a character"),
    ({"name": "A", "valueFrom": "x"}, r"\(A\) needs keys and values in valueFrom"),
    ({"name": "A", "valueFrom": None}, "needs keys and values in valueFrom"),
    ({"name": "A", "value": "1", "valueFrom": FIELD}, "has both value and valueFrom"),
    ({"name": "A", "valueFrom": {}}, "exactly one of fieldRef, resourceFieldRef"),
    ({"name": "A", "valueFrom": {"x": {}}}, "exactly one of fieldRef"),
    ({"name": "A", "valueFrom": {**FIELD, "secretKeyRef": {}}}, "exactly one of fieldRef"),
    ({"name": "A", "valueFrom": {"fieldRef": "x"}}, "keys and values in valueFrom.fieldRef"),
    ({"name": "A", "valueFrom": {"secretKeyRef": {"key": "k"}}}, "needs name, a text"),
    (
        {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x", "y": float("nan")}}},
        "has 'y' in valueFrom.fieldRef",
    ),
    ({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x", "y": {}}}}, "has 'y'"),
    ({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "\udfff"}}}, "has 'fieldPath'"),
    ({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x", "\ud800": "y"}}}, "has '.ud800'"),
]


@pytest.mark.parametrize(("one", "said"), WRONG)
def test_what_is_refused_is_named_with_its_place(one: Any, said: str) -> None:
    with pytest.raises(VariableError, match=rf"number 1 .*{said}"):
        check_variables([{"name": "OK"}, one])
