"""Injection as users meet it: every kind of workload, what they may ask for, and why some pods are left alone."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from proxy_injector.ending import DEBUG_STAYS
from tests.mesh import outages, pods, scrape, workloads
from tests.mesh.workloads import HTTP_PORT, NAMESPACE
from weft import labels, ports
from weft.names import INJECTOR_COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.mesh.cluster import Cluster, Json

WEBHOOK = ("mutatingwebhookconfiguration", "weft-proxy-injector-webhook-config")
SKIPPED_NAMESPACE = f"{NAMESPACE}-skipped"
PATIENCE = 60.0
SLEEPER = workloads.python("import time; time.sleep(3600)")
FETCH = """
import sys, urllib.error, urllib.request
url, wanted = sys.argv[1:]
try:
    status = urllib.request.urlopen(url, timeout=20).status
except urllib.error.HTTPError as error:
    status = error.code
sys.exit(0 if str(status) == wanted else f"{url} answered {status}, not {wanted}")
"""
"""Ends well when the answer has the wanted status."""
LISTEN = "import os, sys, time; time.sleep(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
LATE = "late"
LATE_SECONDS = 8
"""Until its application listens, long after its proxy does."""


def fetch(service: str, wanted: int) -> tuple[str, ...]:
    return workloads.python(FETCH, f"http://{service}.{NAMESPACE}/", str(wanted))


def job(name: str, command: Sequence[str], annotations: Mapping[str, str] | None = None) -> Json:
    template = workloads.pod_template(name, command, annotations or {})
    template["spec"]["restartPolicy"] = "Never"
    metadata = {"name": name, "namespace": NAMESPACE}
    spec = {"template": template, "backoffLimit": 0}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def controller(version: str, kind: str, **more: Any) -> Json:
    """One sleeping pod of this kind of controller, or one on each node."""
    name = f"kind-{kind.lower()}"
    found = workloads.deployment(name, workloads.pod_template(name, SLEEPER, {}))
    found |= {"apiVersion": version, "kind": kind}
    if kind == "ReplicationController":
        found["spec"]["selector"] = {"app": name}
    if kind == "DaemonSet":
        del found["spec"]["replicas"]
    found["spec"] |= more
    return found


def bare_pod(name: str, namespace: str) -> Json:
    pod: Json = workloads.pod_template(name, SLEEPER, {})
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": name, "namespace": namespace}
    return pod


def cron_job() -> Json:
    made = job("kind-cronjob", fetch("closed", 200))
    made |= {
        "kind": "CronJob",
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": made["spec"]}},
    }
    return made


def needs_network_first() -> Json:
    """Its init container is answered only with a certificate, so only through a proxy that is ready before it."""
    template = workloads.pod_template("with-init", SLEEPER, {})
    (container,) = template["spec"]["containers"]
    first = {**container, "name": "first", "command": list(fetch("closed", 200))}
    template["spec"]["initContainers"] = [first]
    return workloads.deployment("with-init", template)


def host_network() -> Json:
    template = workloads.pod_template("on-host", SLEEPER, {})
    template["spec"]["hostNetwork"] = True
    return workloads.deployment("on-host", template)


def listens_late() -> Json:
    made = workloads.http_server(LATE)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["command"] = list(workloads.python(LISTEN, str(LATE_SECONDS), *workloads.HTTP_SERVER))
    return made


OPAQUE = {labels.OPAQUE_PORTS: f"80,{HTTP_PORT}"}
SERVERS: dict[str, dict[str, str]] = {
    "closed": {labels.DEFAULT_INBOUND_POLICY: "all-authenticated"},
    "skipping": {
        labels.DEFAULT_INBOUND_POLICY: "deny",
        labels.SKIP_INBOUND_PORTS: str(HTTP_PORT),
    },
    "opaque": {
        **OPAQUE,
        labels.ENABLE_DEBUG_SIDECAR: "true",
        labels.PROXY_CPU_LIMIT: "1",
        labels.PROXY_MEMORY_REQUEST: "40Mi",
        labels.PROXY_MEMORY_LIMIT: "200Mi",
    },
}
CONTROLLERS = (
    controller("apps/v1", "Deployment"),
    controller("apps/v1", "StatefulSet", serviceName="kind-statefulset"),
    controller("apps/v1", "DaemonSet"),
    controller("apps/v1", "ReplicaSet"),
    controller("v1", "ReplicationController"),
)
JOBS = {
    "kind-job": job("kind-job", fetch("closed", 200)),
    "to-skipping": job("to-skipping", fetch("skipping", 200)),
    "past-proxy": job("past-proxy", fetch("closed", 403), {labels.SKIP_OUTBOUND_PORTS: "80"}),
    "to-opaque": job("to-opaque", fetch("opaque", 200)),
    "debugged": job("debugged", fetch("closed", 200), {labels.ENABLE_DEBUG_SIDECAR: "true"}),
    "classic": job(
        "classic",
        workloads.python("pass"),
        {labels.ENABLE_DEBUG_SIDECAR: "true", labels.PROXY_ENABLE_NATIVE_SIDECAR: "false"},
    ),
}


@pytest.fixture(scope="module")
def applied(installed: Cluster) -> Iterator[Cluster]:
    """Everything at once, so that the waiting is done together."""
    skipped = {
        "name": SKIPPED_NAMESPACE,
        "annotations": {labels.INJECT: labels.INJECT_ENABLED},
        "labels": {labels.ADMISSION_WEBHOOKS_LABEL: "disabled"},
    }
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": skipped},
        *(workloads.http_server(name, asked) for name, asked in SERVERS.items()),
        *(
            workloads.service(name, name, annotations=OPAQUE if name == "opaque" else None)
            for name in SERVERS
        ),
        *CONTROLLERS,
        bare_pod("kind-pod", NAMESPACE),
        bare_pod("left-alone", SKIPPED_NAMESPACE),
        cron_job(),
        needs_network_first(),
        host_network(),
        listens_late(),
    ]
    kinds = "deploy,sts,ds,rs,rc,job,cronjob,pod,service"
    try:
        installed.apply(*objects)
        for name in SERVERS:
            pods.await_rollout(installed, NAMESPACE, name)
        installed.kubectl(
            "create", "job", "from-cron", "--from=cronjob/kind-cronjob", "-n", NAMESPACE
        )
        installed.apply(*JOBS.values())
        yield installed
    finally:
        installed.kubectl("delete", kinds, "--all", "-n", NAMESPACE, "--wait=false")
        installed.kubectl(
            "delete", "namespace", SKIPPED_NAMESPACE, "--ignore-not-found", "--wait=false"
        )


def await_condition(cluster: Cluster, subject: str, condition: str) -> None:
    cluster.kubectl(
        "wait",
        subject,
        "-n",
        NAMESPACE,
        f"--for=condition={condition}",
        f"--timeout={PATIENCE:.0f}s",
    )


def proxies(pod: Json) -> list[Json]:
    spec = pod["spec"]
    everything = [*spec.get("initContainers", []), *spec["containers"]]
    return [one for one in everything if one["name"] == pods.PROXY]


def said_by_check(cluster: Cluster, namespace: str) -> dict[str, tuple[str, str]]:
    """Result and error of the data plane's checks, by description."""
    _, said = cluster.try_mesh("check", "--proxy", "-n", namespace, "--wait", "0s", "-o", "json")
    return {
        one["description"]: (one["result"], one.get("error", ""))
        for category in json.loads(said)["categories"]
        for one in category["checks"]
    }


