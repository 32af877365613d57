"""A machine outside Kubernetes: Services lead to it, its proxy is told its policies, and nobody else is disturbed.

The machine is a pod that the control plane takes for any: no label of the mesh, no Service, and a proxy that was put
in by hand and asks for an ExternalWorkload's policies.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.demo.terminal import StepFailed
from tests.mesh import pods, scrape
from tests.mesh.answering import pod as answering
from tests.mesh.applying import applied, policy
from tests.mesh.workloads import HTTP_PORT, NAMESPACE
from weft import labels
from weft.names import TrustDomain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster, Json

MACHINE = "machine"
"""The pod; the mesh knows it as OUTSIDE."""
OUTSIDE = "outside"
CALLER = "inside"
URL = f"http://{OUTSIDE}/"
OURS = f"kubernetes.io/service-name={OUTSIDE},endpointslice.kubernetes.io/managed-by=linkerd-external-workloads-controller"


@pytest.fixture(scope="module")
def machine(installed: Cluster) -> Iterator[pods.Pod]:
    """One who asks, and the machine."""
    deployment = answering.application(MACHINE)[0]
    deployment["spec"]["template"]["spec"]["serviceAccountName"] = MACHINE
    objects = [
        answering.code(),
        *answering.asker(CALLER),
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": MACHINE, "namespace": NAMESPACE},
        },
        by_hand(installed, deployment),
    ]
    installed.apply(*objects)
    for name in (CALLER, MACHINE):
        pods.await_rollout(installed, NAMESPACE, name)
    yield pods.only(installed, NAMESPACE, f"app={MACHINE}")
    for one in objects:
        installed.kubectl("delete", one["kind"], one["metadata"]["name"], "-n", NAMESPACE)


def by_hand(cluster: Cluster, deployment: Json) -> Json:
    """With a proxy of which the control plane cannot know, as on a machine."""
    text = cluster.mesh("inject", "--manual", "-o", "json", "-", given=json.dumps(deployment))
    made: Json = json.loads(text)
    template = made["spec"]["template"]
    template["metadata"]["annotations"][labels.INJECT] = labels.INJECT_DISABLED
    del template["metadata"]["labels"][labels.CONTROL_PLANE_NS_LABEL]
    containers = [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]
    (proxy,) = (one for one in containers if one["name"] == pods.PROXY)
    (whose,) = (one for one in proxy["env"] if one["name"] == "LINKERD2_PROXY_POLICY_WORKLOAD")
    whose["value"] = json.dumps({"ns": NAMESPACE, "external_workload": OUTSIDE})
    return made


def external_workload(*ips: str, **annotations: str) -> Json:
    identity = TrustDomain().identity(MACHINE, NAMESPACE)
    return {
        "apiVersion": "workload.linkerd.io/v1beta1",
        "kind": "ExternalWorkload",
        "metadata": {
            "name": OUTSIDE,
            "namespace": NAMESPACE,
            "labels": {"app": OUTSIDE},
            "annotations": annotations,
        },
        "spec": {
            "meshTLS": {"identity": identity, "serverName": identity},
            "ports": [{"name": "web", "port": HTTP_PORT}],
            "workloadIPs": [{"ip": one} for one in ips],
        },
    }


def service() -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": OUTSIDE, "namespace": NAMESPACE},
        "spec": {
            "selector": {"app": OUTSIDE},
            "ports": [{"name": "http", "port": 80, "targetPort": "web"}],
        },
    }


def say_ready(cluster: Cluster, ready: str) -> None:
    """As whoever watches over the machine does."""
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-01T00:00:00Z"}
    said = json.dumps({"status": {"conditions": [condition]}})
    what = ("externalworkload", OUTSIDE, "-n", NAMESPACE, "--subresource=status")
    cluster.kubectl("patch", *what, "--type=merge", "-p", said)


def slices(cluster: Cluster) -> list[Json]:
    found: list[Json] = cluster.read("endpointslices", "-n", NAMESPACE, "-l", OURS)["items"]
    return found


def await_endpoints(cluster: Cluster, *expected: tuple[str, bool]) -> Json:
    """The one slice, once its endpoints are these: (address, ready)."""

    def told() -> list[tuple[str, bool]]:
        return [
            (each["addresses"][0], each["conditions"]["ready"])
            for one in slices(cluster)
            for each in one["endpoints"]
        ]

    cluster.terminal.wait_until(
        f"the endpoints are {expected}", lambda: told() == [*expected], seconds=answering.NOTICED
    )
    (only,) = slices(cluster)
    return only


@pytest.mark.timeout(150)
def _told_endpoints(cluster: Cluster, name: str) -> list[tuple[str, int, str]]:
    rows = json.loads(cluster.mesh("diagnostics", "endpoints", "-o", "json", name))
    return [(row["ip"], row["port"], row["identity"]) for row in rows]


def test_a_service_leads_to_a_machine(installed: Cluster, machine: pods.Pod) -> None:
    with applied(installed, service(), external_workload(machine.ip)):
        await_endpoints(installed, (machine.ip, False))
        say_ready(installed, "True")
        made = await_endpoints(installed, (machine.ip, True))
        owner = installed.read("service", OUTSIDE, "-n", NAMESPACE)["metadata"]["uid"]
        assert [one["uid"] for one in made["metadata"]["ownerReferences"]] == [owner]
        assert [(one["name"], one["port"]) for one in made["ports"]] == [("http", HTTP_PORT)]
        assert made["addressType"] == "IPv4"
        target = made["endpoints"][0]["targetRef"]
        assert (target["kind"], target["name"]) == ("ExternalWorkload", OUTSIDE)

        answering.await_answer(
            installed,
            "the machine answers",
            lambda one: one.said == MACHINE,
            "http",
            URL,
            who=CALLER,
        )
        answers = answering.ask(installed, CALLER, "http", URL, 10)
        assert {one.said for one in answers} == {MACHINE}
        seen = scrape.proxy(
            installed, NAMESPACE, pods.only(installed, NAMESPACE, f"app={CALLER}").name
        )
        to_machine = {"direction": "outbound", "dst_external_workload": OUTSIDE}
        known = {"tls": "true", "server_id": TrustDomain().identity(MACHINE, NAMESPACE)}
        assert seen.total("response_total", **to_machine, **known) >= 10
        assert seen.total("response_total", **to_machine, tls="false") == 0

        name = f"{OUTSIDE}.{NAMESPACE}.svc.cluster.local:80"
        expected = [(machine.ip, HTTP_PORT, known["server_id"])]
        installed.terminal.wait_until(
            "mesh diagnostics endpoints tells of it",
            lambda: _told_endpoints(installed, name) == expected,
            seconds=30,
        )
        assert f"externalworkload/{OUTSIDE}" in installed.mesh("diagnostics", "endpoints", name)
        assert installed.try_mesh("check")[0] == 0
        (after,) = slices(installed)
        assert after == made, "nobody writes it again and again"
    installed.terminal.wait_until("no slice is left", lambda: slices(installed) == [], seconds=30)


@pytest.mark.timeout(150)
def test_its_ports_have_policies(installed: Cluster, machine: pods.Pod) -> None:
    def status(what: str, expected: int) -> None:
        answering.await_answer(
            installed, what, lambda one: one.status == expected, "http", URL, who=CALLER
        )

    def server(selector: str, app: str) -> Json:
        selected: Json = {selector: {"matchLabels": {"app": app}}}
        return policy("Server", "v1beta3", OUTSIDE, **selected, port="web", proxyProtocol="HTTP/1")

    vm = external_workload(machine.ip, **{labels.DEFAULT_INBOUND_POLICY: "deny"})
    with applied(installed, service(), vm):
        say_ready(installed, "True")
        status("its annotation forbids", 403)
        with applied(installed, server("externalWorkloadSelector", OUTSIDE)):
            told = installed.mesh(
                "diagnostics",
                "policy",
                "-n",
                NAMESPACE,
                f"externalworkload/{OUTSIDE}",
                str(HTTP_PORT),
            )
            assert f"name: {OUTSIDE}" in told
            target = {"group": "policy.linkerd.io", "kind": "Server", "name": OUTSIDE}
            account = {"kind": "ServiceAccount", "name": CALLER}
            allowed: Any = policy(
                "AuthorizationPolicy",
                "v1alpha1",
                OUTSIDE,
                targetRef=target,
                requiredAuthenticationRefs=[account],
            )
            with applied(installed, allowed):
                status("the caller is let in by the machine's Server", 200)
            status("nobody is named any longer", 403)


@pytest.mark.timeout(60)
def test_a_wrong_one_is_refused(installed: Cluster) -> None:
    with pytest.raises(StepFailed) as caught:
        installed.apply(external_workload("127.0.0.1"))
    assert "spec.workloadIPs[0].ip: '127.0.0.1' is not an address that others can" in str(
        caught.value
    )
    assert not installed.exists("externalworkload", OUTSIDE, "-n", NAMESPACE)
