"""Webhooks: who is asked, in which order, what becomes of their answers, and of those that fail."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api import hooks as webhooks
from tests.kubernetes_api.samples import config_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kubernetes_api.api import Api
    from tests.kubernetes_api.hooks import Hooks
    from tests.mesh.cluster import Cluster

Json = dict[str, Any]
ROOT = "/apis/admissionregistration.k8s.io/v1"
RULE = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}


@pytest.fixture
def hooks(cluster: Cluster) -> Iterator[Hooks]:
    if not cluster.pods_are_here:
        pytest.skip("the API server of this cluster cannot reach this host")
    with webhooks.serving() as serving:
        yield serving


@contextmanager
def configured(api: Api, hooks: Hooks, kind: str, *entries: Json) -> Iterator[None]:
    """A configuration of these webhooks for the test's namespace, in force."""
    name = f"{api.namespace}-{kind}"
    chosen = {"matchLabels": {"kubernetes.io/metadata.name": api.namespace}}
    body = {
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": f"{entry['path']}.example.com",
                "clientConfig": hooks.client_config(entry["path"]),
                "rules": [RULE],
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "namespaceSelector": chosen,
                "timeoutSeconds": 2,
            }
            | {key: value for key, value in entry.items() if key != "path"}
            for entry in (
                *entries,
                {"path": "marker", "objectSelector": {"matchLabels": {"marker": kind}}},
            )
        ],
    }
    hooks.answers["marker"] = lambda _: {"allowed": True}
    path = f"{ROOT}/{kind}webhookconfigurations"
    made = api.quietly("POST", path, body)
    assert made.code == 201, made.body
    try:
        _await_force(api, hooks, kind)
        yield
    finally:
        api.quietly("DELETE", f"{path}/{name}")


def _await_force(api: Api, hooks: Hooks, kind: str) -> None:
    """A server learns of configurations by a watch: ask until the last of this one is called."""
    probe = config_map("probe", labels={"marker": kind}, a="1")
    for _ in range(200):
        api.quietly("POST", "configmaps", probe, query={"dryRun": "All"})
        if any(path == "marker" for path, _ in hooks.asked):
            hooks.asked.clear()
            return
    raise AssertionError("the webhooks are never asked")


def allow(_: Json) -> Json:
    return {"allowed": True}


def answering(answer: Any) -> Callable[[Json], Any]:
    return lambda _: answer


def patching(*operations: Json) -> Callable[[Json], Json]:
    patch = b64encode(json.dumps(operations).encode()).decode()
    return lambda _: {"allowed": True, "patchType": "JSONPatch", "patch": patch}


def add(key: str, value: str) -> Json:
    return {"op": "add", "path": f"/data/{key}", "value": value}


def _asked(hooks: Hooks) -> list[str]:
    return [path for path, _ in hooks.asked]


def test_what_a_webhook_is_told(api: Api, hooks: Hooks) -> None:
    hooks.answers["see"] = allow
    with configured(api, hooks, "validating", {"path": "see"}):
        api.quietly("POST", "configmaps", config_map("one", a="1"), query={"fieldManager": "me"})
        api.quietly(
            "PATCH",
            "configmaps/one",
            {"data": {"a": "2"}},
            content_type="application/merge-patch+json",
            query={"fieldManager": "me"},
        )
        api.quietly("DELETE", "configmaps/one")
        api.quietly(
            "POST", "configmaps", config_map("two"), query={"dryRun": "All", "fieldManager": "me"}
        )
    for path, request in hooks.asked:
        for one in ("object", "oldObject"):
            if request.get(one):
                request[one]["metadata"].pop("managedFields", None)
        request["userInfo"] = request["userInfo"]["groups"][-1:]
        api.transcript.note(path, None, request)


def test_mutating_comes_before_validating(api: Api, hooks: Hooks) -> None:
    hooks.answers |= {
        "first": patching(add("b", "2")),
        "second": patching(add("c", "3")),
        "judge": allow,
    }
    with (
        configured(api, hooks, "validating", {"path": "judge"}),
        configured(api, hooks, "mutating", {"path": "first"}, {"path": "second"}),
    ):
        hooks.asked.clear()
        api.create("configmaps", config_map("one", a="1"))
    assert _asked(hooks) == ["first", "second", "judge"]
    api.transcript.note("seen", None, [request["object"]["data"] for _, request in hooks.asked])


def test_validating_comes_after_what_the_server_refuses_itself(api: Api, hooks: Hooks) -> None:
    hooks.answers |= {"change": allow, "judge": answering({"allowed": False})}
    bad = config_map("one") | {"data": {"no key": "1"}}
    with (
        configured(api, hooks, "validating", {"path": "judge"}),
        configured(api, hooks, "mutating", {"path": "change"}),
    ):
        hooks.asked.clear()
        api.create("configmaps", bad)
        api.transcript.note("asked", None, _asked(hooks))


