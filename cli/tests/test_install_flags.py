"""`mesh install`'s flags: high availability, issuers of others, registries, folders, Pod Security."""

import stat
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.checks.context import Context
from cli.checks.high_availability import multiple_replicas
from cli.checks.problem import Problem, Skipped
from cli.manifests.credentials import Credentials, make_identity, make_webhook
from cli.manifests.folder import file_name
from cli.tests.fake_cluster import FakeCluster, install
from cli.tests.run_mesh import mesh
from weft.version import VERSION

Json = dict[str, Any]
NOW = datetime.now(UTC)
WEBHOOK = make_webhook("w", "weft", NOW)
ALONE = ("install", "--ignore-cluster", "--skip-crds")


def printed(*flags: str) -> list[Json]:
    ran = mesh(*ALONE, *flags)
    assert ran.code == 0, ran.err
    return list(yaml.safe_load_all(ran.out))


def of_kind(documents: list[Json], kind: str) -> list[Json]:
    return [one for one in documents if one["kind"] == kind]


def pem(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


# -- high availability ---------------------------------------------------------------------------


def test_a_highly_available_control_plane_outlives_a_node() -> None:
    documents = printed("--ha")
    deployments = of_kind(documents, "Deployment")
    for deployment in deployments:
        spec = deployment["spec"]
        assert spec["replicas"] == 3
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": "25%"}
        pod = spec["template"]["spec"]
        (apart,) = pod["affinity"]["podAntiAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]
        assert apart["topologyKey"] == "kubernetes.io/hostname"
        labels = spec["template"]["metadata"]["labels"]
        assert apart["labelSelector"]["matchLabels"].items() <= labels.items()
        for container in (pod["initContainers"][1], *pod["containers"]):
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert container["resources"]["limits"]["memory"]
    budgets = of_kind(documents, "PodDisruptionBudget")
    assert len(budgets) == len(deployments)
    assert {one["spec"]["maxUnavailable"] for one in budgets} == {1}
    (hook,) = of_kind(documents, "MutatingWebhookConfiguration")[0]["webhooks"]
    assert hook["failurePolicy"] == "Fail"


def test_own_values_win_over_those_of_high_availability() -> None:
    documents = printed("--ha", "--set", "controllerReplicas=5,webhookFailurePolicy=Ignore")
    assert {one["spec"]["replicas"] for one in of_kind(documents, "Deployment")} == {5}
    (hook,) = of_kind(documents, "MutatingWebhookConfiguration")[0]["webhooks"]
    assert hook["failurePolicy"] == "Ignore"


def test_pods_are_spread_even_without_it() -> None:
    for deployment in of_kind(printed(), "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert "affinity" not in pod
        spread = pod["topologySpreadConstraints"]
        assert {one["whenUnsatisfiable"] for one in spread} == {"ScheduleAnyway"}
    assert of_kind(printed(), "PodDisruptionBudget") == []


def check_context(cluster: FakeCluster) -> Context:
    return Context(lambda: cluster, "weft", None, VERSION, lambda: NOW)


def test_check_asks_for_more_than_one_replica_where_that_was_meant() -> None:
    credentials = Credentials(
        make_identity("weft", "cluster.local", NOW), WEBHOOK, WEBHOOK, WEBHOOK
    )
    plain, available = FakeCluster(), FakeCluster()
    install(plain, credentials)
    with pytest.raises(Skipped):
        multiple_replicas(check_context(plain))
    install(available, credentials, highAvailability=True, controllerReplicas=3)
    deployments = [one for one in available.objects.values() if one.get("kind") == "Deployment"]
    for one in deployments:
        one["status"] = {"availableReplicas": 3}
    multiple_replicas(check_context(available))
    deployments[0]["status"] = {"availableReplicas": 1}
    name = deployments[0]["metadata"]["name"]
    with pytest.raises(Problem, match=f"not enough replicas available for {name}: 1"):
        multiple_replicas(check_context(available))


# -- Pod Security --------------------------------------------------------------------------------


def test_all_but_the_init_container_is_restricted() -> None:
    """The rules of the restricted level, but for the two capabilities that redirecting needs."""
    for deployment in of_kind(printed("--ha"), "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all(
            set(one) & {"configMap", "secret", "emptyDir", "projected"} for one in pod["volumes"]
        )
        for container in (*pod["initContainers"], *pod["containers"]):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert security["capabilities"]["drop"] == ["ALL"]
            assert not security.get("privileged")
            if container["name"] == "linkerd-init":
                assert security["capabilities"]["add"] == ["NET_ADMIN", "NET_RAW"]
            else:
                assert "add" not in security["capabilities"]
                assert security["runAsNonRoot"] is True


# -- an issuer that somebody else keeps ----------------------------------------------------------


def test_an_external_issuer_is_not_among_the_manifests(tmp_path: Path) -> None:
    made = make_identity("weft", "cluster.local", NOW)
    anchors = pem(tmp_path, "ca.crt", made.trust_anchors)
    documents = printed("--identity-external-issuer", "--identity-trust-anchors-file", anchors)
    names = {one["metadata"]["name"] for one in of_kind(documents, "Secret")}
    assert "weft-identity-issuer" not in names
    (roots,) = [
        one for one in of_kind(documents, "ConfigMap") if "trust-roots" in one["metadata"]["name"]
    ]
    assert roots["data"]["ca-bundle.crt"] == made.trust_anchors


def external(cluster: FakeCluster, **data: str) -> None:
    """The Secret as cert-manager writes it."""
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "weft-identity-issuer", "namespace": "weft"},
            "data": {
                key.replace("_", "."): b64encode(text.encode()).decode()
                for key, text in data.items()
            },
        }
    )