@pytest.mark.parametrize("kind", [one["kind"] for one in CONTROLLERS] + ["Pod"])
def test_pods_of_every_kind_that_stays_get_a_proxy_that_is_ready(
    applied: Cluster, kind: str
) -> None:
    selector = f"app=kind-{kind.lower()}"
    applied.terminal.wait_until(
        f"the {kind} has a pod",
        lambda: bool(applied.read("pods", "-n", NAMESPACE, "-l", selector)["items"]),
        seconds=PATIENCE,
        every=0.2,
    )
    (name,) = (
        one["metadata"]["name"]
        for one in applied.read("pods", "-n", NAMESPACE, "-l", selector)["items"]
    )
    await_condition(applied, f"pod/{name}", "Ready")
    pod = applied.read("pod", name, "-n", NAMESPACE)
    assert len(proxies(pod)) == 1
    owner = labels.OWNER_LABEL_PREFIX + kind.lower()
    if kind != "Pod":
        assert pod["metadata"]["labels"][owner] == f"kind-{kind.lower()}"


@pytest.mark.parametrize("name", ["kind-job", "from-cron", "debugged"])
def test_a_job_is_meshed_and_ends(applied: Cluster, name: str) -> None:
    """The server answers nobody without a certificate, so the proxy was there; and it did not keep the pod."""
    await_condition(applied, f"job/{name}", "Complete")
    pod = pod_of_job(applied, name)
    assert pod["status"]["phase"] == "Succeeded"
    (proxy,) = proxies(pod)
    assert proxy["restartPolicy"] == "Always"


