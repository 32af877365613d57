import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.apiserver.admission import webhook_review
from sandbox.apiserver.admission.attributes import Attributes
from sandbox.apiserver.admission.webhook_call import CallFailedError
from sandbox.apiserver.admission.webhook_match import wanted
from sandbox.apiserver.defaults.fill import fill
from sandbox.apiserver.errors import ApiError, InternalError
from sandbox.apiserver.identity import CONTROLLER_MANAGER
from sandbox.apiserver.kinds import (
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    NODE,
    POD,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.tests.conftest import Cluster, pod, run


def configuration(kind: Kind = MUTATING_WEBHOOK_CONFIGURATION, **entry: Any) -> Obj:
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["pods"],
        "operations": ["CREATE"],
    }
    webhook = {
        "name": "hook.example.com",
        "clientConfig": {"url": "https://hook.example.com/"},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **entry,
    }
    made: Obj = {"metadata": {"name": "hooks"}, "webhooks": [webhook]}
    fill(kind, made)
    return made


def write(
    kind: Kind = POD, operation: Any = "CREATE", subresource: str = "", **labels: str
) -> Attributes:
    obj = {"metadata": {"name": "x", "labels": labels}}
    return Attributes(operation, kind, "n", "x", CONTROLLER_MANAGER, obj, subresource=subresource)


def rules(**rule: Any) -> Obj:
    base = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}
    return {"rules": [{**base, **rule}]}


@pytest.mark.parametrize(
    ("entry", "asked", "expected"),
    [
        ({}, write(), True),
        ({}, write(operation="UPDATE"), False),
        ({}, write(NODE), False),
        ({}, write(subresource="status"), False),
        (rules(), write(), True),
        (rules(), write(subresource="status"), False),
        (rules(resources=["*/*"]), write(subresource="status"), True),
        (rules(resources=["pods/status"]), write(subresource="status"), True),
        (rules(scope="Cluster"), write(), False),
        (rules(scope="Cluster"), write(NODE), True),
        (rules(scope="Namespaced"), write(NODE), False),
        (rules(apiGroups=["apps"]), write(), False),
        (rules(), write(MUTATING_WEBHOOK_CONFIGURATION), False),
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, write(), False),
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, write(a="b"), True),
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, write(), True),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, write(), False),
        (
            {**rules(), "namespaceSelector": {"matchLabels": {"a": "b"}}},
            write(NAMESPACE, a="b"),
            True,
        ),
        ({**rules(), "namespaceSelector": {"matchLabels": {"a": "b"}}}, write(NAMESPACE), False),
    ],
)
def test_which_writes_a_webhook_sees(entry: Obj, asked: Attributes, expected: bool) -> None:
    namespace = {"metadata": {"name": "n", "labels": {"team": "a"}}}
    found = list(wanted([configuration(**entry)], asked, namespace))
    assert bool(found) is expected


Answer = Callable[[Obj], object]


def answering(allowed: bool = True, patch: Any = None, **response: Any) -> Answer:
    def answer(review: Obj) -> object:
        body: Obj = {"uid": review["request"]["uid"], "allowed": allowed, **response}
        if patch is not None:
            encoded = base64.b64encode(json.dumps(patch).encode()).decode()
            body |= {"patchType": "JSONPatch", "patch": encoded}
        return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": body}

    return answer


def failing(review: Obj) -> object:
    raise CallFailedError("connection refused")


async def create(cluster: Cluster, answer: Answer, kind: Kind, **entry: Any) -> Obj:
    cluster.store.create(kind, configuration(kind, **entry))
    cluster.webhook_answers["hook.example.com"] = answer
    return await cluster.api.create(POD, pod())


def test_a_patch_is_applied_and_defaulted(cluster: Cluster) -> None:
    async def scenario() -> None:
        seen: list[Obj] = []
        sidecar = {"name": "proxy", "image": "proxy:1", "ports": [{"containerPort": 4143}]}
        patch = [{"op": "add", "path": "/spec/containers/-", "value": sidecar}]

        def answer(review: Obj) -> object:
            seen.append(review["request"])
            return answering(patch=patch)(review)

        made = await create(cluster, answer, MUTATING_WEBHOOK_CONFIGURATION)
        added = made["spec"]["containers"][1]
        assert added["imagePullPolicy"] == "IfNotPresent"
        assert added["ports"][0]["protocol"] == "TCP"
        (request,) = seen
        assert request["kind"] == {"group": "", "version": "v1", "kind": "Pod"}
        assert (request["namespace"], request["name"], request["operation"]) == (
            "default",
            "web-1",
            "CREATE",
        )
        assert request["object"]["spec"]["serviceAccountName"] == "default"
        assert request["userInfo"]["username"] == "system:kube-controller-manager"

    run(scenario())


