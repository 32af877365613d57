import asyncio
import json
from typing import Any

import pytest

from sandbox.apiserver.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ACCOUNT,
)
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.tests.conftest import Cluster, crd, deployment, pod, run, widget

CORE = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


def test_a_life_of_a_config_map(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            made = await client.post(
                f"{CORE}/configmaps", json={"metadata": {"name": "c"}, "data": {"a": "1"}}
            )
            assert made.status_code == 201
            assert (await client.get(f"{CORE}/configmaps/c")).json() == made.json()
            listed = (await client.get("/api/v1/configmaps")).json()
            assert listed["kind"] == "ConfigMapList"
            assert [one["metadata"]["name"] for one in listed["items"]] == ["c"]
            body = {**made.json(), "data": {"a": "2"}}
            assert (await client.put(f"{CORE}/configmaps/c", json=body)).json()["data"] == {
                "a": "2"
            }
            stale = await client.put(f"{CORE}/configmaps/c", json={**body, "data": {"a": "3"}})
            assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
            gone = await client.request("DELETE", f"{CORE}/configmaps/c", json={})
            assert (gone.json()["kind"], gone.json()["status"]) == ("Status", "Success")
            missing = await client.get(f"{CORE}/configmaps/c")
            assert missing.status_code == 404
            assert missing.json()["details"] == {"name": "c", "kind": "configmaps"}

    run(scenario())


PATCHES: list[tuple[str, Any]] = [
    ("application/json-patch+json", [{"op": "replace", "path": "/spec/replicas", "value": 3}]),
    ("application/merge-patch+json", {"spec": {"replicas": 3}}),
    ("application/strategic-merge-patch+json", {"spec": {"replicas": 3}}),
    (
        "application/apply-patch+yaml",
        {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}},
    ),
]


@pytest.mark.parametrize(("media_type", "patch"), PATCHES)
def test_every_patch_type(cluster: Cluster, media_type: str, patch: Any) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            await client.post(f"{APPS}/deployments", json=deployment())
            answer = await client.patch(
                f"{APPS}/deployments/web?fieldManager=test",
                content=json.dumps(patch),
                headers={"Content-Type": media_type},
            )
            assert answer.status_code == 200, answer.text
            assert answer.json()["spec"]["replicas"] == 3
            assert answer.json()["metadata"]["generation"] == 2

    run(scenario())


