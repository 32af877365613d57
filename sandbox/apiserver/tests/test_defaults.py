from typing import Any

import pytest

from sandbox.apiserver import kinds
from sandbox.apiserver.defaults.fill import fill
from sandbox.apiserver.defaults.pods import quality_of_service
from sandbox.apiserver.kinds import BUILT_IN, Kind
from sandbox.apiserver.objects import Obj, copied, dig
from sandbox.apiserver.tests.conftest import deployment, pod


def filled(kind: Kind, obj: Obj) -> Obj:
    result: Obj = copied(obj)
    fill(kind, result)
    return result


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.kind)
def test_filling_an_empty_object_works_and_settles(kind: Kind) -> None:
    once = filled(kind, {"metadata": {"name": "x"}, "spec": {}})
    assert filled(kind, once) == once


def test_a_pod() -> None:
    spec = filled(kinds.POD, pod())["spec"]
    assert spec["restartPolicy"] == "Always"
    assert spec["terminationGracePeriodSeconds"] == 30
    assert spec["dnsPolicy"] == "ClusterFirst"
    assert spec["enableServiceLinks"] is True
    assert spec["securityContext"] == {}
    assert spec["containers"][0] == {
        "name": "web",
        "image": "web:1",
        "imagePullPolicy": "IfNotPresent",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.2", "IfNotPresent"),
        ("host:5000/nginx", "Always"),
        ("host:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    obj = filled(kinds.POD, pod(containers=[{"name": "a", "image": image}]))
    assert obj["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_probes_ports_and_fields() -> None:
    container = {
        "name": "a",
        "image": "b:1",
        "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"port": 80}},
        "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": {"limits": {"cpu": "1"}},
    }
    found = filled(kinds.POD, pod(initContainers=[container]))["spec"]["initContainers"][0]
    assert found["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert found["readinessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert found["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert found["resources"]["requests"] == {"cpu": "1"}


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"name": "v"}, {"name": "v", "emptyDir": {}}),
        ({"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}),
        (
            {"name": "v", "secret": {"secretName": "s"}},
            {"name": "v", "secret": {"secretName": "s", "defaultMode": 420}},
        ),
        (
            {"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {
                "name": "v",
                "projected": {
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
                    "defaultMode": 420,
                },
            },
        ),
    ],
)
def test_volumes(volume: Obj, expected: Obj) -> None:
    assert filled(kinds.POD, pod(volumes=[volume]))["spec"]["volumes"] == [expected]


def test_a_deployment() -> None:
    spec = filled(kinds.DEPLOYMENT, deployment())["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    assert spec["template"]["spec"]["restartPolicy"] == "Always"


def test_recreate_has_no_rolling_update() -> None:
    spec = filled(kinds.DEPLOYMENT, deployment(strategy={"type": "Recreate"}))["spec"]
    assert spec["strategy"] == {"type": "Recreate"}


def test_a_service() -> None:
    obj = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    assert filled(kinds.SERVICE, obj)["spec"] == {
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
    }


@pytest.mark.parametrize(
    ("kind", "obj", "path", "expected"),
    [
        (kinds.NAMESPACE, {}, ("spec", "finalizers"), ["kubernetes"]),
        (kinds.NAMESPACE, {}, ("metadata", "labels"), {"kubernetes.io/metadata.name": "x"}),
        (kinds.SECRET, {"stringData": {"a": "b"}}, ("data", "a"), "Yg=="),
        (kinds.SECRET, {}, ("type",), "Opaque"),
        (kinds.JOB, {"spec": {}}, ("spec", "completions"), 1),
        (kinds.JOB, {"spec": {"parallelism": 3}}, ("spec", "completions"), None),
        (
            kinds.DAEMON_SET,
            {"spec": {}},
            ("spec", "updateStrategy", "rollingUpdate", "maxUnavailable"),
            1,
        ),
        (kinds.ROLE_BINDING, {"roleRef": {}}, ("roleRef", "apiGroup"), "rbac.authorization.k8s.io"),
        (
            kinds.MUTATING_WEBHOOK_CONFIGURATION,
            {"webhooks": [{}]},
            ("webhooks", 0, "timeoutSeconds"),
            10,
        ),
        (
            kinds.MUTATING_WEBHOOK_CONFIGURATION,
            {"webhooks": [{}]},
            ("webhooks", 0, "failurePolicy"),
            "Fail",
        ),
    ],
)
def test_other_kinds(kind: Kind, obj: Obj, path: tuple[str | int, ...], expected: Any) -> None:
    assert dig(filled(kind, {"metadata": {"name": "x"}, **obj}), *path) == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "0.5"}}, "Burstable"),
    ],
)
def test_quality_of_service(resources: Obj, expected: str) -> None:
    assert quality_of_service({"containers": [{"resources": resources}]}) == expected
