"""`kubectl apply` of a policy resource that is wrong fails at once and says why; nothing else is held up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.demo.terminal import StepFailed
from tests.mesh import outages
from tests.mesh.workloads import NAMESPACE
from weft.names import CONTROL_PLANE_NAMESPACE, DESTINATION_COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster, Json

WEBHOOK = 'admission webhook "weft-policy-validator.linkerd.io" denied the request'
PROFILE = f"web.{NAMESPACE}.svc.cluster.local"
SERVER_REF = {"group": "policy.linkerd.io", "kind": "Server", "name": "judged"}
ACCOUNT = {"kind": "ServiceAccount", "name": "default"}


def resource(version: str, kind: str, name: str = "judged", **spec: Any) -> Json:
    meta = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}


def server(port: Any = "http") -> Json:
    pods = {"matchLabels": {"app": "judged"}}
    return resource("policy.linkerd.io/v1beta3", "Server", podSelector=pods, port=port)


def policy(*required: Json) -> Json:
    refs = list(required)
    return resource(
        "policy.linkerd.io/v1alpha1",
        "AuthorizationPolicy",
        targetRef=SERVER_REF,
        requiredAuthenticationRefs=refs,
    )


def profile(timeout: str = "300ms") -> Json:
    route = {"name": "all", "condition": {"pathRegex": ".*"}, "timeout": timeout}
    return resource("linkerd.io/v1alpha2", "ServiceProfile", PROFILE, routes=[route])


def route(**parent: Any) -> Json:
    parents = [{"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": "out", **parent}]
    return resource("policy.linkerd.io/v1beta3", "HTTPRoute", parentRefs=parents)


RIGHT = (server(), policy(ACCOUNT), profile(), route(port=443))
CASES = {
    "Server": (server(70000), "spec.port: 70000 is not a port: allowed are 1 to 65535"),
    "AuthorizationPolicy": (
        policy(ACCOUNT, {**ACCOUNT, "name": "other"}),
        "spec.requiredAuthenticationRefs: several of MeshTLSAuthentication and ServiceAccount",
    ),
    "ServiceProfile": (profile("soon"), "spec.routes[0].timeout: 'soon' is not a duration"),
    "HTTPRoute": (route(), "spec.parentRefs[0].port: an EgressNetwork as parent needs a port"),
}
"""By kind: a wrong one, and what is said of it."""


def refusal(cluster: Cluster, wrong: Json, *flags: str) -> str:
    """What `kubectl apply` says; empty when it takes the object."""
    try:
        cluster.kubectl("apply", *flags, "-f", "-", given=json.dumps(wrong))
    except StepFailed as error:
        return str(error)
    return ""


def delete(cluster: Cluster, *objects: Json) -> None:
    for one in objects:
        names = (f"{one['kind']}.{one['apiVersion'].partition('/')[0]}", one["metadata"]["name"])
        cluster.kubectl("delete", "--ignore-not-found", *names, "-n", NAMESPACE)


@pytest.fixture(scope="module")
def judging(installed: Cluster) -> Iterator[Cluster]:
    """An API server learns of webhooks by a watch, perhaps not of all as soon as the mesh is ready."""
    wrong, _ = CASES["Server"]
    installed.terminal.wait_until(
        "the validator is asked",
        lambda: WEBHOOK in refusal(installed, wrong, "--dry-run=server"),
        seconds=60,
    )
    yield installed
    delete(installed, *RIGHT)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", CASES)
def test_a_wrong_one_is_refused_and_the_message_names_the_field(
    judging: Cluster, kind: str
) -> None:
    wrong, said = CASES[kind]
    for flags in ((), ("--dry-run=server",), ("--server-side",)):
        told = refusal(judging, wrong, *flags)
        assert WEBHOOK in told
        assert said in told
    assert not judging.exists(kind, wrong["metadata"]["name"], "-n", NAMESPACE)


@pytest.mark.timeout(60)
def test_a_right_one_is_taken_and_not_changed_into_a_wrong_one(judging: Cluster) -> None:
    judging.apply(*RIGHT)
    try:
        assert CASES["Server"][1] in refusal(judging, server(70000))
        assert judging.read("server", "judged", "-n", NAMESPACE)["spec"]["port"] == "http"
        judging.apply(server("admin"))
    finally:
        delete(judging, *RIGHT)


@pytest.mark.timeout(180)
def test_without_the_destination_service_nothing_is_held_up(judging: Cluster) -> None:
    with outages.down(judging, DESTINATION_COMPONENT):
        judging.apply(*RIGHT)
        delete(judging, *RIGHT)
    wrong, said = CASES["ServiceProfile"]
    judging.terminal.wait_until(
        "wrong ones are refused again", lambda: said in refusal(judging, wrong), seconds=60
    )


@pytest.mark.timeout(60)
def test_the_control_plane_s_own_namespace_is_not_asked_about(judging: Cluster) -> None:
    wrong, _ = CASES["Server"]
    meta = {**wrong["metadata"], "namespace": CONTROL_PLANE_NAMESPACE}
    assert refusal(judging, {**wrong, "metadata": meta}, "--dry-run=server") == ""


@pytest.mark.timeout(60)
def test_the_checks_know_the_validator(judging: Cluster) -> None:
    code, said = judging.try_mesh("check", "--wait", "30s", "-o", "json")
    assert code == 0, said
    results = {
        one["description"]: one["result"]
        for category in json.loads(said)["categories"]
        for one in category["checks"]
    }
    assert results["control plane ValidatingWebhookConfigurations exist"] == "success"
    assert results["policy-validator webhook has valid cert"] == "success"
    assert results["policy-validator cert is valid for at least 60 days"] == "success"
