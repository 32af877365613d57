"""`mesh check` against fake answers: what it says when something is wrong, and how it waits."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.checks.context import Context
from cli.checks.data_plane import pods_are_meshed, pods_can_be_meshed
from cli.checks.model import Category, Check, Outcome, Result
from cli.checks.problem import Problem, Skipped
from cli.checks.registry import select
from cli.checks.runner import Pace, run
from cli.cluster.client import Cluster
from cli.cluster.errors import NoCluster, Unreachable
from cli.manifests.credentials import Credentials, make_identity, make_webhook
from cli.manifests.kinds import KINDS, Kind
from cli.render.check_output import TableOutput, to_json
from cli.tests.fake_cluster import FakeCluster, install, meshed_pod, pod_of
from weft import labels
from weft.version import VERSION

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CREDENTIALS = Credentials(
    make_identity("weft", "cluster.local", NOW),
    make_webhook("weft-proxy-injector", "weft", NOW),
    make_webhook("weft-policy-validator", "weft", NOW),
    make_webhook("weft-tap", "weft", NOW),
)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        self.on_sleep()

    def pace(self, wait: float) -> Pace:
        return Pace(wait, lambda: self.now, self.sleep)


def context(cluster: Cluster, namespace: str | None = None, now: datetime = NOW) -> Context:
    return Context(lambda: cluster, "weft", namespace, VERSION, lambda: now)


def results(
    found: Context,
    *,
    pre: bool = False,
    crds: bool = False,
    proxy: bool = False,
    wait: float = 0.0,
) -> list[Result]:
    return list(run(select(pre=pre, crds=crds, proxy=proxy), found, Clock().pace(wait)))


def problems(found: list[Result]) -> dict[str, Result]:
    return {one.description: one for one in found if one.outcome is not Outcome.SUCCESS}


@pytest.fixture
def healthy() -> FakeCluster:
    cluster = FakeCluster()
    install(cluster, CREDENTIALS)
    return cluster


GOLDEN = """\
kubernetes-api
--------------
√ can initialize the client
√ can query the Kubernetes API

kubernetes-version
------------------
√ is running the minimum Kubernetes API version

weft-existence
--------------
√ 'weft-config' config map exists
√ control plane replica sets are ready
√ no unschedulable pods
√ control plane pods are ready
√ cluster networks contains all node podCIDRs
√ cluster networks contains all pods
√ cluster networks contains all services

weft-config
-----------
√ control plane Namespace exists
√ control plane ClusterRoles exist
√ control plane ClusterRoleBindings exist
√ control plane ServiceAccounts exist
√ control plane CustomResourceDefinitions exist
√ control plane MutatingWebhookConfigurations exist
√ control plane ValidatingWebhookConfigurations exist

weft-identity
-------------
√ certificate config is valid
√ trust anchors are using supported crypto algorithm
√ trust anchors are within their validity period
√ trust anchors are valid for at least 60 days
√ issuer cert is using supported crypto algorithm
√ issuer cert is within its validity period
√ issuer cert is valid for at least 60 days
√ issuer cert is issued by the trust anchor

weft-webhooks-and-apisvc-tls
----------------------------
√ proxy-injector webhook has valid cert
√ proxy-injector cert is valid for at least 60 days
√ policy-validator webhook has valid cert
√ policy-validator cert is valid for at least 60 days
√ tap API server has valid cert
√ tap API server cert is valid for at least 60 days
√ tap API service is running

weft-version
------------
√ cli is up-to-date

control-plane-version
---------------------
√ can retrieve the control plane version
√ control plane is up-to-date
√ control plane and cli versions match

weft-control-plane-proxy
------------------------
√ control plane proxies are healthy
√ control plane proxies are up-to-date
√ control plane proxies and cli versions match

weft-data-plane
---------------
√ data plane pods are meshed
√ data plane pods can be meshed
√ data plane proxies are ready
√ data plane proxies certificate match CA
√ data plane is up-to-date
√ data plane and cli versions match
√ data plane pod labels are configured correctly
√ opaque ports are properly annotated

