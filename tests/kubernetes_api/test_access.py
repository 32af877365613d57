"""Who somebody is, by a token, and what they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api.api import Api
from tests.kubernetes_api.samples import config_map, pod

if TYPE_CHECKING:
    import httpx

    from tests.mesh.cluster import Cluster

Json = dict[str, Any]
AUDIENCE = "identity.l5d.io"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS = "/apis/authorization.k8s.io/v1"


def _token(api: Api, **spec: Any) -> str:
    made = api.quietly("POST", "serviceaccounts/default/token", {"spec": spec})
    assert made.code == 201, made.body
    return str(made.body["status"]["token"])


def _review(api: Api, what: str, token: str, *audiences: str) -> None:
    spec = {"token": token} | ({"audiences": list(audiences)} if audiences else {})
    found = api.quietly("POST", REVIEWS, {"spec": spec})
    if found.code != 201:
        api.transcript.note(what, found.code, found.body)
        return
    status = found.body["status"]
    status.get("user", {}).pop("extra", None)
    if "error" in status:
        status["error"] = "said"
    api.transcript.note(what, found.code, status)


def test_tokens_are_requested(api: Api) -> None:
    api.create(
        "serviceaccounts/default/token",
        {"spec": {"audiences": [AUDIENCE], "expirationSeconds": 3600}},
    )
    api.create("serviceaccounts/default/token", {"spec": {"expirationSeconds": 60}})
    api.create("serviceaccounts/nobody/token", {"spec": {}})
    api.create(
        "serviceaccounts/default/token",
        {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none"}}},
    )
    api.create(
        "serviceaccounts/default/token",
        {"spec": {"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "none"}}},
    )


def test_a_token_is_for_its_audience(api: Api) -> None:
    token = _token(api, audiences=[AUDIENCE])
    _review(api, "its audience", token, AUDIENCE)
    _review(api, "its audience among others", token, "other", AUDIENCE)
    _review(api, "another audience", token, "other")
    _review(api, "the API server's", token)
    plain = _token(api)
    _review(api, "a plain token, for the API server", plain)
    _review(api, "a plain token, for another", plain, AUDIENCE)
    _review(api, "nonsense", "nonsense", AUDIENCE)
    head, body, signature = token.split(".")
    _review(api, "another's signature", f"{head}.{body}.{signature[::-1]}", AUDIENCE)
    _review(api, "nothing", "")


def test_a_token_ends_with_its_pod(api: Api, cluster: Cluster) -> None:
    made = api.quietly("POST", "pods", pod("one", schedulerName="nobody")).body
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "one", "uid": made["metadata"]["uid"]}
    token = _token(api, audiences=[AUDIENCE], boundObjectRef=bound)
    _review(api, "while the pod is there", token, AUDIENCE)
    api.quietly("DELETE", "pods/one", {"gracePeriodSeconds": 0})
    _await_worthless(api, cluster, token)


def test_a_token_ends_with_its_account(api: Api, cluster: Cluster) -> None:
    api.quietly("POST", "serviceaccounts", {"metadata": {"name": "brief"}})
    made = api.quietly("POST", "serviceaccounts/brief/token", {"spec": {"audiences": [AUDIENCE]}})
    token = made.body["status"]["token"]
    assert _authenticated(api, token)
    api.quietly("DELETE", "serviceaccounts/brief")
    _await_worthless(api, cluster, token)


def _await_worthless(api: Api, cluster: Cluster, token: str) -> None:
    cluster.terminal.wait_until(
        "the token is worth nothing",
        lambda: not _authenticated(api, token),
        seconds=30,
        every=0.2,
    )


def _authenticated(api: Api, token: str) -> bool:
    found = api.quietly("POST", REVIEWS, {"spec": {"token": token, "audiences": [AUDIENCE]}})
    return bool(found.body["status"].get("authenticated"))


@pytest.fixture
def reader(api: Api) -> None:
    """`default` may read config maps, and the one secret `open`."""
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["open"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["*"]},
    ]
    api.quietly("POST", "roles", {"metadata": {"name": "reader"}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subjects = [{"kind": "ServiceAccount", "name": "default", "namespace": api.namespace}]
    api.quietly(
        "POST",
        "rolebindings",
        {"metadata": {"name": "reader"}, "roleRef": role, "subjects": subjects},
    )


@pytest.mark.usefixtures("reader")
def test_what_an_account_may(api: Api) -> None:
    user = f"system:serviceaccount:{api.namespace}:default"
    for asked in (
        {"verb": "get", "resource": "configmaps"},
        {"verb": "delete", "resource": "configmaps"},
        {"verb": "get", "resource": "secrets", "name": "open"},
        {"verb": "get", "resource": "secrets", "name": "other"},
        {"verb": "get", "resource": "secrets"},
        {"verb": "update", "group": "apps", "resource": "deployments", "subresource": "scale"},
        {"verb": "update", "group": "apps", "resource": "deployments"},
        {"verb": "get", "resource": "configmaps", "namespace": "default"},
    ):
        attributes = {"namespace": api.namespace, **asked}
        spec = {"user": user, "groups": ["system:authenticated"], "resourceAttributes": attributes}
        found = api.quietly("POST", f"{ACCESS}/subjectaccessreviews", {"spec": spec})
        api.transcript.note(str(asked), found.code, found.body["status"])
    for path in ("/healthz", "/metrics", "/api"):
        spec = {
            "user": user,
            "groups": ["system:authenticated"],
            "nonResourceAttributes": {"path": path, "verb": "get"},
        }
        found = api.quietly("POST", f"{ACCESS}/subjectaccessreviews", {"spec": spec})
        api.transcript.note(path, found.code, found.body["status"].get("allowed"))


def test_what_is_no_question(api: Api) -> None:
    for spec in ({}, {"user": "x"}, {"resourceAttributes": {"verb": "get"}},
                 {"user": "x", "resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"path": "/", "verb": "get"}}):  # fmt: skip
        api.create(f"{ACCESS}/subjectaccessreviews", {"spec": spec})


@pytest.mark.usefixtures("reader")
def test_requests_with_a_token(api: Api, anonymous: httpx.Client, cluster: Cluster) -> None:
    account = Api(anonymous, api.namespace, api.transcript)
    token = _token(api)
    api.quietly("POST", "configmaps", config_map("one", a="1"))
    cluster.terminal.wait_until(
        "the role is known",
        lambda: account.quietly("GET", "configmaps/one", token=token).code == 200,
        seconds=10,
        every=0.1,
    )
    account.ask("GET", "configmaps/one", token=token)
    account.ask("DELETE", "configmaps/one", token=token)
    account.ask("GET", "secrets", token=token)
    account.ask("GET", "secrets/other", token=token)
    account.ask("GET", "/api/v1/nodes", token=token)
    account.ask("GET", "/metrics", token=token)
    account.ask("GET", "configmaps/one")
    assert account.quietly("GET", "/version").code == 200, "nobody in particular may know that"
    account.ask("GET", "configmaps/one", token="nonsense")
    account.ask("GET", "configmaps/one", token=_token(api, audiences=[AUDIENCE]))


def test_who_am_i(api: Api, anonymous: httpx.Client) -> None:
    account = Api(anonymous, api.namespace, api.transcript)
    found = account.quietly(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token=_token(api)
    )
    user = found.body["status"]["userInfo"]
    user.pop("extra", None)
    api.transcript.note("who", found.code, user)
