from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.apiserver.errors import BadRequestError, ConflictError
from sandbox.apiserver.kinds import DEPLOYMENT, SERVICE
from sandbox.apiserver.objects import Obj, copied
from sandbox.apiserver.patch import apply, fields, json_patch, merge, strategic
from sandbox.apiserver.patch.json_patch import UnprocessablePatchError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


# RFC 7386, appendix A
@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: Any, patch: Any, expected: Any) -> None:
    assert merge.merged(target, patch) == expected


@given(JSON, JSON)
def test_merging_changes_neither_argument_and_settles(target: Any, patch: Any) -> None:
    before = copied(target), copied(patch)
    once = merge.merged(target, patch)
    assert (target, patch) == before
    assert merge.merged(once, patch) == once


def test_json_patch() -> None:
    operations = [
        {"op": "test", "path": "/a", "value": 1},
        {"op": "add", "path": "/list/-", "value": 3},
        {"op": "remove", "path": "/a"},
        {"op": "replace", "path": "/x~1y", "value": 2},
    ]
    target = {"a": 1, "list": [1], "x/y": 1}
    assert json_patch.patched(target, operations) == {"list": [1, 3], "x/y": 2}
    assert target == {"a": 1, "list": [1], "x/y": 1}


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/a", "value": 2}],
        [{"op": "remove", "path": "/missing"}],
        [{"op": "add", "path": "/a/b/c", "value": 1}],
        [{"path": "/a"}],
        [{"op": "dance", "path": "/a"}],
    ],
)
def test_a_json_patch_that_does_not_fit(operations: list[Obj]) -> None:
    with pytest.raises(UnprocessablePatchError, match="rejected our request"):
        json_patch.patched({"a": 1}, operations)


@pytest.mark.parametrize("operations", [{}, "x", 1])
def test_what_is_no_json_patch(operations: Any) -> None:
    with pytest.raises(BadRequestError, match="error decoding patch"):
        json_patch.patched({"a": 1}, operations)


# Strategic merge


def containers(*items: Obj) -> Obj:
    return {"spec": {"template": {"spec": {"containers": list(items)}}}}


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        pytest.param(
            containers({"name": "a", "image": "1"}, {"name": "b", "image": "1"}),
            containers({"name": "b", "image": "2"}),
            containers({"name": "a", "image": "1"}, {"name": "b", "image": "2"}),
            id="entries merge by key",
        ),
        pytest.param(
            containers({"name": "a"}),
            containers({"name": "c", "image": "1"}),
            containers({"name": "c", "image": "1"}, {"name": "a"}),
            id="others are added, and come first",
        ),
        pytest.param(
            containers({"name": "a"}, {"name": "b"}),
            containers({"name": "a", "$patch": "delete"}),
            containers({"name": "b"}),
            id="delete an entry",
        ),
        pytest.param(
            containers({"name": "a"}, {"name": "b"}),
            containers({"name": "c"}, {"$patch": "replace"}),
            containers({"name": "c"}),
            id="replace a list",
        ),
        pytest.param(
            {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}},
            {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
            {"spec": {"strategy": {"type": "Recreate"}}},
            id="retain keys",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "1", "b": "2"}}},
            {"metadata": {"labels": {"a": None, "c": "3"}}},
            {"metadata": {"labels": {"b": "2", "c": "3"}}},
            id="null deletes",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "1"}}},
            {"metadata": {"labels": {"$patch": "replace", "c": "3"}}},
            {"metadata": {"labels": {"c": "3"}}},
            id="replace an object",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "1"}}},
            {"metadata": {"labels": {"$patch": "delete"}}},
            {"metadata": {"labels": {}}},
            id="empty an object",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"finalizers": ["b", "c"]}},
            {"metadata": {"finalizers": ["a", "b", "c"]}},
            id="sets unite",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
            {"metadata": {"finalizers": ["b"]}},
            id="take out of a set",
        ),
        pytest.param(
            containers({"name": "a"}, {"name": "b"}, {"name": "x"}),
            {"spec": {"template": {"spec": {
                "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                "containers": [{"name": "a", "image": "1"}],
            }}}},
            containers({"name": "b"}, {"name": "a", "image": "1"}, {"name": "x"}),
            id="order of a list",
        ),
        pytest.param(
            containers({"name": "a", "command": ["x", "y"]}),
            containers({"name": "a", "command": ["z"]}),
            containers({"name": "a", "command": ["z"]}),
            id="other lists are atomic",
        ),
        pytest.param(
            containers({"name": "a", "env": [{"name": "X", "value": "1"}]}),
            containers({"name": "a", "env": [{"name": "Y", "value": "2"}]}),
            containers({"name": "a", "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}]}),
            id="nested lists merge",
        ),
        pytest.param(
            containers({"name": "a", "ports": [{"containerPort": 80}]}),
            containers({"name": "a", "ports": [{"containerPort": 80, "name": "http"}]}),
            containers({"name": "a", "ports": [{"containerPort": 80, "name": "http"}]}),
            id="container ports merge by containerPort",
        ),
    ],
)  # fmt: skip
def test_strategic_merge(target: Obj, patch: Obj, expected: Obj) -> None:
    before = copied(target), copied(patch)
    assert strategic.merged(target, patch, "Deployment") == expected
    assert (target, patch) == before