@pytest.mark.parametrize("kind", [MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION])
def test_a_denial_is_what_the_caller_gets(cluster: Cluster, kind: Kind) -> None:
    async def scenario() -> None:
        answer = answering(False, status={"message": "no pods today", "code": 409})
        with pytest.raises(ApiError, match="denied the request: no pods today") as denied:
            await create(cluster, answer, kind)
        assert denied.value.http_code == 409
        assert cluster.store.list(POD) == []

    run(scenario())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (failing, "connection refused"),
        (lambda review: {}, "has no `response`"),
        (lambda review: [], "has no `response`"),
        (
            lambda review: {"response": {"uid": "x", "allowed": True}},
            "expected webhook response of",
        ),
        (answering(uid="other"), "expected response.uid"),
        (answering(allowed="yes"), "not a boolean"),  # type: ignore[arg-type]
        (answering(patch={"op": "add"}), "not a list of operations"),
    ],
)
def test_the_failure_policy_decides_over_bad_answers(
    cluster: Cluster, answer: Answer, why: str
) -> None:
    async def scenario() -> None:
        with pytest.raises(
            InternalError, match=f'failed calling webhook "hook.example.com".*({why})'
        ):
            await create(cluster, answer, MUTATING_WEBHOOK_CONFIGURATION)
        cluster.store.merge(
            MUTATING_WEBHOOK_CONFIGURATION,
            "",
            "hooks",
            configuration(failurePolicy="Ignore") | {"metadata": {}},
        )
        assert (await cluster.api.create(POD, pod()))["spec"]["containers"][0]["name"] == "web"

    run(scenario())


def test_a_patch_that_does_not_fit_is_an_error(cluster: Cluster) -> None:
    async def scenario() -> None:
        patch = [{"op": "remove", "path": "/spec/nothing"}]
        with pytest.raises(InternalError, match="does not fit"):
            await create(cluster, answering(patch=patch), MUTATING_WEBHOOK_CONFIGURATION)

    run(scenario())


def test_warnings_reach_the_caller(cluster: Cluster) -> None:
    async def scenario() -> None:
        cluster.store.create(
            VALIDATING_WEBHOOK_CONFIGURATION, configuration(VALIDATING_WEBHOOK_CONFIGURATION)
        )
        cluster.webhook_answers["hook.example.com"] = answering(warnings=["think again"])
        async with cluster.client() as client:
            made = await client.post("/api/v1/namespaces/default/pods", json=pod())
            assert made.headers["warning"] == '299 - "think again"'

    run(scenario())


def test_a_dry_run_skips_webhooks_with_side_effects(cluster: Cluster) -> None:
    async def scenario() -> None:
        cluster.store.create(MUTATING_WEBHOOK_CONFIGURATION, configuration(sideEffects="Some"))
        cluster.webhook_answers["hook.example.com"] = failing
        async with cluster.client() as client:
            made = await client.post("/api/v1/namespaces/default/pods?dryRun=All", json=pod())
            assert made.status_code == 201

    run(scenario())


@pytest.mark.parametrize(
    ("response", "why"),
    [
        ({"patch": "W10=", "patchType": "MergePatch"}, 'only "JSONPatch" is known'),
        ({"patch": "W10="}, "invalid response.patchType None"),
        ({"patch": "!", "patchType": "JSONPatch"}, "not base64"),
        ({"patch": "e30=", "patchType": "JSONPatch"}, "not a list of operations"),
    ],
)
def test_patches_that_cannot_be_read(response: Obj, why: str) -> None:
    answer = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "u", "allowed": True, **response},
    }
    with pytest.raises(webhook_review.BadAnswerError, match=why):
        webhook_review.read(answer, "u")


def test_who_wants_to_see_later_changes_is_asked_again_once(cluster: Cluster) -> None:
    asked: list[str] = []
    label = [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]
    answers = {"first.example.com": answering(), "second.example.com": answering(patch=label)}

    def noting(name: str) -> Answer:
        def answer(review: Obj) -> object:
            asked.append(name)
            return answers[name](review)

        return answer

    made = configuration(reinvocationPolicy="IfNeeded")
    (entry,) = made["webhooks"]
    made["webhooks"] = [{**entry, "name": name} for name in answers]
    cluster.webhook_answers |= {name: noting(name) for name in answers}
    cluster.store.create(MUTATING_WEBHOOK_CONFIGURATION, made)

    async def scenario() -> None:
        await cluster.api.create(POD, pod())

    run(scenario())
    assert asked == ["first.example.com", "second.example.com", "first.example.com"]
