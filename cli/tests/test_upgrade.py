"""`mesh upgrade`, `prune` and `uninstall` against the sandbox's API server: what they keep, say and leave."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.manifests.credentials import make_identity
from cli.manifests.differences import compare
from cli.manifests.stored import known_only, overrides
from cli.manifests.upgrade import ANCHORS_VARIABLE
from cli.manifests.values import Values
from cli.tests.fake_cluster import meshed_pod
from cli.tests.golden import compare_text
from cli.tests.run_mesh import Ran, mesh
from cli.tests.sandbox_cluster import SandboxCluster
from weft.version import VERSION

Json = dict[str, Any]
NOW = datetime.now(UTC)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> SandboxCluster:
    """A cluster without a mesh, which `mesh` reaches."""
    found = SandboxCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: found)
    return found


def manifests(ran: Ran) -> list[Json]:
    assert ran.code == 0, ran.err
    return [one for one in yaml.safe_load_all(ran.out) if one is not None]


def of(documents: list[Json], kind: str, name: str) -> Json:
    (found,) = [one for one in documents if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def install(cluster: SandboxCluster, *flags: str) -> list[Json]:
    """Prints, applies, and returns what was applied."""
    documents = manifests(mesh("install", *flags))
    cluster.apply(documents)
    return documents


def who_may_tap(documents: list[Json]) -> set[str]:
    """What proxies of the control plane, and by its values those of applications, are told."""
    values = yaml.safe_load(of(documents, "ConfigMap", "weft-config")["data"]["values"])
    spec = of(documents, "Deployment", "weft-web")["spec"]["template"]["spec"]
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    variables = [one for container in containers for one in container.get("env", [])]
    told = {one["value"] for one in variables if one["name"] == "LINKERD2_PROXY_TAP_SVC_NAME"}
    return {values["tap"]["identity"], *told}


def store(cluster: SandboxCluster, applied: list[Json], values: Json) -> None:
    """Makes the installation one that was made with these values."""
    config = of(applied, "ConfigMap", "weft-config")
    tree = yaml.safe_load(config["data"]["values"])
    cluster.apply([{**config, "data": {"values": yaml.safe_dump({**tree, **values})}}])


def pod(anchors: str, name: str = "web-1") -> Json:
    """A meshed pod that was started with these anchors."""
    found = meshed_pod(name, VERSION)
    env = [{"name": ANCHORS_VARIABLE, "value": anchors}]
    found["spec"]["initContainers"][0] |= {"image": "proxy:1", "env": env}
    found["spec"]["containers"][0]["image"] = "web:1"
    found["spec"] = {**found["spec"], "nodeName": "sandbox"}
    return found


@pytest.mark.parametrize("command", ["upgrade", "prune"])
def test_help_is_the_golden_one(command: str) -> None:
    compare_text(f"help-{command}", mesh(command, "--help").out)


@pytest.mark.slow
def test_an_upgrade_to_the_same_version_changes_nothing(cluster: SandboxCluster) -> None:
    flags = ("--ha", "--set", "proxy.logLevel=debug,webhookFailurePolicy=Ignore")
    applied = install(cluster, *flags)
    assert manifests(mesh("upgrade")) == applied
    told = mesh("upgrade", "--diff").out
    assert told == f"{len(applied)} objects stay as they are, 0 would change, 0 would be created.\n"


@pytest.mark.slow
def test_values_are_kept_and_new_ones_are_kept_from_then_on(cluster: SandboxCluster) -> None:
    install(cluster, "--set", "proxy.logLevel=debug,controllerReplicas=2")
    changed = mesh("upgrade", "--diff", "--set", "controllerReplicas=3,proxy.accessLog=json")
    assert "deployment/weft-web: changed\n  spec.replicas: 2 -> 3\n" in changed.out
    assert '  value proxy.accessLog: "" -> json\n' in changed.out
    assert "secret/weft-config-overrides: changed\n  data.overrides: changed\n" in changed.out
    assert "proxy.logLevel" not in changed.out
    cluster.apply(manifests(mesh("upgrade", "--set", "controllerReplicas=3,proxy.accessLog=json")))
    stored = yaml.safe_load(
        of(manifests(mesh("upgrade")), "ConfigMap", "weft-config")["data"]["values"]
    )
    assert stored["controllerReplicas"] == 3
    assert (stored["proxy"]["accessLog"], stored["proxy"]["logLevel"]) == ("json", "debug")


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["", "mine.tapping.serviceaccount.identity.weft.cluster.local"])
def test_who_may_tap_follows_the_trust_domain_unless_it_was_chosen(
    cluster: SandboxCluster, chosen: str
) -> None:
    applied = install(cluster, *(("--set", f"tap.identity={chosen}") if chosen else ()))
    moved = "weft-tap.weft.serviceaccount.identity.weft.new.example"
    other = ("--force", "--set", "identityTrustDomain=new.example")
    assert who_may_tap(manifests(mesh("upgrade", *other))) == {chosen or moved}
    # As an installation remembers it that was made when it was remembered.
    secret = of(applied, "Secret", "weft-config-overrides")
    remembered = {"tap": {"identity": who_may_tap(applied).pop()}}
    cluster.apply(
        [{**secret, "data": {"overrides": b64encode(yaml.safe_dump(remembered).encode()).decode()}}]
    )
    assert who_may_tap(manifests(mesh("upgrade", *other))) == {chosen or moved}
    cluster.delete([secret])
    assert who_may_tap(manifests(mesh("upgrade", *other))) == {chosen or moved}


@pytest.mark.slow
def test_an_installation_that_does_not_remember_is_read_from_its_values(
    cluster: SandboxCluster,
) -> None:
    applied = install(cluster, "--set", "proxy.logLevel=debug")
    cluster.delete([of(applied, "Secret", "weft-config-overrides")])
    assert manifests(mesh("upgrade")) == applied


def test_there_must_be_something_to_upgrade(cluster: SandboxCluster) -> None:
    for command in ("upgrade", "prune"):
        ran = mesh(command)
        assert (ran.code, ran.out) == (1, "")
        assert "there is no control plane in namespace weft" in ran.err
        assert "mesh install | kubectl apply -f -" in ran.err


@pytest.mark.slow
def test_an_issuer_that_running_pods_do_not_trust_is_refused(
    cluster: SandboxCluster, tmp_path: Path
) -> None:
    applied = install(cluster)
    anchors = of(applied, "ConfigMap", "weft-identity-trust-roots")["data"]["ca-bundle.crt"]
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    account = {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "shop"}}
    cluster.apply([shop, {"apiVersion": "v1", **account}])
    cluster.post("/api/v1/namespaces/shop/pods", pod(anchors))
    new = make_identity("weft", "cluster.local", NOW)
    for name, text in (
        ("both", anchors + new.trust_anchors), ("new", new.trust_anchors),
        ("crt", new.issuer_certificate), ("key", new.issuer_key),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    issuer = (
        "--identity-issuer-certificate-file", f"{tmp_path}/crt", "--identity-issuer-key-file", f"{tmp_path}/key",
    )  # fmt: skip

    alone = mesh("upgrade", *issuer)
    assert (alone.code, "is not issued by a trust anchor" in alone.err) == (1, True)
    at_once = mesh("upgrade", "--identity-trust-anchors-file", f"{tmp_path}/new", *issuer)
    assert at_once.code == 1
    assert "pods in shop (1) would not trust certificates of the issuer" in at_once.err
    assert "add --force" in at_once.err
    forced = mesh("upgrade", "--force", "--identity-trust-anchors-file", f"{tmp_path}/new", *issuer)
    assert forced.code == 0
    assert "Warning: pods in shop (1) would not trust" in forced.err

    first = mesh("upgrade", "--identity-trust-anchors-file", f"{tmp_path}/both")
    assert first.code == 0
    assert "Warning: pods in shop (1) have other trust anchors: restart them" in first.err
    half = mesh("upgrade", *issuer[:2])
    assert (half.code, "go together" in half.err) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"version": "99.0.0"}, f"the control plane is version 99.0.0 and this command is {VERSION}"),
        ({"clusterDomain": "old.local"}, "value clusterDomain would change from old.local to cluster.local"),
        ({"identityTrustDomain": "old.org"}, "value identityTrustDomain would change from old.org"),
    ],
)  # fmt: skip
def test_what_would_break_is_refused(cluster: SandboxCluster, stored: Json, said: str) -> None:
    store(cluster, install(cluster), stored)
    ran = mesh("upgrade")
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert mesh("upgrade", "--force").code == 0


@pytest.mark.slow
def test_a_webhook_certificate_that_ends_soon_is_made_anew(
    cluster: SandboxCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied = install(cluster)
    monkeypatch.setattr("cli.manifests.existing.RENEW_BEFORE", timedelta(days=400))
    anew = manifests(mesh("upgrade"))
    for serving in ("weft-proxy-injector-k8s-tls", "weft-policy-validator-k8s-tls"):
        assert of(anew, "Secret", serving) != of(applied, "Secret", serving)
    issuer = ("Secret", "weft-identity-issuer")
    assert of(anew, *issuer) == of(applied, *issuer)


@pytest.mark.slow
def test_an_installation_without_the_policy_validator_gets_it(cluster: SandboxCluster) -> None:
    applied = install(cluster)
    secret = of(applied, "Secret", "weft-policy-validator-k8s-tls")
    hook = of(applied, "ValidatingWebhookConfiguration", "weft-policy-validator-webhook-config")
    cluster.delete([secret, hook])
    anew = manifests(mesh("upgrade"))
    made = of(anew, "Secret", "weft-policy-validator-k8s-tls")
    assert made["data"]["tls.crt"] != secret["data"]["tls.crt"]
    cluster.apply(anew)
    assert manifests(mesh("upgrade")) == anew, "and keeps it"


@pytest.mark.slow
def test_prune_names_what_is_no_longer_made(cluster: SandboxCluster) -> None:
    applied = install(cluster, "--ha")
    assert mesh("prune").err == "Nothing is left over.\n"
    cluster.apply(manifests(mesh("upgrade", "--set", "enablePodDisruptionBudget=false")))
    left = manifests(mesh("prune"))
    budgets = [one["metadata"]["name"] for one in applied if one["kind"] == "PodDisruptionBudget"]
    assert sorted(one["metadata"]["name"] for one in left) == sorted(budgets)
    told = mesh("upgrade", "--diff").out
    assert "removed by `mesh prune`: poddisruptionbudget/" in told
    cluster.delete(left)
    assert mesh("prune").out == ""


@pytest.mark.slow
@pytest.mark.parametrize(("version", "is_what"), [("99.0.0", "newer"), ("0.0.1", "older")])
def test_prune_of_another_version_is_refused_until_the_upgrade(
    cluster: SandboxCluster, version: str, is_what: str
) -> None:
    applied = install(cluster)
    own = of(applied, "ServiceAccount", "weft-web")
    theirs = {**own, "metadata": {**own["metadata"], "name": "weft-of-that-version"}}
    cluster.apply([theirs])
    store(cluster, applied, {"version": version})
    ran = mesh("prune")
    assert (ran.code, ran.out) == (1, "")
    assert f"the control plane is version {version} and this command is {VERSION}: " in ran.err
    assert f"it does not know what the {is_what} one needs" in ran.err
    assert "Use the `mesh` of that version, or upgrade first" in ran.err
    cluster.apply(manifests(mesh("upgrade", "--force")))
    assert [one["metadata"]["name"] for one in manifests(mesh("prune"))] == ["weft-of-that-version"]


@pytest.mark.slow
def test_prune_leaves_the_issuer_somebody_else_keeps(cluster: SandboxCluster) -> None:
    install(cluster)
    assert "mesh prune" not in mesh("upgrade", "--diff", "--identity-external-issuer").out
    cluster.apply(manifests(mesh("upgrade", "--identity-external-issuer")))
    assert mesh("prune").out == ""
    assert "mesh prune" not in mesh("upgrade", "--diff").out


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--ha",), ("--set", "installNamespace=false")])
def test_uninstall_leaves_nothing(cluster: SandboxCluster, flags: tuple[str, ...]) -> None:
    if flags[-1:] == ("installNamespace=false",):
        cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "weft"}}])
    before = cluster.everything()
    install(cluster, *flags)
    assert len(cluster.everything()) > len(before) + 35
    cluster.delete(manifests(mesh("uninstall")))
    assert cluster.everything() == before
    again = mesh("uninstall")
    assert (again.code, "nothing of a control plane" in again.err) == (1, True)


# -- differences in words ------------------------------------------------------------------------

LIVE = {
    "kind": "Service",
    "metadata": {
        "name": "a",
        "uid": "1",
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": '{"metadata": {"annotations": {}}, "spec": {"old": 1}}'
        },
    },
    "spec": {"old": 1, "clusterIP": "10.0.0.1", "ports": [{"name": "grpc", "port": 1, "protocol": "TCP"}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"old": 1, "ports": [{"name": "grpc", "port": 1}]}, ()),
        ({"old": 2}, ("spec.old: 1 -> 2",)),
        ({}, ("spec.old: removed",)),
        ({"old": 1, "new": ["x"]}, ("spec.new: [] -> [\"x\"]", 'spec.new[0]: nothing -> x')[:1]),
        ({"old": 1, "ports": [{"name": "grpc", "port": 2}]}, ("spec.ports[grpc].port: 1 -> 2",)),
        ({"old": 1, "ports": [{"name": "http", "port": 1}]},
         ('spec.ports[http]: nothing -> {"name": "http", "port": 1}',
          'spec.ports[grpc]: {"name": "grpc", "port": 1, "protocol": "TCP"} -> nothing')),
    ],
)  # fmt: skip
def test_differences_are_what_the_manifest_says(spec: Json, said: tuple[str, ...]) -> None:
    manifest = {"kind": "Service", "metadata": {"name": "a"}, "spec": spec}
    found = compare(manifest, LIVE)
    assert (found.changes if found else ()) == said
    assert str(compare(manifest, None)) == "service/a: created"


def test_only_what_differs_from_the_defaults_is_remembered() -> None:
    assert overrides(Values().tree()) == {}
    chosen = Values.model_validate(
        {"controllerReplicas": 3, "proxy": {"await": False}, "identity": {"issuer": {"tls": {"keyPEM": "x"}}}}
    )  # fmt: skip
    assert overrides(chosen.tree()) == {"controllerReplicas": 3, "proxy": {"await": False}}


def test_values_that_name_no_namespace_are_no_hindrance() -> None:
    """Such as somebody may have edited."""
    assert overrides({"namespace": "", "tap": {"identity": "x.y"}}) == {"tap": {"identity": "x.y"}}


def test_values_that_are_no_more_are_named() -> None:
    tree = {"gone": 1, "proxy": {"old": 2, "uid": 3}, "commonLabels": {"any": "x"}}
    kept = {"proxy": {"uid": 3}, "commonLabels": {"any": "x"}}
    assert known_only(tree) == (kept, ["gone", "proxy.old"])