Status check results are √
"""


def printed(found: list[Result], *, only_problems: bool = False) -> str:
    from click import unstyle

    table = TableOutput(only_problems=only_problems)
    lines = [line for one in found for line in table.add(one)]
    return unstyle("\n".join([*lines, *table.finish(), ""]))


def test_a_healthy_mesh_is_all_green(healthy: FakeCluster) -> None:
    healthy.put(meshed_pod("web-1", VERSION))
    assert printed(results(context(healthy), proxy=True)) == GOLDEN


def test_short_output_of_a_healthy_mesh_is_one_line(healthy: FakeCluster) -> None:
    assert printed(results(context(healthy)), only_problems=True) == "Status check results are √\n"


# -- what must be named --------------------------------------------------------------------------


def test_no_cluster() -> None:
    def fail() -> Cluster:
        raise NoCluster("no kubeconfig at ~/.kube/config")

    (found,) = results(Context(fail, "weft", None, VERSION, lambda: NOW))
    assert found.outcome is Outcome.ERROR
    assert found.description == "can initialize the client"
    assert "mesh sandbox up" in found.advice
    assert found.link == "docs/reference/checks.md#k8s-api"


def test_a_cluster_that_does_not_answer() -> None:
    class Dead(FakeCluster):
        def get(self, path: str, **query: str) -> dict[str, object]:
            raise Unreachable("https://10.0.0.1:6443", "Connection refused")

    found = results(context(Dead()))
    assert [one.outcome for one in found] == [Outcome.SUCCESS, Outcome.ERROR]
    assert "https://10.0.0.1:6443: Connection refused" in found[1].error


def test_not_installed() -> None:
    found = results(context(FakeCluster()), wait=300)
    assert found[-1].description == "'weft-config' config map exists"
    assert "no control plane in namespace weft" in found[-1].error
    assert "mesh install | kubectl apply -f -" in found[-1].advice


def test_identity_down(healthy: FakeCluster) -> None:
    pod = pod_of(healthy, "identity")
    pod["status"]["containerStatuses"][0] = {
        "name": "identity", "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
    }  # fmt: skip
    found = problems(results(context(healthy)))
    error = found["control plane pods are ready"]
    assert (
        error.error
        == "pod/weft/weft-identity-1 container identity is not ready: CrashLoopBackOff (back-off 10s)"
    )
    assert "logs" in error.advice


def test_identity_scaled_to_nothing_is_not_waited_for(healthy: FakeCluster) -> None:
    deployment = healthy.objects["/apis/apps/v1/namespaces/weft/deployments/weft-identity"]
    deployment["spec"]["replicas"] = 0
    healthy.remove("Pod", "weft-identity-1")
    found = problems(results(context(healthy)))
    error = found["control plane replica sets are ready"]
    assert "deployment/weft-identity is scaled to 0" in error.error
    assert "no proxy gets or renews a certificate" in error.error
    assert "scale --replicas=1 deployment/weft-identity" in error.advice


def test_expired_issuer(healthy: FakeCluster) -> None:
    later = NOW + timedelta(days=400)
    for one in pod_of(healthy, "identity")["status"]["containerStatuses"]:
        one["ready"] = False
    found = problems(results(context(healthy, now=later), wait=300))
    assert (
        "issuer certificate identity.weft.cluster.local expired on 2027-11-01"
        in found["control plane pods are ready"].error
    )
    assert "expired on" in found["issuer cert is within its validity period"].error
    assert "Proxies cannot renew" in found["issuer cert is within its validity period"].advice


def test_issuer_that_expires_soon_is_a_warning(healthy: FakeCluster) -> None:
    found = problems(results(context(healthy, now=NOW + timedelta(days=330))))
    assert found["issuer cert is valid for at least 60 days"].outcome is Outcome.WARNING
    assert (
        found["issuer cert is valid for at least 60 days"].error
        == "issuer certificate will expire on 2027-11-01T00:00:00Z"
    )
    assert all(one.outcome is Outcome.WARNING for one in found.values())


def test_webhook_down(healthy: FakeCluster) -> None:
    healthy.remove("Pod", "weft-proxy-injector-1")
    found = problems(results(context(healthy)))
    assert (
        'No running pods for "weft-proxy-injector"' in found["control plane pods are ready"].error
    )
    assert "created without a proxy" in found["control plane pods are ready"].error


def test_webhook_unknown_to_the_api_server(healthy: FakeCluster) -> None:
    healthy.remove("MutatingWebhookConfiguration", "weft-proxy-injector-webhook-config")
    found = problems(results(context(healthy)))
    assert "without a proxy" in found["control plane MutatingWebhookConfigurations exist"].advice
    assert "does not exist" in found["proxy-injector webhook has valid cert"].error


def test_a_tap_api_that_the_api_server_does_not_reach(healthy: FakeCluster) -> None:
    api = healthy.get("/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.tap.linkerd.io")
    down = {"type": "Available", "status": "False", "message": "no endpoints"}
    api["status"] = {"conditions": [down]}
    found = problems(results(context(healthy)))
    running = found["tap API service is running"]
    assert "is not available: no endpoints" in running.error
    assert running.outcome is Outcome.WARNING
    healthy.remove("APIService", "v1alpha1.tap.linkerd.io")
    found = problems(results(context(healthy)))
    assert "v1alpha1.tap.linkerd.io does not exist" in found["tap API server has valid cert"].error


def test_webhook_with_the_certificate_of_another_authority(healthy: FakeCluster) -> None:
    other = replace(CREDENTIALS, injector=make_webhook("weft-proxy-injector", "weft", NOW))
    for manifest in _secrets(other):
        healthy.put(manifest)
    found = problems(results(context(healthy)))
    assert "is not issued by a trust anchor" in found["proxy-injector webhook has valid cert"].error


def test_policy_validator_unknown_to_the_api_server(healthy: FakeCluster) -> None:
    healthy.remove("ValidatingWebhookConfiguration", "weft-policy-validator-webhook-config")
    found = problems(results(context(healthy)))
    missing = found["control plane ValidatingWebhookConfigurations exist"]
    assert "weft-policy-validator-webhook-config" in missing.error
    assert "not refused" in missing.advice
    said = found["policy-validator webhook has valid cert"].error
    assert said == (
        "validating webhook configuration weft-policy-validator-webhook-config does not exist"
    )


def test_policy_validator_with_a_certificate_for_another_name(healthy: FakeCluster) -> None:
    install(healthy, replace(CREDENTIALS, validator=make_webhook("weft-tap", "weft", NOW)))
    found = problems(results(context(healthy)))
    said = found["policy-validator webhook has valid cert"].error
    assert said == (
        "the policy validator's certificate is for weft-tap.weft.svc, not weft-policy-validator.weft.svc"
    )


def test_policy_validator_whose_certificate_expires_soon(healthy: FakeCluster) -> None:
    found = problems(results(context(healthy, now=NOW + timedelta(days=330))))
    soon = found["policy-validator cert is valid for at least 60 days"]
    assert soon.error == "policy validator certificate will expire on 2027-11-01T00:00:00Z"
    assert "mesh upgrade" in soon.advice


def _secrets(credentials: Credentials) -> Iterator[dict[str, object]]:
    from cli.manifests.injector import render
    from cli.manifests.install import with_anchors
    from cli.manifests.values import Values

    values = with_anchors(Values(), credentials)
    yield from (one for one in render(values, credentials.injector) if one["kind"] == "Secret")


def test_unmeshed_pods_are_named_with_what_to_do(healthy: FakeCluster) -> None:
    healthy.put(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "shop", "annotations": {labels.INJECT: "enabled"}},
        }
    )
    pod = meshed_pod("web-1", VERSION)
    pod["spec"]["initContainers"] = []
    healthy.put(pod)
    error = problems(results(context(healthy), proxy=True))["data plane pods are meshed"]
    assert "* shop/web-1 has no linkerd-proxy container" in error.error
    assert "rollout restart" in error.advice


def test_checks_of_unmeshed_pods_share_one_listing(healthy: FakeCluster) -> None:
    found = context(healthy)
    pods_are_meshed(found)
    healthy.asked.clear()
    pods_can_be_meshed(found)
    assert not {"/api/v1/pods", "/api/v1/namespaces"} & set(healthy.asked)


@pytest.mark.parametrize(
    ("namespace", "more", "why"),
    [
        ("shop", {}, "hostNetwork is enabled"),
        ("kube-system", {}, "namespace kube-system is one of proxyInjector.excludedNamespaces"),
        ("off", {labels.ADMISSION_WEBHOOKS_LABEL: "disabled"}, "namespace off has the label"),
    ],
)
def test_pods_that_are_never_given_a_proxy_are_named_with_the_reason(
    healthy: FakeCluster, namespace: str, more: dict[str, str], why: str
) -> None:
    metadata = {"name": namespace, "annotations": {labels.INJECT: "enabled"}, "labels": more}
    healthy.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    pod = meshed_pod("web-1", VERSION, namespace)
    pod["spec"] |= {"initContainers": [], "hostNetwork": namespace == "shop"}
    healthy.put(pod)
    found = problems(results(context(healthy), proxy=True))
    assert f"* {namespace}/web-1: {why}" in found["data plane pods can be meshed"].error
    assert found["data plane pods can be meshed"].outcome is Outcome.WARNING
    assert "data plane pods are meshed" not in found


def test_pods_that_would_be_refused_are_named_with_the_annotation(healthy: FakeCluster) -> None:
    pod = meshed_pod("web-1", VERSION, **{labels.INJECT: "enabled", labels.PROXY_CPU_LIMIT: "much"})
    pod["spec"]["initContainers"] = []
    healthy.put(pod)
    found = problems(results(context(healthy), proxy=True))
    assert labels.PROXY_CPU_LIMIT in found["data plane pods can be meshed"].error
    assert "data plane pods are meshed" not in found


def test_proxies_that_are_not_ready_old_or_of_other_anchors(healthy: FakeCluster) -> None:
    pod = meshed_pod("web-1", "0.0.1", **{labels.TRUST_ROOT_SHA256: "x"})
    pod["status"]["initContainerStatuses"][0]["ready"] = False
    pod["metadata"]["labels"][labels.INJECT] = "enabled"
    healthy.put(pod)
    found = problems(results(context(healthy, "shop"), proxy=True))
    assert found["data plane namespace exists"].outcome is Outcome.ERROR
    healthy.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    found = problems(results(context(healthy, "shop"), proxy=True))
    assert (
        found["data plane proxies are ready"].error
        == "pod/shop/web-1 container linkerd-proxy is not ready"
    )
    assert "* shop/web-1 (0.0.1)" in found["data plane is up-to-date"].error
    assert "trust other anchors" in found["data plane proxies certificate match CA"].error
    assert (
        "should be an annotation" in found["data plane pod labels are configured correctly"].error
    )


def test_a_proxy_that_waits_for_its_application(healthy: FakeCluster) -> None:
    pod = meshed_pod("web-1", VERSION)
    pod["status"]["initContainerStatuses"][0]["ready"] = False
    (proxy,) = (one for one in pod["spec"]["initContainers"] if one["name"] == "linkerd-proxy")
    proxy["readinessProbe"] = {"httpGet": {"path": "/ready?listening=8080", "port": 4191}}
    healthy.put(pod)
    found = problems(results(context(healthy), proxy=True))
    assert found["data plane proxies are ready"].error == (
        "pod/shop/web-1 container linkerd-proxy is not ready: nothing in the pod listens on 8080 yet, "
        "or it has no certificate"
    )


def test_a_service_that_does_not_say_what_its_pods_say(healthy: FakeCluster) -> None:
    healthy.put(meshed_pod("web-1", VERSION, **{labels.OPAQUE_PORTS: "9000"}))
    healthy.put(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
         "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 9000}]}}
    )  # fmt: skip
    found = problems(results(context(healthy), proxy=True))["opaque ports are properly annotated"]
    assert "service shop/web should have config.linkerd.io/opaque-ports: 80" in found.error


@pytest.mark.parametrize("written", ["70000", "5-3"])
def test_opaque_ports_that_are_none_are_named(healthy: FakeCluster, written: str) -> None:
    bad, good = {labels.OPAQUE_PORTS: written}, {labels.OPAQUE_PORTS: "9000"}
    healthy.put(meshed_pod("web-1", VERSION, **good))
    healthy.put(meshed_pod("web-2", VERSION, **bad))
    healthy.put(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop", "annotations": bad},
         "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
    )  # fmt: skip
    found = problems(results(context(healthy), proxy=True))["opaque ports are properly annotated"]
    pod, service = found.error.splitlines()
    assert pod.startswith("* pod shop/web-2: config.linkerd.io/opaque-ports: ")
    assert service.startswith("* service shop/web: config.linkerd.io/opaque-ports: ")
    assert written.split("-")[0] in pod
    assert written.split("-")[0] in service


def test_pods_outside_the_cluster_networks(healthy: FakeCluster) -> None:
    pod_of(healthy, "web")["status"]["podIP"] = "203.0.113.9"
    found = problems(results(context(healthy)))["cluster networks contains all pods"]
    assert found.error == "pod weft/weft-web-1: 203.0.113.9 is not in the clusterNetworks"


def test_versions_that_differ_are_warnings(healthy: FakeCluster) -> None:
    found = context(healthy)
    found.expected_version = "9.9.9"
    differing = problems(results(found))
    assert (
        differing["cli is up-to-date"].error
        == f"is running version {VERSION} but the expected version is 9.9.9"
    )
    assert "control plane is up-to-date" in differing
    assert all(one.outcome is Outcome.WARNING for one in differing.values())


def test_an_old_cluster(healthy: FakeCluster) -> None:
    healthy.objects["/version"]["minor"] = "30+"
    assert (
        "1.31 or newer"
        in problems(results(context(healthy)))[
            "is running the minimum Kubernetes API version"
        ].error
    )


# -- before installing ---------------------------------------------------------------------------


def test_pre_checks_of_an_empty_cluster_are_green() -> None:
    found = results(context(FakeCluster()), pre=True)
    assert problems(found) == {}
    assert {one.category for one in found} == {
        "kubernetes-api",
        "kubernetes-version",
        "pre-kubernetes-setup",
        "weft-version",
    }


def test_pre_checks_name_missing_rights_and_what_is_in_the_way() -> None:
    cluster = FakeCluster()
    cluster.refused = {("create", "deployments"), ("create", "clusterroles"), ("get", "secrets")}
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "weft"}})
    old = (NOW - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    cluster.put(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
         "status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": old}]}}
    )  # fmt: skip
    found = problems(results(context(cluster), pre=True))
    assert set(found) == {
        "control plane namespace does not already exist", "can create non-namespaced resources",
        "can create Deployments", "can read Secrets", "no clock skew detected",
    }  # fmt: skip
    assert "create clusterroles" in found["can create non-namespaced resources"].error
    assert "3600 seconds" in found["no clock skew detected"].error


@pytest.mark.parametrize(
    "kind", [one for one in KINDS if not one.namespaced], ids=lambda one: one.name
)
def test_pre_checks_ask_for_every_kind_of_the_cluster_that_is_installed(kind: Kind) -> None:
    cluster = FakeCluster()
    cluster.refused = {("create", kind.resource.plural)}
    found = problems(results(context(cluster), pre=True))
    assert found.keys() == {"can create non-namespaced resources"}


def test_pre_checks_name_a_control_plane_that_is_elsewhere(healthy: FakeCluster) -> None:
    found = problems(results(replace(context(healthy), weft_namespace="other"), pre=True))
    problem = found.pop("no other namespace has a control plane")
    assert found == {}
    assert "in namespace weft" in problem.error
    assert "mesh upgrade -L weft" in problem.advice


# -- waiting -------------------------------------------------------------------------------------


def one_check(verify: Callable[[Context], None], **flags: bool) -> Category:
    return Category(
        "c", (Check("d", "a", "do", verify, **flags), Check("next", "a", "do", lambda _: None))
    )


def test_what_time_heals_is_waited_for() -> None:
    clock, left = Clock(), [3]

    def verify(_: Context) -> None:
        left[0] -= 1
        if left[0]:
            raise Problem("not yet")

    heard: list[str] = []
    found = list(
        run(
            [one_check(verify, retry=True)],
            context(FakeCluster()),
            clock.pace(60),
            lambda d, e: heard.append(f"{d}: {e}"),
        )
    )
    assert [one.outcome for one in found] == [Outcome.SUCCESS, Outcome.SUCCESS]
    assert heard == ["d: not yet", "d: not yet"]
    assert clock.now < 10


@pytest.mark.parametrize(
    ("wait", "flags", "tries"),
    [(0.0, {"retry": True}, 1), (60.0, {}, 1), (6.0, {"retry": True}, 5)],
)
def test_waiting_ends_at_the_deadline(wait: float, flags: dict[str, bool], tries: int) -> None:
    clock, count = Clock(), [0]

    def verify(_: Context) -> None:
        count[0] += 1
        raise Problem("no")

    found = list(run([one_check(verify, **flags)], context(FakeCluster()), clock.pace(wait)))
    assert found[0].outcome is Outcome.ERROR
    assert count[0] == tries
    assert clock.now <= wait


def test_hopeless_problems_are_not_waited_for() -> None:
    clock = Clock()

    def verify(_: Context) -> None:
        raise Problem("never", hopeless=True, advice="give up")

    found = list(run([one_check(verify, retry=True)], context(FakeCluster()), clock.pace(60)))
    assert clock.slept == []
    assert found[0].advice == "give up"


def test_a_fatal_failure_ends_the_run_and_a_warning_does_not() -> None:
    def verify(_: Context) -> None:
        raise Problem("no")

    def skip(_: Context) -> None:
        raise Skipped

    assert (
        len(list(run([one_check(verify, fatal=True)], context(FakeCluster()), Clock().pace(0))))
        == 1
    )
    warned = list(run([one_check(verify, warning=True)], context(FakeCluster()), Clock().pace(0)))
    assert [one.outcome for one in warned] == [Outcome.WARNING, Outcome.SUCCESS]
    assert [
        one.description for one in run([one_check(skip)], context(FakeCluster()), Clock().pace(0))
    ] == ["next"]


# -- output --------------------------------------------------------------------------------------

MIXED = [
    Result("a", "fine", Outcome.SUCCESS),
    Result("a", "meh", Outcome.WARNING, "first\nsecond", "do this", "docs/x.md#meh"),
    Result("b", "bad", Outcome.ERROR, "broken", "", "docs/x.md#bad"),
]


def test_problems_are_indented_with_advice_and_link() -> None:
    assert printed(MIXED, only_problems=True) == (
        "a\n-\n‼ meh\n    first\n    second\n    do this\n    see docs/x.md#meh for hints\n"
        "\nb\n-\n× bad\n    broken\n    see docs/x.md#bad for hints\n\nStatus check results are ×\n"
    )


def test_json_groups_by_category() -> None:
    import json

    assert json.loads(to_json(MIXED)) == {
        "success": False,
        "categories": [
            {"categoryName": "a", "checks": [
                {"description": "fine", "result": "success"},
                {"description": "meh", "hint": "docs/x.md#meh", "error": "first\nsecond", "advice": "do this", "result": "warning"},
            ]},
            {"categoryName": "b", "checks": [{"description": "bad", "hint": "docs/x.md#bad", "error": "broken", "result": "error"}]},
        ],
    }  # fmt: skip


# -- the definitions alone -----------------------------------------------------------------------


def test_definitions_are_asked_for_alone(healthy: FakeCluster) -> None:
    found = results(context(healthy), crds=True)
    assert problems(found) == {}
    assert [one.category for one in found][-1] == "weft-crd"
    assert not any(one.category.startswith("weft-existence") for one in found)


def test_definitions_that_are_not_there_yet_are_waited_for(healthy: FakeCluster) -> None:
    path = next(one for one in healthy.objects if one.endswith("/servers.policy.linkerd.io"))
    late = healthy.objects.pop(path)
    (problem,) = problems(results(context(healthy), crds=True)).values()
    assert problem.error == "missing custom resource definition: servers.policy.linkerd.io"
    clock = Clock()
    clock.on_sleep = lambda: healthy.objects.update({path: late})
    found = list(run(select(crds=True), context(healthy), clock.pace(60)))
    assert problems(found) == {}
    assert clock.slept