def test_the_anchors_of_an_external_issuer_are_taken_from_its_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    command = ("install", "--skip-crds", "--identity-external-issuer")
    missing = mesh(*command)
    assert (missing.code, missing.out) == (1, "")
    assert "Secret weft/weft-identity-issuer does not exist" in missing.err

    made = make_identity("weft", "cluster.local", NOW)
    external(cluster, tls_crt=made.issuer_certificate, tls_key=made.issuer_key)
    assert "has no ca.crt" in mesh(*command).err
    external(
        cluster, tls_crt=made.issuer_certificate, tls_key=made.issuer_key, ca_crt=made.trust_anchors
    )
    ran = mesh(*command)
    assert ran.code == 0, ran.err
    assert made.trust_anchors.splitlines()[1] in ran.out
    assert made.issuer_key.splitlines()[1] not in ran.out

    stranger = make_identity("weft", "cluster.local", NOW)
    external(
        cluster, tls_crt=made.issuer_certificate, tls_key=made.issuer_key, ca_crt=stranger.trust_anchors
    )  # fmt: skip
    assert "is not issued by a trust anchor" in mesh(*command).err


def test_an_external_issuer_and_an_issuer_file_exclude_each_other(tmp_path: Path) -> None:
    made = make_identity("weft", "cluster.local", NOW)
    ran = mesh(
        *ALONE, "--identity-external-issuer",
        "--identity-trust-anchors-file", pem(tmp_path, "ca", made.trust_anchors),
        "--identity-issuer-certificate-file", pem(tmp_path, "crt", made.issuer_certificate),
        "--identity-issuer-key-file", pem(tmp_path, "key", made.issuer_key),
    )  # fmt: skip
    assert (ran.code, ran.out) == (1, "")
    assert "leave the issuer's files out" in ran.err
    alone = mesh(*ALONE, "--identity-external-issuer")
    assert "is not asked with --ignore-cluster" in alone.err


# -- certificates as values ----------------------------------------------------------------------


