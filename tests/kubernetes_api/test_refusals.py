"""What the server refuses, and the words in which it says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api.samples import (
    config_map,
    container,
    deployment,
    job,
    pod,
    service,
    workload,
)

if TYPE_CHECKING:
    from tests.kubernetes_api.api import Api

Json = dict[str, Any]


def _one(**more: Any) -> Json:
    """A pod of one container that says this."""
    return pod("one", containers=[container(**more)])


def _metadata(**more: Any) -> Json:
    return {"metadata": {"name": "one", **more}}


REFUSED: dict[str, tuple[str, Json]] = {
    "a name with a capital": ("configmaps", config_map("One")),
    "a name that is long": ("configmaps", config_map("a" * 254)),
    "a label of spaces": ("configmaps", config_map("one", labels={"a b": "c"})),
    "a label that is long": ("configmaps", config_map("one", labels={"a": "b" * 64})),
    "a label that is no text": ("configmaps", _metadata(labels={"a": 1})),
    "an annotation of a bad name": ("configmaps", _metadata(annotations={"a b": "c"})),
    "an owner without a uid": ("configmaps", _metadata(ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}])),
    "data that are no text": ("configmaps", {**config_map("one"), "data": {"a": 1}}),
    "a key of data with a slash": ("configmaps", {**config_map("one"), "data": {"a/b": "1"}}),
    "a secret that is not encoded": ("secrets", {**config_map("one"), "data": {"a": "!"}}),
    "a secret of TLS without a key": ("secrets", {**config_map("one"), "type": "kubernetes.io/tls"}),
    "a pod without containers": ("pods", {"metadata": {"name": "one"}, "spec": {}}),
    "a pod without a specification": ("pods", {"metadata": {"name": "one"}}),
    "a container without anything": ("pods", pod("one", containers=[{}])),
    "a container without an image": ("pods", pod("one", containers=[{"name": "a"}])),
    "a container of a bad name": ("pods", pod("one", containers=[container("A_b")])),
    "two containers of one name": ("pods", pod("one", containers=[container(), container()])),
    "an init container of a taken name": ("pods", pod("one", initContainers=[container()])),
    "a port that is none": ("pods", _one(ports=[{"containerPort": 0}])),
    "a port that is too large": ("pods", _one(ports=[{"containerPort": 70000}])),
    "a port of a long name": ("pods", _one(ports=[{"containerPort": 80, "name": "a" * 16}])),
    "a port of a bad protocol": ("pods", _one(ports=[{"containerPort": 80, "protocol": "ICMP"}])),
    "a restart policy": ("pods", pod("one", restartPolicy="Sometimes")),
    "a pull policy": ("pods", _one(imagePullPolicy="Maybe")),
    "a DNS policy": ("pods", pod("one", dnsPolicy="Maybe")),
    "a mount of no volume": ("pods", _one(volumeMounts=[{"name": "v", "mountPath": "/v"}])),
    "a mount without a path": ("pods", pod("one", volumes=[{"name": "v", "emptyDir": {}}], containers=[container(volumeMounts=[{"name": "v"}])])),
    "two volumes of one name": ("pods", pod("one", volumes=[{"name": "v"}, {"name": "v"}])),
    "a volume of two kinds": ("pods", pod("one", volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}])),
    "a variable without a name": ("pods", _one(env=[{"value": "a"}])),
    "a variable from two places": ("pods", _one(env=[{"name": "a", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])),
    "a variable of an unknown field": ("pods", _one(env=[{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}])),
    "a probe of no kind": ("pods", _one(livenessProbe={})),
    "a probe of two kinds": ("pods", _one(livenessProbe={"tcpSocket": {"port": 1}, "exec": {"command": ["x"]}})),
    "a liveness that must succeed twice": ("pods", _one(livenessProbe={"tcpSocket": {"port": 1}, "successThreshold": 2})),
    "a probe of a negative period": ("pods", _one(livenessProbe={"tcpSocket": {"port": 1}, "periodSeconds": -1})),
    "a request above its limit": ("pods", _one(resources={"requests": {"cpu": 2}, "limits": {"cpu": 1}})),
    "a quantity of nonsense": ("pods", _one(resources={"requests": {"cpu": "much"}})),
    "a negative quantity": ("pods", _one(resources={"requests": {"cpu": "-1"}})),
    "a user below zero": ("pods", _one(securityContext={"runAsUser": -1})),
    "a privileged one that may not escalate": ("pods", _one(securityContext={"privileged": True, "allowPrivilegeEscalation": False})),
    "an account that is not there": ("pods", pod("one", serviceAccountName="nobody")),
    "a priority class that is not there": ("pods", pod("one", priorityClassName="nothing")),
    "a node selector that is no label": ("pods", pod("one", nodeSelector={"a b": "c"})),
    "a container of the wrong shape": ("pods", pod("one", containers=["x"])),
    "containers of the wrong shape": ("pods", pod("one", containers={"a": "b"})),
    "a readiness of an init container": ("pods", pod("one", initContainers=[container("a", readinessProbe={"tcpSocket": {"port": 1}})])),
    "a host port of two containers": ("pods", pod("one", containers=[container("a", ports=[{"containerPort": 1, "hostPort": 5}]), container("b", ports=[{"containerPort": 2, "hostPort": 5}])])),
    "a deployment without a selector": ("deployments", {"metadata": {"name": "web"}, "spec": {"template": workload("x")["spec"]["template"]}}),
    "a deployment without a template": ("deployments", {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}}),
    "a deployment that does not select itself": ("deployments", deployment(selector={"matchLabels": {"app": "x"}})),
    "a deployment with an empty selector": ("deployments", deployment(selector={})),
    "a deployment of fewer than none": ("deployments", deployment(replicas=-1)),
    "a deployment of many": ("deployments", deployment(replicas="many")),
    "a deployment that cannot roll": ("deployments", deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}})),
    "a deployment of a percentage": ("deployments", deployment(strategy={"rollingUpdate": {"maxSurge": "5"}})),
    "a deployment that recreates rolling": ("deployments", deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}})),
    "a deployment that restarts on failure": ("deployments", {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"restartPolicy": "OnFailure", "containers": [container()]}}}}),
    "a job that always restarts": ("jobs", job(template={"spec": {"containers": [container()], "restartPolicy": "Always"}})),
    "a job without a restart policy": ("jobs", job(template={"spec": {"containers": [container()]}})),
    "a job of negative parallelism": ("jobs", job(parallelism=-1)),
    "a cron job of no schedule": ("cronjobs", {"metadata": {"name": "one"}, "spec": {"schedule": "sometimes", "jobTemplate": {"spec": job()["spec"]}}}),
    "a service without ports": ("services", {"metadata": {"name": "web"}, "spec": {}}),
    "a service of a number": ("services", service("1web")),
    "a service of port zero": ("services", service(ports=[{"port": 0}])),
    "a service of unnamed ports": ("services", service(ports=[{"port": 1}, {"port": 2}])),
    "a service of one port twice": ("services", service(ports=[{"name": "a", "port": 1}, {"name": "b", "port": 1}])),
    "a service of a bad address": ("services", service(clusterIP="1.2.3.4")),
    "a service of a bad type": ("services", service(type="Special")),
    "a service of a bad target": ("services", service(ports=[{"port": 1, "targetPort": "A_b"}])),
    "a service of no name elsewhere": ("services", {"metadata": {"name": "web"}, "spec": {"type": "ExternalName"}}),
    "an endpoint of no address": ("endpointslices", {"metadata": {"name": "one"}, "addressType": "IPv4", "endpoints": [{"addresses": []}]}),
    "an endpoint of a bad address": ("endpointslices", {"metadata": {"name": "one"}, "addressType": "IPv4", "endpoints": [{"addresses": ["x"]}]}),
    "a slice of no type": ("endpointslices", {"metadata": {"name": "one"}, "endpoints": []}),
    "a role without verbs": ("roles", {"metadata": {"name": "one"}, "rules": [{"apiGroups": [""], "resources": ["pods"]}]}),
    "a binding to nothing": ("rolebindings", {"metadata": {"name": "one"}}),
    "a budget of two kinds": ("poddisruptionbudgets", {"metadata": {"name": "one"}, "spec": {"minAvailable": 1, "maxUnavailable": 1}}),
    "a namespace of a bad name": ("/api/v1/namespaces", {"metadata": {"name": "A.b"}}),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_the_server_refuses(api: Api, what: str) -> None:
    path, body = REFUSED[what]
    assert api.create(path, body, dryRun="All").code >= 400


@pytest.mark.parametrize("level", ["Strict", "Warn", "Ignore", "Maybe"])
def test_unknown_fields(api: Api, level: str) -> None:
    body = {**config_map("one"), "dtaa": {"a": "1"}}
    api.create("configmaps", body, fieldValidation=level, dryRun="All")


def test_bodies_that_cannot_be_read(api: Api) -> None:
    for content, media in (
        ("{", "application/json"),
        ("[]", "application/json"),
        ("", "application/json"),
        ("{}", "text/plain"),
    ):
        answer = api.http.post(
            api.url("configmaps"), content=content, headers={"Content-Type": media}
        )
        said = answer.json()
        api.transcript.note(f"{media} {content}", answer.status_code, said["reason"])
