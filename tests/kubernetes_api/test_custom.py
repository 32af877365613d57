"""Custom resources: definition, schema, defaults, pruning, status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api.api import TABLE
from tests.kubernetes_api.samples import crd

if TYPE_CHECKING:
    from tests.kubernetes_api.api import Api

Json = dict[str, Any]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

pytestmark = pytest.mark.usefixtures("widgets")


def _widget(name: str = "one", **spec: Any) -> Json:
    kind = {"apiVersion": "example.com/v1", "kind": "Widget"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def test_a_life(api: Api) -> None:
    made = api.create("widgets", _widget(colour="red"))
    api.get("widgets/one")
    api.get("widgets/one", accept=TABLE)
    api.replace("widgets/one", {**made.body, "spec": {"size": 2}})
    api.patch("widgets/one", {"spec": {"size": None}})
    api.delete("widgets/one")
    api.get("widgets/one")


@pytest.mark.parametrize(
    "spec",
    [
        {"size": 10},
        {"size": "big"},
        {"colour": "blue"},
        {"size": 10, "colour": "blue"},
        {"size": 1.5},
    ],
    ids=str,
)
def test_what_the_schema_refuses(api: Api, spec: Json) -> None:
    assert api.create("widgets", _widget(**spec)).code == 422


def test_what_the_schema_does_not_know(api: Api) -> None:
    api.create("widgets", _widget(other=1))
    api.create("widgets", _widget("two", other=1), fieldValidation="Strict")


def test_kind_and_version_are_demanded(api: Api) -> None:
    api.create("widgets", {"metadata": {"name": "one"}})
    api.create("widgets", {**_widget(), "kind": "Gadget"})
    api.create("widgets", {**_widget(), "apiVersion": "example.com/v2"})


def test_status_is_written_apart(api: Api) -> None:
    made = api.create("widgets", {**_widget(size=2), "status": {"seen": 5}})
    both = {**made.body, "spec": {"size": 3}, "status": {"seen": 6}}
    api.replace("widgets/one/status", both)
    api.patch("widgets/one", {"spec": {"size": 4}, "status": {"seen": 7}})
    api.get("widgets/one")


def test_a_definition(api: Api) -> None:
    found = api.quietly("GET", f"{DEFINITIONS}/widgets.example.com").body
    said = {
        "names": found["status"]["acceptedNames"],
        "stored": found["status"]["storedVersions"],
        "conditions": sorted(
            (one["type"], one["status"], one["reason"]) for one in found["status"]["conditions"]
        ),
    }
    api.transcript.note(
        "definition",
        None,
        [
            list(one) if isinstance(one, tuple) else one
            for one in (said["names"], said["stored"], *said["conditions"])
        ],
    )
    listed = api.quietly("GET", "/apis/example.com/v1")
    for one in listed.body["resources"]:
        one.pop("storageVersionHash", None)
    api.transcript.note("resources", listed.code, listed.body)


@pytest.mark.parametrize(
    "what", ["name", "no schema", "no storage", "two storages", "scope", "type", "default"]
)
def test_what_is_no_definition(api: Api, what: str) -> None:
    body = crd()
    body["metadata"]["name"] = "gadgets.example.com"
    body["spec"]["names"] = {"plural": "gadgets", "kind": "Gadget"}
    (version,) = body["spec"]["versions"]
    match what:
        case "name":
            body["metadata"]["name"] = "other.example.com"
        case "no schema":
            del version["schema"]
        case "no storage":
            version["storage"] = False
        case "two storages":
            body["spec"]["versions"].append({**version, "name": "v2"})
        case "scope":
            body["spec"]["scope"] = "Everywhere"
        case "type":
            version["schema"]["openAPIV3Schema"]["properties"]["spec"] = {"properties": {}}
        case "default":
            version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["size"][
                "default"
            ] = 99
    assert api.create(DEFINITIONS, body, dryRun="All").code == 422
