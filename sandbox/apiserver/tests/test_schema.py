from typing import Any

import pytest

from sandbox.apiserver.objects import Obj
from sandbox.apiserver.schema import fill, problems, prune


def schema(**properties: Obj) -> Obj:
    return {"type": "object", "properties": properties}


TEXT: Obj = {"type": "string"}


@pytest.mark.parametrize(
    ("properties", "obj", "kept", "gone"),
    [
        (schema(a=TEXT), {"a": "1", "b": 2}, {"a": "1"}, ["b"]),
        (schema(a=schema(b=TEXT)), {"a": {"b": "", "c": 1}}, {"a": {"b": ""}}, ["a.c"]),
        (
            schema(a={"type": "array", "items": schema(b=TEXT)}),
            {"a": [{"b": ""}, {"c": 1}]},
            {"a": [{"b": ""}, {}]},
            ["a[1].c"],
        ),
        (schema(a={"type": "object", "additionalProperties": TEXT}), {"a": {"x": "y"}}, {"a": {"x": "y"}}, []),
        (schema(a={"x-kubernetes-preserve-unknown-fields": True}), {"a": {"x": 1}}, {"a": {"x": 1}}, []),
        (
            schema(a={"type": "object", "additionalProperties": schema(b=TEXT)}),
            {"a": {"x": {"b": "", "c": 1}}},
            {"a": {"x": {"b": ""}}},
            ["a.x.c"],
        ),
        (schema(), {"apiVersion": "v1", "kind": "K", "metadata": {"x": 1}}, {"apiVersion": "v1", "kind": "K", "metadata": {"x": 1}}, []),
    ],
)  # fmt: skip
def test_pruning(properties: Obj, obj: Obj, kept: Obj, gone: list[str]) -> None:
    assert prune(properties, obj) == gone
    assert obj == kept


@pytest.mark.parametrize(
    ("properties", "obj", "expected"),
    [
        (schema(a={"default": 1}), {}, {"a": 1}),
        (schema(a={"default": 1}), {"a": 2}, {"a": 2}),
        (schema(a={"default": 1}), {"a": None}, {"a": 1}),
        (schema(a={"default": 1, "nullable": True}), {"a": None}, {"a": None}),
        (schema(a=schema(b={"default": 1})), {}, {}),
        (schema(a=schema(b={"default": 1})), {"a": {}}, {"a": {"b": 1}}),
        (schema(a={**schema(b={"default": 1}), "default": {}}), {}, {"a": {"b": 1}}),
        (schema(a={"items": schema(b={"default": 1})}), {"a": [{}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 2}]}),
        (schema(a={"additionalProperties": schema(b={"default": 1})}), {"a": {"x": {}}}, {"a": {"x": {"b": 1}}}),
    ],
)  # fmt: skip
def test_defaults(properties: Obj, obj: Obj, expected: Obj) -> None:
    fill(properties, obj)
    assert obj == expected


FITTING: list[tuple[Obj, Any]] = [
    (TEXT, "x"), ({"type": "integer"}, 1), ({"type": "integer"}, 1.0), ({"type": "number"}, 1.5),
    ({"type": "boolean"}, True), ({"type": "array"}, []), ({"type": "object"}, {}),
    ({**TEXT, "nullable": True}, None), ({"x-kubernetes-int-or-string": True}, "80"),
    ({"x-kubernetes-int-or-string": True}, 80), ({**TEXT, "enum": ["a"]}, "a"),
    ({**TEXT, "pattern": "^a+$"}, "aa"), ({"minimum": 1, "maximum": 1}, 1),
    ({**TEXT, "minLength": 1, "maxLength": 1}, "a"), ({"minItems": 1, "maxItems": 1}, [1]),
    ({**TEXT, "format": "date-time"}, "2026-01-01T00:00:00Z"), ({"multipleOf": 2}, 4),
    ({"x-kubernetes-list-type": "set"}, ["a", "b"]), ({"anyOf": [TEXT, {"type": "integer"}]}, 1),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}), ({"not": TEXT}, 1), ({"allOf": [TEXT]}, "a"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "value"), FITTING)
def test_what_fits(rule: Obj, value: Any) -> None:
    assert problems(schema(f=rule), {"f": value}) == []


UNFIT: list[tuple[Obj, Any, str]] = [
    (TEXT, 1, 'f in body must be of type string: "integer"'), ({"type": "integer"}, "1", "type integer"),
    ({"type": "integer"}, True, "type integer"), ({"type": "integer"}, 1.5, "type integer"),
    ({"type": "boolean"}, 0, "type boolean"), ({"type": "array"}, {}, "type array"),
    (TEXT, None, "type string"), ({"x-kubernetes-int-or-string": True}, 1.5, "integer or a string"),
    ({**TEXT, "enum": ["a"]}, "b", 'Unsupported value: "b": supported values: "a"'),
    ({**TEXT, "pattern": "^a+$"}, "b", "should match"), ({"minimum": 1}, 0, "greater than or equal to 1"),
    ({"maximum": 1}, 2, "less than or equal to 1"), ({"minimum": 1, "exclusiveMinimum": True}, 1, "greater than"),
    ({**TEXT, "minLength": 2}, "a", "at least 2"), ({**TEXT, "maxLength": 0}, "a", "at most 0"),
    ({"minItems": 1}, [], "at least 1"), ({"maxProperties": 0}, {"a": 1}, "at most 0"),
    ({**TEXT, "format": "date-time"}, "soon", "date-time"), ({"multipleOf": 2}, 3, "multiple of 2"),
    ({"x-kubernetes-list-type": "set"}, ["a", "a"], "Duplicate value"),
    ({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}, [{"k": 1}, {"k": 1}], "Duplicate"),
    ({"anyOf": [TEXT]}, 1, "at least one schema"), ({"oneOf": [{"required": ["a"]}, {}]}, {"a": 1}, "one and only one"),
    ({"not": TEXT}, "a", "must not validate"), ({"required": ["a"]}, {}, "Required value"),
    ({"items": TEXT}, [1], "f[0] in body"), ({"additionalProperties": TEXT}, {"x": 1}, "f.x in body"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "value", "words"), UNFIT)
def test_what_does_not_fit(rule: Obj, value: Any, words: str) -> None:
    (problem,) = problems(schema(f=rule), {"f": value})
    assert words in str(problem)
