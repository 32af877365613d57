"""The four kinds of patch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api.samples import config_map, container, deployment, service

if TYPE_CHECKING:
    from tests.kubernetes_api.api import Api, Patch

Json = dict[str, Any]


def test_json_patches(api: Api) -> None:
    api.create("configmaps", config_map("one", a="1", b="2"))
    for operations in (
        [{"op": "add", "path": "/data/c", "value": "3"}],
        [{"op": "remove", "path": "/data/a"}],
        [{"op": "replace", "path": "/data/b", "value": "4"}],
        [{"op": "move", "from": "/data/b", "path": "/data/d"}],
        [{"op": "copy", "from": "/data/d", "path": "/data/e"}],
        [{"op": "test", "path": "/data/d", "value": "4"}, {"op": "remove", "path": "/data/d"}],
        [{"op": "add", "path": "/metadata/labels", "value": {"a/b": "c"}}],
        [{"op": "replace", "path": "/metadata/labels/a~1b", "value": "d"}],
    ):
        api.patch("configmaps/one", operations, "json")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "9"},
        {"op": "remove", "path": "/data/none"},
        {"op": "replace", "path": "/data/none", "value": "1"},
        {"op": "add", "path": "/none/below", "value": "1"},
        {"op": "bend", "path": "/data/a"},
        {"path": "/data/a"},
    ],
    ids=lambda one: f"{one.get('op', 'nothing')} {one['path']}",
)
def test_json_patches_that_do_not_fit(api: Api, operation: Json) -> None:
    """The code and the reason; what else is said is a library's."""
    api.quietly("POST", "configmaps", config_map("one", a="1"))
    answer = api.quietly(
        "PATCH", "configmaps/one", [operation], content_type="application/json-patch+json"
    )
    api.transcript.note("PATCH", answer.code, answer.body.get("reason"))


def test_merge_patches(api: Api) -> None:
    api.create("configmaps", config_map("one", a="1", b="2"))
    for change in (
        {"data": {"c": "3"}},
        {"data": {"a": None}},
        {"data": {"none": None}},
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"labels": None}},
        {"data": None},
        {},
    ):
        api.patch("configmaps/one", change, "merge")


def test_a_merge_patch_replaces_lists(api: Api) -> None:
    api.create("services", service(ports=[{"name": "a", "port": 1}, {"name": "b", "port": 2}]))
    api.patch("services/web", {"spec": {"ports": [{"name": "c", "port": 3}]}}, "merge")


STRATEGIC: dict[str, Json] = {
    "a container by its name": {"containers": [{"name": "app", "image": "new"}]},
    "a container more": {"containers": [{"name": "more", "image": "more"}]},
    "a container less": {"containers": [{"$patch": "delete", "name": "side"}]},
    "containers in order": {"$setElementOrder/containers": [{"name": "side"}, {"name": "app"}], "containers": [{"name": "app", "image": "new"}]},
    "containers replaced": {"containers": [{"$patch": "replace"}, {"name": "only", "image": "only"}]},
    "a variable by its name": {"containers": [{"name": "app", "env": [{"name": "A", "value": "9"}]}]},
    "a variable less": {"containers": [{"name": "app", "env": [{"$patch": "delete", "name": "A"}]}]},
    "a variable of another place": {"containers": [{"name": "app", "env": [{"name": "A", "value": None, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}]},
    "arguments replaced": {"containers": [{"name": "app", "args": ["z"]}]},
    "a port by its number": {"containers": [{"name": "app", "ports": [{"containerPort": 80, "name": "web"}]}]},
    "a toleration": {"tolerations": [{"key": "b"}]},
    "a volume of another kind": {"volumes": [{"name": "v", "emptyDir": None, "hostPath": {"path": "/x"}}]},
    "a volume that retains its keys": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]},
    "a selector": {"nodeSelector": {"x": "y"}},
    "a selector replaced": {"nodeSelector": {"$patch": "replace", "x": "y"}},
    "a selector less": {"nodeSelector": None},
    "a container without a name": {"containers": [{"image": "x"}]},
}  # fmt: skip