def test_applying_creates(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            answer = await client.patch(
                f"{CORE}/configmaps/made?fieldManager=test",
                content="{apiVersion: v1, kind: ConfigMap, data: {a: b}}",
                headers={"Content-Type": "application/apply-patch+yaml"},
            )
            assert answer.status_code == 201
            assert answer.json()["metadata"]["namespace"] == "default"

    run(scenario())


REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("POST", f"{CORE}/configmaps", {"metadata": {}}, 422, "metadata.name: Required value"),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "A_b"}}, 422, "lowercase RFC 1123 subdomain"),
    ("POST", f"{CORE}/configmaps", {"kind": "Secret"}, 400, "does not match the expected kind"),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "c", "namespace": "x"}}, 400, "namespace of the provided object"),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "c", "labels": {"a b": "c"}}}, 422, "metadata.labels"),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "c"}, "data": {"a": 1}}, 400, "data.a: cannot unmarshal"),
    ("POST", f"{CORE}/configmaps?fieldValidation=Strict", {"metadata": {"name": "c"}, "dtaa": {}}, 400, 'unknown field "dtaa"'),
    ("POST", f"{CORE}/configmaps?dryRun=Some", {"metadata": {"name": "c"}}, 422, "dryRun"),
    ("POST", "/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "c"}}, 404, 'namespaces "nowhere" not found'),
    ("POST", f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": {}}, 422, "spec.containers: Required value"),
    ("POST", f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{}]}}, 422, "spec.containers[0].name"),
    ("POST", f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": {"containers": ["x"]}}, 400, "spec.containers[0]"),
    ("POST", f"{CORE}/pods", pod(serviceAccountName="x"), 403, 'serviceaccount "x" not found'),
    ("POST", f"{CORE}/pods", pod(restartPolicy="Sometimes"), 422, 'Unsupported value: "Sometimes"'),
    ("POST", f"{CORE}/pods", pod(containers=[{"name": "a", "image": "b", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]), 422, 'volumeMounts[0].name: Not found: "v"'),
    ("POST", f"{CORE}/services", {"metadata": {"name": "s"}, "spec": {}}, 422, "spec.ports: Required value"),
    ("POST", f"{CORE}/services", {"metadata": {"name": "1s"}, "spec": {"ports": [{"port": 1}]}}, 422, "DNS-1035"),
    ("POST", f"{CORE}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 0}]}}, 422, "between 1 and 65535"),
    ("POST", f"{CORE}/services", {"metadata": {"name": "s"}, "spec": {"clusterIP": "1.2.3.4", "ports": [{"port": 1}]}}, 422, "not in the valid range"),
    ("POST", f"{APPS}/deployments", {"metadata": {"name": "d"}, "spec": {"template": {}}}, 422, "spec.selector: Required value"),
    ("POST", f"{APPS}/deployments", deployment(selector={"matchLabels": {"app": "x"}}), 422, "`selector` does not match"),
    ("POST", f"{APPS}/deployments", deployment(replicas=-1), 422, "spec.replicas"),
    ("POST", f"{APPS}/deployments", deployment(replicas="many"), 400, "spec.replicas: cannot unmarshal string"),
    ("GET", f"{CORE}/configmaps?labelSelector=a%20b", None, 400, "unable to parse requirement"),
    ("GET", f"{CORE}/pods?fieldSelector=spec.x%3Dy", None, 400, "field label not supported"),
    ("GET", f"{CORE}/pods?watch=1&resourceVersion=x", None, 400, "resourceVersion"),
    ("GET", f"{CORE}/nonsense", None, 404, "could not find the requested resource"),
    ("GET", "/nonsense", None, 404, "could not find the requested resource"),
    ("GET", f"{CORE}/pods/none/log", None, 404, 'pods "none" not found'),
    ("PUT", f"{CORE}/configmaps", {}, 405, "does not allow this method"),
    ("POST", "/version", {}, 405, "does not allow this method"),
    ("PATCH", f"{CORE}/configmaps/x", {}, 415, "unknown format"),
    ("DELETE", "/api/v1/namespaces/default", {}, 403, "may not be deleted"),
    ("DELETE", f"{CORE}/configmaps/x?propagationPolicy=Sideways", None, 400, "propagationPolicy"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "url", "body", "code", "words"), REFUSED)
def test_what_is_refused(
    cluster: Cluster, method: str, url: str, body: Any, code: int, words: str
) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            answer = await client.request(method, url, json=body)
            status = answer.json()
            assert (answer.status_code, status["kind"], status["code"]) == (code, "Status", code)
            assert words in status["message"]

    run(scenario())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\x00\xff", b"{}" * 3])
@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain"],
)
def test_garbage_is_refused_with_a_status(cluster: Cluster, body: bytes, media_type: str) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            headers = {"Content-Type": media_type}
            answer = await client.post(f"{CORE}/pods", content=body, headers=headers)
            assert answer.status_code in (400, 415)
            assert answer.json()["status"] == "Failure"

    run(scenario())


def test_a_body_that_is_too_large(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            body = {"metadata": {"name": "c"}, "data": {"a": "x" * 4_000_000}}
            assert (await client.post(f"{CORE}/configmaps", json=body)).status_code == 413

    run(scenario())


IMMUTABLE: list[tuple[str, Obj, Obj, str]] = [
    (f"{APPS}/deployments/web", deployment(), {"spec": {"selector": {"matchLabels": {"app": "x"}}}}, "spec.selector"),
    (f"{CORE}/services/s", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}}, {"spec": {"clusterIP": "10.96.9.9"}}, "spec.clusterIPs[0]"),
    (f"{CORE}/pods/web-1", pod(), {"spec": {"hostNetwork": True}}, "pod updates may not change fields"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "obj", "patch", "words"), IMMUTABLE)
