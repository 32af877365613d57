"""What the server fills in: each object as it comes back from a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api.samples import (
    container,
    crd,
    deployment,
    job,
    pod,
    service,
    template,
    workload,
)

if TYPE_CHECKING:
    from tests.kubernetes_api.api import Api

Json = dict[str, Any]

HTTP_GET = {"httpGet": {"port": 80}}


def _named(**more: Any) -> Json:
    return {"metadata": {"name": "one"}, **more}


def _volumes(*volumes: Json) -> Json:
    return pod("one", volumes=[{"name": f"v{number}", **one} for number, one in enumerate(volumes)])


DEFAULTED: dict[str, tuple[str, Json]] = {
    "pod": ("pods", pod("one")),
    "pod without a token": ("pods", pod("one", automountServiceAccountToken=False)),
    "pod of the host network": ("pods", pod("one", hostNetwork=True, containers=[container(ports=[{"containerPort": 80}])])),
    "pod with probes": ("pods", pod("one", containers=[container(
        livenessProbe=HTTP_GET, startupProbe={"tcpSocket": {"port": "http"}, "periodSeconds": 1},
        readinessProbe={"exec": {"command": ["x"]}, "successThreshold": 2}, ports=[{"name": "http", "containerPort": 80}],
    ), container("rpc", livenessProbe={"grpc": {"port": 80}})])),
    "pod with hooks": ("pods", pod("one", containers=[container(lifecycle={"preStop": HTTP_GET, "postStart": {"exec": {"command": ["x"]}}})])),
    "pod with init containers": ("pods", pod("one", initContainers=[container("first"), container("side", restartPolicy="Always", startupProbe=HTTP_GET)])),
    "pod with resources": ("pods", pod("one", containers=[container(resources={"limits": {"cpu": "0.5", "memory": "1024Mi"}})])),
    "pod that is guaranteed": ("pods", pod("one", containers=[container(resources={"limits": {"cpu": 1, "memory": "64Mi"}, "requests": {"cpu": "1", "memory": "64Mi"}})])),
    "pod with images": ("pods", pod("one", containers=[container("a", image="a"), container("b", image="b:1"), container("c", image="c:latest"), container("d", image="r:5000/d@sha256:" + "0" * 64)])),
    "pod with environment": ("pods", pod("one", containers=[container(env=[
        {"name": "A"}, {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}])])),
    "pod with volumes": ("pods", _volumes(
        {"emptyDir": {}}, {"configMap": {"name": "c"}}, {"secret": {"secretName": "s"}}, {"hostPath": {"path": "/x"}},
        {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "c"}}]}}, {})),
    "pod with security contexts": ("pods", pod("one", securityContext={"fsGroup": 1, "runAsUser": 2}, containers=[container(securityContext={"capabilities": {"drop": ["ALL"]}})])),
    "pod with tolerations": ("pods", pod("one", tolerations=[{"key": "a", "value": "b"}])),
    "pod with a spread": ("pods", pod("one", topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}])),
    "deployment": ("deployments", deployment()),
    "deployment that rolls": ("deployments", deployment(strategy={"rollingUpdate": {"maxSurge": 1}})),
    "deployment that recreates": ("deployments", deployment(strategy={"type": "Recreate"})),
    "deployment with a label": ("deployments", {**deployment(), "metadata": {"name": "web", "labels": {"a": "b"}}}),
    "replica set": ("replicasets", workload("web")),
    "stateful set": ("statefulsets", workload("web", serviceName="web")),
    "stateful set with claims": ("statefulsets", workload("web", serviceName="web", volumeClaimTemplates=[
        {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}])),
    "daemon set": ("daemonsets", workload("web")),
    "job": ("jobs", job(manualSelector=True, selector={"matchLabels": {"job": "yes"}})),
    "job of parallel pods": ("jobs", job(manualSelector=True, selector={"matchLabels": {"job": "yes"}}, parallelism=2, completions=5, completionMode="Indexed")),
    "cron job": ("cronjobs", _named(spec={"schedule": "@daily", "jobTemplate": {"spec": {"template": template(restartPolicy="OnFailure")}}})),
    "service": ("services", service()),
    "service without an address": ("services", service(clusterIP="None")),
    "service of nodes": ("services", service(type="NodePort", ports=[{"name": "a", "port": 80, "targetPort": "http"}, {"name": "b", "port": 53, "protocol": "UDP"}])),
    "service of a load balancer": ("services", service(type="LoadBalancer")),
    "service of another name": ("services", {"metadata": {"name": "web"}, "spec": {"type": "ExternalName", "externalName": "example.com"}}),
    "service with affinity": ("services", service(sessionAffinity="ClientIP", selector={"a": "b"}, publishNotReadyAddresses=True)),
    "config map": ("configmaps", _named(data={"a": "1"}, binaryData={"b": "MQ=="})),
    "secret": ("secrets", _named(stringData={"a": "1"}, data={"b": "MQ=="})),
    "secret of TLS": ("secrets", _named(type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""})),
    "service account": ("serviceaccounts", _named()),
    "endpoint slice": ("endpointslices", _named(addressType="IPv4", endpoints=[{"addresses": ["10.1.2.3"]}], ports=[{"port": 80}])),
    "network policy": ("networkpolicies", _named(spec={"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]})),
    "network policy of ingress": ("networkpolicies", _named(spec={"podSelector": {}})),
    "ingress": ("ingresses", _named(spec={"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}})),
    "disruption budget": ("poddisruptionbudgets", _named(spec={"minAvailable": "50%", "selector": {}})),
    "autoscaler": ("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", _named(spec={"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}})),
    "limit range": ("limitranges", _named(spec={"limits": [{"type": "Container", "default": {"cpu": "1"}}]})),
    "quota": ("resourcequotas", _named(spec={"hard": {"pods": 5}})),
    "lease": ("leases", _named(spec={"holderIdentity": "me"})),
    "role": ("roles", _named(rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])),
    "role binding": ("rolebindings", _named(roleRef={"kind": "Role", "name": "r"}, subjects=[{"kind": "ServiceAccount", "name": "s"}, {"kind": "User", "name": "u"}])),
    "cluster role binding": ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", _named(roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}, subjects=[{"kind": "ServiceAccount", "name": "s", "namespace": "n"}])),
    "namespace": ("/api/v1/namespaces", _named()),
    "storage class": ("/apis/storage.k8s.io/v1/storageclasses", _named(provisioner="example.com/x")),
    "priority class": ("/apis/scheduling.k8s.io/v1/priorityclasses", _named(value=5)),
    "definition": ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd()),
    "mutating webhook": ("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", _named(webhooks=[{
        "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"service": {"name": "s", "namespace": "n"}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}])),
    "validating webhook": ("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", _named(webhooks=[{
        "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://x.example/y"}}])),
    "API service": ("/apis/apiregistration.k8s.io/v1/apiservices", {"metadata": {"name": "v1.x.example.com"}, "spec": {
        "group": "x.example.com", "version": "v1", "service": {"name": "s", "namespace": "n"}, "groupPriorityMinimum": 10, "versionPriority": 10, "insecureSkipTLSVerify": True}}),
}  # fmt: skip


@pytest.mark.parametrize("what", DEFAULTED)
def test_the_server_completes_a(api: Api, what: str) -> None:
    path, body = DEFAULTED[what]
    assert api.create(path, body, dryRun="All").code == 201