def test_reinvocation(api: Api, hooks: Hooks) -> None:
    """Who comes first is asked again when somebody later changed the object, and only then."""
    hooks.answers |= {"first": allow, "second": patching(add("c", "3"))}
    again = {"reinvocationPolicy": "IfNeeded"}
    with configured(
        api, hooks, "mutating", {"path": "first", **again}, {"path": "second", **again}
    ):
        api.quietly("POST", "configmaps", config_map("one", a="1"))
        api.transcript.note("changed", None, _asked(hooks))
        hooks.asked.clear()
        hooks.answers["second"] = allow
        api.quietly("POST", "configmaps", config_map("two", a="1"))
        api.transcript.note("unchanged", None, _asked(hooks))


def test_denials(api: Api, hooks: Hooks) -> None:
    denials: list[Json] = [
        {"allowed": False},
        {"allowed": False, "status": {"message": "because"}},
        {"allowed": False, "status": {"code": 404, "message": "not here", "reason": "NotFound"}},
        {"allowed": False, "status": {"code": 200, "message": "odd"}},
    ]
    for kind in ("mutating", "validating"):
        for denial in denials:
            hooks.answers["no"] = answering(denial)
            with configured(
                api,
                hooks,
                kind,
                {"path": "no", "objectSelector": {"matchLabels": {"judge": "yes"}}},
            ):
                api.create("configmaps", config_map("one", labels={"judge": "yes"}))


GARBAGE: dict[str, Any] = {
    "no JSON": b"nonsense",
    "nothing": b"",
    "no response": b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}',
    "another uid": {"uid": "other", "allowed": True},
    "another kind": b'{"apiVersion": "v1", "kind": "Pod"}',
    "a patch of no type": {"allowed": True, "patch": "W10="},
    "a patch that does not fit": {"allowed": True, "patchType": "JSONPatch", "patch": b64encode(b'[{"op":"remove","path":"/data/x"}]').decode()},
    "a patch that is none": {"allowed": True, "patchType": "JSONPatch", "patch": b64encode(b"{}").decode()},
}  # fmt: skip


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_answers_that_are_none(api: Api, hooks: Hooks, policy: str, what: str) -> None:
    """The code and the reason: the words are a library's."""
    hooks.answers["odd"] = answering(GARBAGE[what])
    entry = {
        "path": "odd",
        "failurePolicy": policy,
        "objectSelector": {"matchLabels": {"judge": "yes"}},
    }
    with configured(api, hooks, "mutating", entry):
        found = api.quietly("POST", "configmaps", config_map("one", labels={"judge": "yes"}, a="1"))
    api.transcript.note(f"{policy}: {what}", found.code, found.body.get("reason"))


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
@pytest.mark.parametrize("what", ["nobody listens", "it takes too long"])
def test_nobody_answers(api: Api, hooks: Hooks, policy: str, what: str) -> None:
    hooks.answers["late"] = allow
    entry = {
        "path": "late",
        "failurePolicy": policy,
        "timeoutSeconds": 1,
        "objectSelector": {"matchLabels": {"judge": "yes"}},
    }
    if what == "nobody listens":
        entry["clientConfig"] = {"url": "https://127.0.0.1:1/x"}
    with configured(api, hooks, "validating", entry):
        hooks.delay = 3.0
        found = api.quietly("POST", "configmaps", config_map("one", labels={"judge": "yes"}))
    api.transcript.note(f"{policy}: {what}", found.code, found.body.get("reason"))


def test_which_objects_are_shown(api: Api, hooks: Hooks) -> None:
    hooks.answers |= dict.fromkeys(
        ("labelled", "created", "pods", "elsewhere", "expression"), allow
    )
    with configured(
        api, hooks, "validating",
        {"path": "labelled", "objectSelector": {"matchLabels": {"judge": "yes"}}},
        {"path": "created", "rules": [{**RULE, "operations": ["CREATE"]}]},
        {"path": "pods", "rules": [{**RULE, "resources": ["pods"]}]},
        {"path": "elsewhere", "namespaceSelector": {"matchLabels": {"no": "where"}}},
        {"path": "expression", "namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [api.namespace]}]}},
    ):  # fmt: skip
        for body in (config_map("one"), config_map("two", labels={"judge": "yes"})):
            hooks.asked.clear()
            api.quietly("POST", "configmaps", body)
            api.transcript.note("created", None, sorted(_asked(hooks)))
        hooks.asked.clear()
        api.quietly(
            "PATCH",
            "configmaps/two",
            {"metadata": {"labels": {"judge": "no"}}},
            content_type="application/merge-patch+json",
        )
        api.transcript.note("changed", None, sorted(_asked(hooks)))


def test_warnings_reach_the_caller(api: Api, hooks: Hooks) -> None:
    hooks.answers["warn"] = lambda _: {"allowed": True, "warnings": ["take care"]}
    with configured(api, hooks, "validating", {"path": "warn"}):
        found = api.http.post(api.url("configmaps"), json=config_map("one"))
    api.transcript.note("warning", found.status_code, found.headers.get("warning"))


def test_a_dry_run_asks_nobody_with_side_effects(api: Api, hooks: Hooks) -> None:
    hooks.answers["writes"] = allow
    entry = {"path": "writes", "sideEffects": "NoneOnDryRun"}
    with configured(api, hooks, "validating", entry):
        found = api.quietly("POST", "configmaps", config_map("one"), query={"dryRun": "All"})
        api.transcript.note("none on dry run", found.code, _asked(hooks))