def test_the_debug_container_of_a_job_saw_its_proxy_from_the_start(applied: Cluster) -> None:
    """It was there before the proxy, and was ended after it."""
    await_condition(applied, "job/debugged", "Complete")
    pod = pod_of_job(applied, "debugged")
    states = {one["name"]: one["state"] for one in pod["status"]["initContainerStatuses"]}
    debug, proxy = states["linkerd-debug"]["terminated"], states[pods.PROXY]["terminated"]
    assert debug["startedAt"] <= proxy["startedAt"]
    assert debug["finishedAt"] >= proxy["finishedAt"]
    assert debug["exitCode"] == 0
    log = applied.kubectl("logs", pod["metadata"]["name"], "-n", NAMESPACE, "-c", "linkerd-debug")
    (address,) = (one["ip"] for one in pod["status"]["podIPs"])
    asks_for_policy = rf" Out IP {re.escape(address)}\.\d+ > [^ ]+\.{ports.POLICY}: tcp [1-9]"
    assert re.search(asks_for_policy, log), "what a proxy does before it is ready"


def test_a_job_that_classic_sidecars_keep_from_ending_is_told_of(applied: Cluster) -> None:
    def states() -> dict[str, Json]:
        made = pods_of_job(applied, "classic")
        return {
            one["name"]: one["state"]
            for pod in made
            for one in pod["status"].get("containerStatuses", [])
        }

    applied.terminal.wait_until(
        "the job's own container is over, and the debug container is not",
        lambda: (
            "terminated" in states().get("classic", {})
            and "running" in states().get("linkerd-debug", {})
        ),
        seconds=PATIENCE,
        every=0.5,
    )
    assert states()["classic"]["terminated"]["exitCode"] == 0
    applied.terminal.wait_until(
        "an event says why it does not end",
        lambda: told(applied, "InjectedPodNeverEnds", "classic") == [DEBUG_STAYS],
        seconds=PATIENCE,
    )


def pods_of_job(cluster: Cluster, name: str) -> list[Json]:
    selector = f"batch.kubernetes.io/job-name={name}"
    return list(cluster.read("pods", "-n", NAMESPACE, "-l", selector)["items"])


def pod_of_job(cluster: Cluster, name: str) -> Json:
    (pod,) = pods_of_job(cluster, name)
    return pod


def told(cluster: Cluster, reason: str, name: str) -> list[str]:
    """The messages of a workload's events of this kind."""
    events = cluster.read("events", "-n", NAMESPACE)["items"]
    return [
        one["message"]
        for one in events
        if one["reason"] == reason and one["involvedObject"]["name"] == name
    ]


def test_an_init_container_reaches_the_mesh(applied: Cluster) -> None:
    pods.await_rollout(applied, NAMESPACE, "with-init")
    pod = pods.only(applied, NAMESPACE, "app=with-init")
    order = [
        one["name"]
        for one in applied.read("pod", pod.name, "-n", NAMESPACE)["spec"]["initContainers"]
    ]
    assert order.index(pods.PROXY) < order.index("first")


def test_a_pod_whose_application_listens_late_is_ready_late(applied: Cluster) -> None:
    """The kubelet's `tcpSocket` probe is answered by the proxy, which is there before."""
    pods.await_rollout(applied, NAMESPACE, LATE)
    pod = applied.read("pod", pods.only(applied, NAMESPACE, f"app={LATE}").name, "-n", NAMESPACE)
    (application,) = pod["status"]["containerStatuses"]
    (ready,) = (one for one in pod["status"]["conditions"] if one["type"] == "Ready")
    started, since = (
        datetime.fromisoformat(text)
        for text in (application["state"]["running"]["startedAt"], ready["lastTransitionTime"])
    )
    # Both are whole seconds.
    assert (since - started).total_seconds() >= LATE_SECONDS - 1


def test_skipped_ports_pass_the_proxy_by(applied: Cluster) -> None:
    """Inbound: whom the policy denies, an answer. Outbound: no certificate, so a refusal."""
    await_condition(applied, "job/to-skipping", "Complete")
    await_condition(applied, "job/past-proxy", "Complete")


def test_policy_has_no_say_about_the_admin_port(applied: Cluster) -> None:
    """Whoever has no certificate is refused by the application's port, and told the metrics: no Prometheus is
    kept out by policy, and nobody else is."""
    await_condition(applied, "job/past-proxy", "Complete")
    pod = pods.only(applied, NAMESPACE, "app=closed")
    denied = scrape.proxy(applied, NAMESPACE, pod.name).total("inbound_http_authz_deny_total")
    assert denied > 0


