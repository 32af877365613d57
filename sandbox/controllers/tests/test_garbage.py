"""Owner references, and how namespaces end."""

from typing import Any

import pytest

from sandbox.controllers import garbage, namespaces
from sandbox.controllers.actions import Action, Create, Delete, Update
from sandbox.controllers.objects import Object, metadata, name, owner_references, uid
from sandbox.controllers.tests.builders import ago


def thing(named: str, *owners: str, blocks: bool = True, **meta: Any) -> Object:
    refs = [
        {"kind": "Thing", "name": o, "uid": f"uid-{o}", "blockOwnerDeletion": blocks}
        for o in owners
    ]
    return {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {"name": named, "uid": f"uid-{named}", "ownerReferences": refs, **meta},
    }


def going(named: str, *finalizers: str, owners: tuple[str, ...] = ()) -> Object:
    return thing(named, *owners, deletionTimestamp=ago(0), finalizers=list(finalizers))


def decide(obj: Object, owners: list[Object] | None = None, children: list[Object] | None = None) -> list[Action]:  # fmt: skip
    return garbage.decide(obj, {uid(o): o for o in owners or []}, children or [])


def test_a_child_goes_when_every_owner_is_gone() -> None:
    child = thing("c", "a", "b")
    assert decide(child) == [Delete(child, "Background")]


def test_a_child_stays_while_one_owner_lives_and_forgets_the_other() -> None:
    (update,) = decide(thing("c", "a", "b"), owners=[thing("b")])
    assert isinstance(update, Update)
    assert [ref["name"] for ref in owner_references(update.object)] == ["b"]


@pytest.mark.parametrize(
    ("obj", "owners"),
    [
        (thing("free"), []),
        (thing("c", "a"), [thing("a")]),
        (going("c", "somebody/holds", owners=("a",)), []),
        (thing("c", "a"), [going("a", "somebody/holds")]),
    ],
    ids=["no owner", "the owner lives", "going already", "the owner is held by another"],
)
def test_who_is_left_alone(obj: Object, owners: list[Object]) -> None:
    assert decide(obj, owners) == []


def test_in_the_foreground_children_go_first_and_in_the_foreground_too() -> None:
    owner, child = going("a", garbage.FOREGROUND), thing("c", "a")
    assert decide(owner, children=[child]) == [Delete(child, "Foreground")]
    assert decide(child, owners=[owner]) == [Delete(child, "Foreground")]
    leaving = going("c", "x", owners=("a",))
    assert decide(owner, children=[leaving]) == []
    (update,) = decide(owner)
    assert isinstance(update, Update)
    assert metadata(update.object)["finalizers"] == []


def test_a_child_that_does_not_block_is_not_waited_for() -> None:
    owner, child = going("a", garbage.FOREGROUND, "other"), thing("c", "a", blocks=False)
    delete, update = decide(owner, children=[child])
    assert delete == Delete(child, "Foreground")
    assert isinstance(update, Update)
    assert metadata(update.object)["finalizers"] == ["other"]


def test_orphans_are_let_go_of_before_the_owner_goes() -> None:
    first, last = decide(going("a", garbage.ORPHAN), children=[thing("c", "a", "b")])
    assert isinstance(first, Update)
    assert [ref["name"] for ref in owner_references(first.object)] == ["b"]
    assert isinstance(last, Update)
    assert name(last.object) == "a"
    assert metadata(last.object)["finalizers"] == []


NAMESPACE: Object = {
    "metadata": {"name": "shop"}, "spec": {"finalizers": ["kubernetes", "mine"]},
}  # fmt: skip
ENDING: Object = {**NAMESPACE, "metadata": {"name": "shop", "deletionTimestamp": ago(0)}}


def test_a_namespace_is_emptied_and_then_let_go() -> None:
    staying, leaving = thing("a"), going("b")
    assert namespaces.decide_finalization(NAMESPACE, [staying]) == []
    assert namespaces.decide_finalization(ENDING, [staying, leaving]) == [Delete(staying)]
    (update,) = namespaces.decide_finalization(ENDING, [])
    assert isinstance(update, Update)
    assert update.object["spec"]["finalizers"] == ["mine"]
    assert namespaces.decide_finalization(update.object, []) == []


def test_what_every_namespace_holds() -> None:
    (account,) = namespaces.decide_service_account(NAMESPACE, None)
    assert isinstance(account, Create)
    assert (account.object["kind"], metadata(account.object)) == (
        "ServiceAccount", {"name": "default", "namespace": "shop"},
    )  # fmt: skip
    assert namespaces.decide_service_account(NAMESPACE, account.object) == []
    assert namespaces.decide_service_account(ENDING, None) == []
    (bundle,) = namespaces.decide_root_ca(NAMESPACE, None, "PEM")
    assert isinstance(bundle, Create)
    assert bundle.object["data"] == {"ca.crt": "PEM"}
    assert namespaces.decide_root_ca(NAMESPACE, bundle.object, "PEM") == []
    (renewed,) = namespaces.decide_root_ca(NAMESPACE, bundle.object, "OTHER")
    assert isinstance(renewed, Update)
    assert renewed.object["data"] == {"ca.crt": "OTHER"}
    assert namespaces.decide_root_ca(ENDING, None, "PEM") == []
