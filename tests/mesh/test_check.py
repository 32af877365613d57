"""`mesh check` names what is broken, says what to do, and is content again when it is repaired."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from deploy.demo.terminal import StepFailed
from tests.mesh import outages, pods, workloads
from weft.names import (
    DESTINATION_COMPONENT,
    IDENTITY_COMPONENT,
    INJECTOR_COMPONENT,
    WEB_COMPONENT,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mesh.cluster import Cluster, Json

AT_ONCE = ("check", "--wait", "0s", "-o", "json")


def problems(cluster: Cluster, *flags: str, kubeconfig: Path | None = None) -> dict[str, str]:
    """What was found wrong and what to do about it, by the check's description."""
    code, said = cluster.try_mesh(*AT_ONCE, *flags, kubeconfig=kubeconfig)
    checks: list[Json] = [
        one for category in json.loads(said)["categories"] for one in category["checks"]
    ]
    found = {
        one["description"]: f"{one['error']} -- {one.get('advice', '')}"
        for one in checks
        if one["result"] == "error"
    }
    assert (code != 0) == bool(found), said
    for description, what in found.items():
        print(f"× {description}: {what}")
    return found


def require_well(cluster: Cluster) -> None:
    code, said = cluster.try_mesh("check", "--wait", "90s")
    assert code == 0, said


def test_no_kubeconfig(cluster: Cluster, tmp_path: Path) -> None:
    found = problems(cluster, kubeconfig=tmp_path / "missing")
    assert "mesh sandbox up" in found.pop("can initialize the client")
    assert found == {}, "what cannot be asked is not judged"


def test_no_cluster(cluster: Cluster, tmp_path: Path) -> None:
    nobody = {"name": "nobody", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "nobody", "context": {"cluster": "nobody", "user": "nobody"}}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [nobody],
        "contexts": [context],
        "users": [{"name": "nobody", "user": {"token": "none"}}],
        "current-context": "nobody",
    }
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(yaml.safe_dump(config))
    found = problems(cluster, kubeconfig=kubeconfig)
    told = found.pop("can query the Kubernetes API")
    assert "127.0.0.1:1" in told
    assert "kubectl cluster-info" in told
    assert found == {}


def test_not_installed(installed: Cluster) -> None:
    found = problems(installed, "-L", "nothing-here")
    told = found.pop("'weft-config' config map exists")
    assert "no control plane in namespace nothing-here" in told
    assert "mesh install | kubectl apply -f -" in told
    assert found == {}


def test_a_second_control_plane_is_refused(installed: Cluster) -> None:
    told = problems(installed, "--pre", "-L", "other")["no other namespace has a control plane"]
    assert "mesh upgrade -L weft" in told
    assert installed.try_mesh("install", "-L", "other") == (1, "")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("component", "consequence"),
    [
        (IDENTITY_COMPONENT, "no proxy gets or renews a certificate"),
        (DESTINATION_COMPONENT, "proxies learn of no new endpoints"),
        (INJECTOR_COMPONENT, "pods are created without a proxy"),
        (WEB_COMPONENT, "there is no `mesh stat`"),
    ],
)
def test_a_component_is_down(installed: Cluster, component: str, consequence: str) -> None:
    with outages.down(installed, component):
        found = problems(installed)
    told = found["control plane replica sets are ready"]
    assert f"deployment/{component} is scaled to 0" in told
    assert consequence in told
    assert f"kubectl -n weft scale --replicas=1 deployment/{component}" in told
    assert component in found["control plane pods are ready"]
    others = {IDENTITY_COMPONENT, DESTINATION_COMPONENT, INJECTOR_COMPONENT, WEB_COMPONENT}
    assert not any(one in told for one in others - {component})
    require_well(installed)


@pytest.mark.timeout(240)
def test_the_issuer_has_expired(installed: Cluster) -> None:
    with outages.expired_issuer(installed):
        found = problems(installed)
    told = found["issuer cert is within its validity period"]
    assert "issuer certificate" in told
    assert "expired" in told
    assert "Proxies cannot renew their certificates" in told
    assert "rotate-certificates.md" in told
    require_well(installed)


def test_a_pod_asks_for_a_proxy_and_has_none(installed: Cluster) -> None:
    """Created while the webhook was away; the API server was told not to wait for it."""
    pod = workloads.pod_template("unmeshed", workloads.HTTP_SERVER, {})
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": "unmeshed", "namespace": workloads.NAMESPACE}
    try:
        with outages.down(installed, INJECTOR_COMPONENT):
            installed.apply(pod)
        found = problems(installed, "--proxy", "-n", workloads.NAMESPACE)
    finally:
        installed.kubectl("delete", "pod", "unmeshed", "-n", workloads.NAMESPACE)
    told = found.pop("data plane pods are meshed")
    assert f"{workloads.NAMESPACE}/unmeshed has no linkerd-proxy container" in told
    assert "kubectl rollout restart" in told
    assert found == {}
    require_well(installed)


@pytest.mark.timeout(240)
def test_where_nobody_is_let_in_by_default_the_api_server_still_is(installed: Cluster) -> None:
    """Its calls to the webhooks come without a certificate, as the kubelet's probes do."""
    pod = workloads.pod_template("late", workloads.HTTP_SERVER, {})
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": "late", "namespace": workloads.NAMESPACE}
    try:
        pods.upgrade(installed, "--set", "proxy.defaultInboundPolicy=deny")
        require_well(installed)
        installed.apply(pod)
        spec = installed.read("pod", "late", "-n", workloads.NAMESPACE)["spec"]
        assert pods.PROXY in [one["name"] for one in spec["initContainers"]]
        with pytest.raises(StepFailed, match=r"denied the request: spec\.port"):
            installed.apply(NO_SERVER)
    finally:
        pods.upgrade(installed, "--set", "proxy.defaultInboundPolicy=all-unauthenticated")
        installed.kubectl("delete", "pod", "late", "-n", workloads.NAMESPACE, "--ignore-not-found")


NO_SERVER = {
    "apiVersion": "policy.linkerd.io/v1beta3",
    "kind": "Server",
    "metadata": {"name": "wrong", "namespace": workloads.NAMESPACE},
    "spec": {"podSelector": {}, "port": 70000},
}