def test_opaque_ports_are_carried_as_tcp(applied: Cluster) -> None:
    await_condition(applied, "job/to-opaque", "Complete")
    found = {
        name: scrape.proxy(applied, NAMESPACE, pods.only(applied, NAMESPACE, f"app={name}").name)
        for name in ("opaque", "closed")
    }
    http = {
        name: one.total("response_total", direction="inbound", target_port=str(HTTP_PORT))
        for name, one in found.items()
    }
    assert http["closed"] > 0
    assert http["opaque"] == 0
    assert found["opaque"].total("tcp_open_total", direction="inbound", peer="src", tls="true") > 0


def test_the_proxys_resources_are_those_asked_for(applied: Cluster) -> None:
    pod = pods.only(applied, NAMESPACE, "app=opaque")
    (proxy,) = proxies(applied.read("pod", pod.name, "-n", NAMESPACE))
    assert proxy["resources"]["limits"] == {"cpu": "1", "memory": "200Mi"}
    assert proxy["resources"]["requests"]["memory"] == "40Mi"


def test_the_debug_container_sees_the_proxys_packets(applied: Cluster) -> None:
    """Opaque ports are carried by the proxy's own port, and from the proxy go to the application's."""
    await_condition(applied, "job/to-opaque", "Complete")
    pod = pods.only(applied, NAMESPACE, "app=opaque")
    inside = ("exec", pod.name, "-n", NAMESPACE, "-c", "linkerd-debug", "--")

    def shown() -> str:
        return applied.kubectl("logs", pod.name, "-n", NAMESPACE, "-c", "linkerd-debug")

    def sees(interface: str, port: int) -> bool:
        """Somebody sends bytes to this port of the pod."""
        packet = re.compile(rf"{interface} +In .* > {re.escape(pod.ip)}\.{port}: tcp [1-9]")
        return bool(packet.search(shown()))

    applied.terminal.wait_until(
        "tcpdump shows what came to the proxy and what the application was sent",
        lambda: sees("eth0", ports.INBOUND) and sees("lo", HTTP_PORT),
        seconds=PATIENCE,
        every=0.5,
    )
    assert f"--to-ports {ports.INBOUND}" in applied.kubectl(*inside, "iptables-save", "-t", "nat")
    assert f":{ports.INBOUND}" in applied.kubectl(*inside, "ss", "-ltn")
    print("\n".join(shown().splitlines()[:5]))


def test_a_pod_on_the_hosts_network_is_left_alone_and_somebody_says_so(applied: Cluster) -> None:
    pods.await_rollout(applied, NAMESPACE, "on-host")
    pod = pods.only(applied, NAMESPACE, "app=on-host")
    assert proxies(applied.read("pod", pod.name, "-n", NAMESPACE)) == []

    applied.terminal.wait_until(
        "an event says why",
        lambda: any(
            "hostNetwork is enabled" in one for one in told(applied, "InjectionSkipped", "on-host")
        ),
        seconds=PATIENCE,
    )
    result, why = said_by_check(applied, NAMESPACE)["data plane pods can be meshed"]
    assert result == "warning"
    assert f"{NAMESPACE}/{pod.name}: hostNetwork is enabled" in why


def test_a_namespace_without_the_webhook_is_told_of(applied: Cluster) -> None:
    assert proxies(applied.read("pod", "left-alone", "-n", SKIPPED_NAMESPACE)) == []
    result, why = said_by_check(applied, SKIPPED_NAMESPACE)["data plane pods can be meshed"]
    assert result == "warning"
    assert f"{SKIPPED_NAMESPACE}/left-alone: " in why
    assert labels.ADMISSION_WEBHOOKS_LABEL in why


@pytest.mark.timeout(180)
def test_pods_that_must_be_meshed_wait_for_the_webhook_and_come_with_it(applied: Cluster) -> None:
    """With webhookFailurePolicy Fail, as `--ha` has it: none starts without a proxy, none is blocked for ever."""
    name = "waiting"
    try:
        _set_failure_policy(applied, "Fail")
        with outages.down(applied, INJECTOR_COMPONENT):
            applied.apply(workloads.deployment(name, workloads.pod_template(name, SLEEPER, {})))
            await_condition(applied, f"deploy/{name}", "ReplicaFailure")
            assert applied.read("pods", "-n", NAMESPACE, "-l", f"app={name}")["items"] == []
        pods.await_rollout(applied, NAMESPACE, name)
    finally:
        _set_failure_policy(applied, "Ignore")
    pod = pods.only(applied, NAMESPACE, f"app={name}")
    assert len(proxies(applied.read("pod", pod.name, "-n", NAMESPACE))) == 1


def _set_failure_policy(cluster: Cluster, policy: str) -> None:
    patch = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": policy}]
    cluster.kubectl("patch", *WEBHOOK, "--type=json", "-p", json.dumps(patch))