@pytest.mark.parametrize("what", STRATEGIC)
def test_strategic_patches_of(api: Api, what: str) -> None:
    app = container(
        env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        args=["x", "y"],
        ports=[{"containerPort": 80}, {"containerPort": 81}],
    )
    body = deployment(paused=True, replicas=0)
    body["spec"]["template"]["spec"] |= {
        "containers": [app, container("side")],
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    }
    api.quietly("POST", "deployments", body)
    change = {"spec": {"template": {"spec": STRATEGIC[what]}}}
    answer = api.quietly(
        "PATCH", "deployments/web", change, content_type="application/strategic-merge-patch+json"
    )
    said = (
        answer.body["spec"]["template"]["spec"] if answer.code == 200 else answer.body.get("reason")
    )
    api.transcript.note("PATCH deployments/web", answer.code, said)


def test_what_is_no_patch(api: Api) -> None:
    api.quietly("POST", "configmaps", config_map("one", a="1"))
    for kind, body in (("merge", [1]), ("strategic", [1]), ("json", {"a": 1})):
        answer = api.quietly("PATCH", "configmaps/one", body,
                             content_type=f"application/{kind}-patch+json".replace("strategic", "strategic-merge"))  # fmt: skip
        api.transcript.note(f"PATCH {kind}", answer.code, answer.body["reason"])
    api.ask("PATCH", "configmaps/one", {}, content_type="application/json")
    api.patch("configmaps/none", {"data": {"a": "1"}})
    api.patch("configmaps/one", {"metadata": {"name": "two"}})
    api.patch("configmaps/one", {"data": {"a": 1}})


def test_a_custom_resource_takes_no_strategic_patch(api: Api, widgets: None) -> None:
    api.create(
        "widgets", {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}}
    )
    api.patch("widgets/one", {"spec": {"size": 2}}, "strategic")
    api.patch("widgets/one", {"spec": {"size": 2}}, "merge")


# -- server-side apply ----------------------------------------------------------------------------


def _applied(name: str = "one", **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", **config_map(name), "data": data}


def _apply(api: Api, body: Json, path: str = "configmaps/one", **query: str) -> None:
    api.patch(path, body, "apply", **{"fieldManager": "me", **query})


@pytest.mark.managed_fields
def test_applying_creates_and_owns(api: Api) -> None:
    _apply(api, _applied(a="1"))
    _apply(api, _applied(a="1", b="2"))
    _apply(api, _applied(b="2"))


@pytest.mark.managed_fields
def test_two_who_apply(api: Api) -> None:
    _apply(api, _applied(a="1"))
    _apply(api, _applied(a="2"), fieldManager="you")
    _apply(api, _applied(a="1", b="2"), fieldManager="you")
    _apply(api, _applied(a="3"), fieldManager="you", force="true")
    _apply(api, _applied(c="4"))
    api.get("configmaps/one")


@pytest.mark.managed_fields
def test_who_updates_owns_what_changes(api: Api) -> None:
    api.create("configmaps", config_map("one", a="1", b="2"), fieldManager="maker")
    api.patch("configmaps/one", {"data": {"b": "3"}}, "merge", fieldManager="changer")
    _apply(api, _applied(b="4"))
    _apply(api, _applied(b="4"), force="true")


@pytest.mark.managed_fields
def test_lists_are_owned_entry_by_entry(api: Api) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        **service(clusterIP="None", ports=[{"name": "a", "port": 1}]),
    }
    more = {
        "apiVersion": "v1",
        "kind": "Service",
        **service(clusterIP="None", ports=[{"name": "b", "port": 2}]),
    }
    _apply(api, body, "services/web")
    _apply(api, more, "services/web", fieldManager="you")
    _apply(api, {**body, "spec": {"clusterIP": "None"}}, "services/web")


def test_what_cannot_be_applied(api: Api) -> None:
    _apply(api, _applied("two"))
    _apply(api, {"data": {"a": "1"}})
    _apply(api, {**_applied(), "kind": "Secret"})
    api.patch("configmaps/one", _applied(), "apply")
    managed = _applied()
    managed["metadata"]["managedFields"] = [{"manager": "x"}]
    _apply(api, managed)


@pytest.mark.parametrize("kind", ["merge", "apply"])
def test_patches_of_a_status(api: Api, kind: Patch) -> None:
    api.quietly("POST", "services", service(clusterIP="None"))
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
    }
    answer = api.quietly("PATCH", "services/web/status", body, query={"fieldManager": "me"},
                         content_type=f"application/{kind}-patch+{'yaml' if kind == 'apply' else 'json'}")  # fmt: skip
    said = answer.body["status"] if answer.code == 200 else answer.body
    api.transcript.note("PATCH services/web/status", answer.code, said)