def test_certificates_may_be_values(tmp_path: Path) -> None:
    made, hook = make_identity("weft", "cluster.local", NOW), WEBHOOK
    given = {
        "identityTrustAnchorsPEM": made.trust_anchors,
        "identity.issuer.tls.crtPEM": made.issuer_certificate,
        "identity.issuer.tls.keyPEM": made.issuer_key,
        "proxyInjector.caBundle": hook.authority,
        "proxyInjector.crtPEM": hook.certificate,
        "proxyInjector.keyPEM": hook.key,
        "policyValidator.caBundle": hook.authority,
        "policyValidator.crtPEM": hook.certificate,
        "policyValidator.keyPEM": hook.key,
        "tap.caBundle": hook.authority,
        "tap.crtPEM": hook.certificate,
        "tap.keyPEM": hook.key,
    }
    flags = [
        word
        for name, text in given.items()
        for word in ("--set-file", f"{name}={pem(tmp_path, name, text)}")
    ]
    ran = mesh(*ALONE, *flags)
    assert ran.code == 0, ran.err
    assert mesh(*ALONE, *flags).out == ran.out
    for private in (made.issuer_key, hook.key):
        assert private.splitlines()[1] not in ran.out
    incomplete = mesh(*ALONE, *flags[:-2])
    assert (incomplete.code, "values tap.caBundle" in incomplete.err) == (1, True)
    old = make_webhook("w", "weft", NOW - timedelta(days=500))
    expired = pem(tmp_path, "old", old.certificate)
    ran = mesh(*ALONE, *flags, "--set-file", f"proxyInjector.crtPEM={expired}")
    assert "webhook certificate w.weft.svc expired" in ran.err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--set-file", "proxy.logLevel"), "the form is key.path=FILE"),
        (("--set-file", "proxy.logLevel=/none"), "--set-file proxy.logLevel: cannot read /none"),
        (("--set", "deploymentStrategy.rollingUpdate.maxSurge=many"), "'many' is neither a number of pods nor a share"),
        (("--set", "controller.podDisruptionBudget.maxUnavailable=-1"), "a number of pods is not negative"),
        (("--set", "enablePodAntiAfinity=true"), "did you mean enablePodAntiAffinity?"),
        (("--set", "highAvailabilty=true"), "did you mean highAvailability?"),
        (("--set", "identity.issuer.schema=x"), "did you mean identity.issuer.scheme?"),
        (("--identity-trust-anchors-file", "/none"), "cannot read /none"),
    ],
)  # fmt: skip
def test_wrong_flags_are_named(flags: tuple[str, ...], said: str) -> None:
    ran = mesh(*ALONE, *flags)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err


@pytest.mark.parametrize("flag", ["--hy", "--output-dirr", "--identity-external-isuer"])
def test_a_mistyped_flag_is_answered_with_the_nearest(flag: str) -> None:
    ran = mesh("install", flag)
    assert ran.code == 2
    assert f"No such option: {flag}" in ran.err or f"No such option '{flag}'" in ran.err


def test_images_come_from_the_registry() -> None:
    for flag in ("--image-registry", "--registry"):
        for deployment in of_kind(printed(flag, "registry.example.com/weft"), "Deployment"):
            pod = deployment["spec"]["template"]["spec"]
            for container in (*pod["initContainers"], *pod["containers"]):
                assert container["image"].startswith("registry.example.com/weft/")


def test_old_clusters_and_installed_ones_are_refused_unless_checks_are_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    cluster.objects["/version"] = {"major": "1", "minor": "20"}
    ran = mesh("install")
    assert (ran.code, ran.out) == (1, "")
    assert "Kubernetes is 1.20" in ran.err
    assert mesh("install", "--skip-checks").code == 0


# -- folders -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_folder_holds_a_file_for_each_object_and_only_those(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    ran = mesh("install", "--ignore-cluster", "--ha", "--output-dir", str(folder))
    assert (ran.code, ran.out) == (0, "")
    files = {path.name: yaml.safe_load(path.read_text()) for path in folder.iterdir()}
    assert {file_name(one) for one in files.values()} == set(files)
    assert "60-deployment-weft-web.yaml" in files
    assert "private keys" in ran.err
    secret = folder / "40-secret-weft-identity-issuer.yaml"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    kinds = [files[name]["kind"] for name in sorted(files)]
    assert kinds.index("Namespace") < kinds.index("ServiceAccount") < kinds.index("Deployment")

    secret.chmod(0o644)  # as git checks it out
    (folder / "README.md").write_text("mine")
    (folder / "own.yaml").write_text("mine: true\n")
    again = mesh("install", "--ignore-cluster", "--output-dir", str(folder))
    assert "70-poddisruptionbudget-weft-web.yaml removed" in again.err
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert not list(folder.glob("70-*"))
    assert (folder / "own.yaml").exists()
    part = mesh("install", "--crds", "--output-dir", str(folder))
    assert (part.code, "removed" in part.err) == (0, False)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = mesh("install", "--ignore-cluster", "--output-dir", str(tmp_path / "file" / "below"))
    assert ran.code == 1
    assert "cannot write" in ran.err