def test_what_never_changes(cluster: Cluster, url: str, obj: Obj, patch: Obj, words: str) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            made = await client.post(url.rpartition("/")[0], json=obj)
            assert made.status_code == 201, made.text
            headers = {"Content-Type": "application/merge-patch+json"}
            answer = await client.patch(url, content=json.dumps(patch), headers=headers)
            assert answer.status_code == 422
            assert words in answer.json()["message"]

    run(scenario())


def test_a_pod_is_admitted_with_account_and_token(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            made = (
                await client.post(
                    f"{CORE}/pods", json=pod(initContainers=[{"name": "i", "image": "i"}])
                )
            ).json()
            spec = made["spec"]
            (volume,) = spec["volumes"]
            assert spec["serviceAccountName"] == "default"
            assert volume["name"].startswith("kube-api-access-")
            assert volume["projected"]["sources"][0] == {
                "serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}
            }
            for container in (*spec["containers"], *spec["initContainers"]):
                assert container["volumeMounts"] == [
                    {
                        "name": volume["name"],
                        "readOnly": True,
                        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                    }
                ]
            declined = (
                await client.post(f"{CORE}/pods", json=pod("p", automountServiceAccountToken=False))
            ).json()
            assert "volumes" not in declined["spec"]

    run(scenario())


def test_services_get_addresses_of_their_own(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:

            async def make(name: str, **spec: Any) -> Obj:
                body = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}
                answer = await client.post(f"{CORE}/services", json=body)
                assert answer.status_code == 201, answer.text
                found: Obj = answer.json()["spec"]
                return found

            first, second = await make("a"), await make("b")
            assert first["clusterIP"] != second["clusterIP"]
            assert first["clusterIPs"] == [first["clusterIP"]]
            assert (await make("dns", clusterIP="10.96.0.10"))["clusterIP"] == "10.96.0.10"
            assert (await make("headless", clusterIP="None"))["clusterIP"] == "None"
            assert 30000 <= (await make("np", type="NodePort"))["ports"][0]["nodePort"] < 32768
            taken = {
                "metadata": {"name": "c"},
                "spec": {"clusterIP": "10.96.0.10", "ports": [{"port": 1}]},
            }
            answer = await client.post(f"{CORE}/services", json=taken)
            assert "already allocated" in answer.json()["message"]

    run(scenario())


def test_a_dry_run_stores_nothing(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            made = await client.post(f"{APPS}/deployments?dryRun=All", json=deployment())
            assert made.json()["spec"]["replicas"] == 1
            assert (await client.get(f"{APPS}/deployments/web")).status_code == 404

    run(scenario())


def test_status_and_specification_are_written_apart(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            made = (await client.post(f"{APPS}/deployments", json=deployment())).json()
            both = {**made, "spec": {**made["spec"], "replicas": 5}, "status": {"replicas": 5}}
            after = (await client.put(f"{APPS}/deployments/web/status", json=both)).json()
            assert (after["spec"]["replicas"], after["status"]["replicas"]) == (1, 5)

    run(scenario())


def test_scale(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            await client.post(f"{APPS}/deployments", json=deployment())
            scale = (await client.get(f"{APPS}/deployments/web/scale")).json()
            assert (scale["kind"], scale["spec"]["replicas"], scale["status"]["selector"]) == (
                "Scale",
                1,
                "app=web",
            )
            scale["spec"]["replicas"] = 4
            await client.put(f"{APPS}/deployments/web/scale", json=scale)
            assert (await client.get(f"{APPS}/deployments/web")).json()["spec"]["replicas"] == 4

    run(scenario())


def test_tables(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            await client.post(f"{CORE}/pods", json=pod())
            table = (await client.get(f"{CORE}/pods", headers=TABLE)).json()
            assert table["kind"] == "Table"
            assert [one["name"] for one in table["columnDefinitions"]][:4] == [
                "Name",
                "Ready",
                "Status",
                "Restarts",
            ]
            assert table["rows"][0]["cells"][:4] == ["web-1", "0/1", "Pending", "0"]

    run(scenario())


def test_metadata_only(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            accept = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
            listed = (await client.get("/api/v1/namespaces", headers=accept)).json()
            assert listed["kind"] == "PartialObjectMetadataList"
            assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}

    run(scenario())


def test_a_collection_is_deleted_by_selector(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
                body = {"metadata": {"name": name, "labels": {"l": label}}}
                await client.post(f"{CORE}/configmaps", json=body)
            await client.delete(f"{CORE}/configmaps?labelSelector=l%3Dx")
            left = (await client.get(f"{CORE}/configmaps")).json()["items"]
            assert [one["metadata"]["name"] for one in left] == ["c"]

    run(scenario())


def test_a_watch_streams_lines(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            since = cluster.store.revision
            cluster.store.create(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "default"}})
            cluster.store.delete(CONFIG_MAP, "default", "c")
            url = f"{CORE}/configmaps?watch=true&resourceVersion={since}&timeoutSeconds=1"
            asyncio.get_running_loop().call_later(0.05, cluster.app._watching.close)
            lines = (await client.get(url)).text.splitlines()
            assert [json.loads(line)["type"] for line in lines] == ["ADDED", "DELETED"]

    run(scenario())


def test_a_watch_too_far_back_says_so_in_the_stream(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            url = f"{CORE}/configmaps?watch=true&resourceVersion=999999"
            event = json.loads((await client.get(url)).text)
            assert (event["type"], event["object"]["code"]) == ("ERROR", 410)

    run(scenario())


def test_a_list_can_be_streamed_as_a_watch(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            url = "/api/v1/namespaces?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            refused = await client.get(url)
            assert refused.status_code == 422
            asyncio.get_running_loop().call_later(0.05, cluster.app._watching.close)
            lines = (await client.get(f"{url}&allowWatchBookmarks=true")).text.splitlines()
            assert [json.loads(line)["type"] for line in lines] == ["ADDED"] * 4 + ["BOOKMARK"]

    run(scenario())


# Custom resources


def test_a_custom_resource_is_served_with_its_schema(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            assert (await client.get(WIDGETS)).status_code == 404
            await client.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=crd())
            made = await client.post(WIDGETS, json=widget(unknown=1))
            assert made.json()["spec"] == {"size": 1, "color": "red"}
            assert made.headers["warning"] == '299 - "unknown field \\"spec.unknown\\""'
            for spec, words in (
                ({"size": 0}, "spec.size: Invalid value: 0"),
                ({"size": "x"}, "must be of type integer"),
                ({"color": "green"}, 'Unsupported value: "green"'),
            ):
                answer = await client.post(WIDGETS, json=widget("other", **spec))
                assert answer.status_code == 422
                assert words in answer.json()["message"]
            older = await client.get(WIDGETS.replace("/v1/", "/v1beta1/") + "/w")
            assert older.json()["apiVersion"] == "example.com/v1beta1"
            scaled = {"spec": {"replicas": 3}}
            await client.put(f"{WIDGETS}/w/scale", json=scaled)
            assert (await client.get(f"{WIDGETS}/w")).json()["spec"]["replicas"] == 3
            await client.delete(
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
            )
            assert (await client.get(WIDGETS)).status_code == 404

    run(scenario())


def test_a_definition_is_established_at_once(cluster: Cluster) -> None:
    cluster.store.create(CUSTOM_RESOURCE_DEFINITION, crd())
    found = cluster.store.get(CUSTOM_RESOURCE_DEFINITION, "", "widgets.example.com")
    assert {one["type"] for one in found["status"]["conditions"]} == {
        "NamesAccepted",
        "Established",
    }
    assert found["status"]["storedVersions"] == ["v1"]


# Who may


def test_nobody_in_particular_may_look_at_health_only(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client(admin=False) as client:
            assert (await client.get("/livez")).text == "ok"
            assert (await client.get("/version")).json()["gitVersion"] == "v1.34.0"
            refused = await client.get(f"{CORE}/pods")
            assert refused.status_code == 403
            assert (
                'User "system:anonymous" cannot list resource "pods"' in refused.json()["message"]
            )
        async with cluster.client(token="nonsense") as client:
            assert (await client.get("/livez")).status_code == 401

    run(scenario())


def test_a_service_account_may_what_it_is_given(cluster: Cluster) -> None:
    async def scenario() -> None:
        account = cluster.store.get(SERVICE_ACCOUNT, "default", "default")
        token, _ = cluster.tokens.issue(account)
        async with cluster.client(token=token) as client:
            assert (await client.get(f"{CORE}/pods")).status_code == 403
            rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
            cluster.store.create(CLUSTER_ROLE, {"metadata": {"name": "r"}, "rules": rules})
            subject = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
            body = {
                "metadata": {"name": "b"},
                "roleRef": {"kind": "ClusterRole", "name": "r"},
                "subjects": [subject],
            }
            cluster.store.create(CLUSTER_ROLE_BINDING, body)
            assert (await client.get(f"{CORE}/pods")).status_code == 200
            assert (await client.get(f"{CORE}/pods/x")).status_code == 403
            review = {
                "spec": {
                    "resourceAttributes": {
                        "verb": "list",
                        "resource": "pods",
                        "namespace": "default",
                    }
                }
            }
            answer = await client.post(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review
            )
            assert answer.json()["status"]["allowed"] is True
            assert 'ClusterRoleBinding "b"' in answer.json()["status"]["reason"]

    run(scenario())


def test_tokens_are_requested_and_reviewed(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            running = (await client.post(f"{CORE}/pods", json=pod())).json()
            reference = {"kind": "Pod", "name": "web-1", "uid": running["metadata"]["uid"]}
            request = {
                "spec": {
                    "audiences": ["identity.l5d.io"],
                    "boundObjectRef": reference,
                    "expirationSeconds": 600,
                }
            }
            made = await client.post(f"{CORE}/serviceaccounts/default/token", json=request)
            assert made.status_code == 201
            assert made.json()["status"]["expirationTimestamp"] == "2026-01-02T03:14:05Z"

            async def review(*audiences: str) -> Obj:
                spec = {"token": made.json()["status"]["token"], "audiences": list(audiences)}
                answer = await client.post(
                    "/apis/authentication.k8s.io/v1/tokenreviews", json={"spec": spec}
                )
                found: Obj = answer.json()["status"]
                return found

            proven = await review("identity.l5d.io", "other")
            assert proven["authenticated"] is True
            assert proven["audiences"] == ["identity.l5d.io"]
            assert proven["user"]["username"] == "system:serviceaccount:default:default"
            assert proven["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["web-1"]
            assert (await review()).get("authenticated") is None
            cluster.store.delete(POD, "default", "web-1")
            assert (await review("identity.l5d.io"))[
                "error"
            ] == "service account token has been invalidated"

    run(scenario())


# Discovery


def test_discovery_in_both_forms(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            cluster.store.create(CUSTOM_RESOURCE_DEFINITION, crd())
            groups = {one["name"]: one for one in (await client.get("/apis")).json()["groups"]}
            assert groups["example.com"]["preferredVersion"]["version"] == "v1"
            listed = (await client.get("/apis/apps/v1")).json()["resources"]
            assert {"deployments", "deployments/scale", "deployments/status"} <= {
                one["name"] for one in listed
            }
            accept = {
                "Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            }
            aggregated = (await client.get("/apis", headers=accept)).json()
            assert aggregated["kind"] == "APIGroupDiscoveryList"
            assert {one["metadata"]["name"] for one in aggregated["items"]} == set(groups)

    run(scenario())


def test_openapi_tells_clients_to_leave_validation_to_the_server(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.client() as client:
            index = (await client.get("/openapi/v3")).json()["paths"]
            document = (await client.get(index["apis/apps/v1"]["serverRelativeURL"])).json()
            patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"][
                "patch"
            ]
            assert "fieldValidation" in {one["name"] for one in patch["parameters"]}

    run(scenario())


def test_bootstrap_leaves_what_every_cluster_has(cluster: Cluster) -> None:
    names = [one["metadata"]["name"] for one in cluster.store.list(NAMESPACE)]
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    service = cluster.store.get(SERVICE, "default", "kubernetes")
    assert service["spec"]["clusterIP"] == "10.96.0.1"