def test_service_ports_merge_by_port() -> None:
    target = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}
    patch = {"spec": {"ports": [{"port": 81, "targetPort": 8081}]}}
    assert strategic.merged(target, patch, "Service")["spec"]["ports"] == [
        {"port": 80, "name": "a"},
        {"port": 81, "name": "b", "targetPort": 8081},
    ]


@pytest.mark.parametrize(
    "patch",
    [
        {"$patch": "dance"},
        containers({"image": "1"}),
        {"spec": {"template": {"spec": {"containers": ["a"]}}}},
    ],
)
def test_strategic_nonsense_is_refused(patch: Obj) -> None:
    with pytest.raises(BadRequestError):
        strategic.merged(containers({"name": "a"}), patch, "Deployment")


# Server-side apply

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def applied(stored: Obj, manager: str, spec: Obj, *, force: bool = False) -> Obj:
    config = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": spec,
    }
    return apply.applied(
        DEPLOYMENT,
        stored,
        config,
        apply.Manager(manager, force),
        now=NOW,
        rule=apply.built_in_rules(DEPLOYMENT),
    )


def test_applying_creates_and_owns() -> None:
    made = applied({}, "one", {"replicas": 2})
    assert made["spec"] == {"replicas": 2}
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("one", "Apply")
    assert entry["fieldsV1"]["f:spec"] == {"f:replicas": {}}


def test_a_field_no_longer_applied_goes() -> None:
    made = applied({}, "one", {"replicas": 2, "paused": True})
    assert applied(made, "one", {"replicas": 2})["spec"] == {"replicas": 2}


def test_a_field_others_own_stays() -> None:
    made = applied(applied({}, "one", {"replicas": 2}), "two", {"replicas": 2, "paused": True})
    assert applied(made, "one", {})["spec"] == {"replicas": 2, "paused": True}


def test_a_field_others_own_with_another_value_conflicts() -> None:
    made = applied({}, "one", {"replicas": 2})
    with pytest.raises(ConflictError, match=r'conflict with "one": \.spec\.replicas'):
        applied(made, "two", {"replicas": 3})
    forced = applied(made, "two", {"replicas": 3}, force=True)
    assert forced["spec"] == {"replicas": 3}
    assert applied(forced, "one", {})["spec"] == {"replicas": 3}


def test_entries_of_keyed_lists_are_owned_each() -> None:
    def template(*items: Obj) -> Obj:
        return {"template": {"spec": {"containers": list(items)}}}

    made = applied({}, "one", template({"name": "a", "image": "1"}, {"name": "b", "image": "1"}))
    both = applied(made, "two", template({"name": "c", "image": "2"}))
    shown = applied(both, "one", template({"name": "a", "image": "9"}))["spec"]["template"]["spec"][
        "containers"
    ]
    assert shown == [{"name": "a", "image": "9"}, {"name": "c", "image": "2"}]
    with pytest.raises(ConflictError, match=r'containers\[name="c"\]\.image'):
        applied(both, "one", template({"name": "c", "image": "3"}))


def test_a_schema_says_how_lists_merge() -> None:
    schema = {
        "properties": {
            "spec": {
                "properties": {
                    "rules": {
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["id"],
                        "items": {
                            "properties": {"tags": {"x-kubernetes-list-type": "set"}, "plain": {}}
                        },
                    }
                }
            }
        }
    }
    rule = apply.schema_rules(schema)
    listed = rule(("spec", "rules"))
    assert listed is not None
    assert listed.keys == ("id",)
    tags = rule(("spec", "rules", "tags"))
    assert tags is not None
    assert tags.keys == ()
    assert rule(("spec", "rules", "plain")) is None
    assert rule(("spec", "unknown")) is None


def test_ports_are_told_apart_by_protocol() -> None:
    rule = apply.built_in_rules(SERVICE)
    tcp = [{"port": 53, "name": "tcp"}]
    udp = [{"port": 53, "protocol": "UDP", "name": "udp"}]
    merged = fields.merged({"spec": {"ports": tcp}}, {"spec": {"ports": udp}}, rule)
    assert merged["spec"]["ports"] == tcp + udp


@given(JSON)
def test_what_is_applied_is_there(value: Any) -> None:
    config = {"data": value} if isinstance(value, dict) else {"data": {"x": value}}
    merged = fields.merged({}, config, lambda path: None)
    assert merged == config
