"""Who is injected: every combination of the two annotations, and every pod that never is."""

import itertools
from typing import Any

import pytest

from proxy_injector.decide import Decision, Reason, decide
from proxy_injector.pod import MalformedObject
from proxy_injector.tests.examples import pod
from weft.labels import INJECT

VALUES = (None, "enabled", "ingress", "disabled", "Enabled", "")


def annotated(value: str | None) -> dict[str, str]:
    return {} if value is None else {INJECT: value}


def expected(at_pod: str | None, at_namespace: str | None) -> Decision:
    if at_pod in ("enabled", "ingress"):
        return Decision((), "workload")
    if at_pod == "disabled":
        return Decision((Reason.DISABLED,), "workload")
    if at_pod is not None:
        return Decision((Reason.INVALID_AT_WORKLOAD,), "workload")
    if at_namespace in ("enabled", "ingress"):
        return Decision((), "namespace")
    if at_namespace == "disabled":
        return Decision((Reason.NOT_ENABLED,), "namespace")
    if at_namespace is not None:
        return Decision((Reason.INVALID_AT_NAMESPACE,), "namespace")
    return Decision((Reason.NOT_ENABLED,), "")


@pytest.mark.parametrize(("at_pod", "at_namespace"), list(itertools.product(VALUES, VALUES)))
def test_the_pods_annotation_wins_and_only_two_values_inject(
    at_pod: str | None, at_namespace: str | None
) -> None:
    found = decide(pod()["spec"], annotated(at_pod), annotated(at_namespace))
    assert found == expected(at_pod, at_namespace)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hostNetwork": True}, Reason.HOST_NETWORK),
        ({"containers": [{"name": "linkerd-proxy"}]}, Reason.SIDECAR_EXISTS),
        (
            {"containers": [{"name": "x", "image": "gcr.io/istio-release/proxyv2:1"}]},
            Reason.SIDECAR_EXISTS,
        ),
        ({"initContainers": [{"name": "linkerd-init"}]}, Reason.SIDECAR_EXISTS),
        ({"initContainers": [{"name": "istio-init"}]}, Reason.SIDECAR_EXISTS),
        (
            {"initContainers": [{"name": "linkerd-proxy", "restartPolicy": "Always"}]},
            Reason.SIDECAR_EXISTS,
        ),
    ],
)
def test_some_pods_are_never_injected(change: dict[str, Any], reason: Reason) -> None:
    assert decide({**pod()["spec"], **change}, {INJECT: "enabled"}, {}).reasons == (reason,)


def test_udp_is_a_remark_and_no_reason() -> None:
    spec = {"containers": [{"name": "dns", "ports": [{"containerPort": 53, "protocol": "UDP"}]}]}
    assert decide(spec, {INJECT: "enabled"}, {}) == Decision((), "workload", udp=True)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({}, "spec.containers"),
        ({"containers": []}, "spec.containers"),
        ({"containers": "x"}, "spec.containers"),
        ({"containers": [1]}, "spec.containers[0]"),
        ({"containers": [{}]}, "spec.containers[0].name"),
        ({"containers": [{"name": "a", "ports": [{"containerPort": "80"}]}]}, "containerPort"),
        ({"containers": [{"name": "a"}], "initContainers": {}}, "spec.initContainers"),
    ],
)
def test_what_is_no_pod_is_refused_with_the_path(spec: dict[str, Any], path: str) -> None:
    with pytest.raises(MalformedObject) as caught:
        decide(spec, {INJECT: "enabled"}, {})
    assert path in str(caught.value)
