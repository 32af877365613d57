"""`mesh install` and `uninstall`: the manifests, the values, the credentials."""

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.certificates import check_issued, read_certificates
from cli.failure import CommandError
from cli.manifests import crds
from cli.manifests.credentials import (
    Credentials,
    Identity,
    Webhook,
    check_identity,
    make_identity,
    make_webhook,
)
from cli.manifests.install import control_plane, definitions, with_anchors
from cli.manifests.leftovers import installed_objects, refuse_while_meshed
from cli.manifests.overrides import all_names, make_values, parse_set
from cli.manifests.upgrade import ANCHORS_VARIABLE
from cli.manifests.values import Values
from cli.tests.fake_cluster import FakeCluster, install, meshed_pod
from cli.tests.golden import compare_text, compare_yaml
from cli.tests.run_mesh import mesh
from proxy_injector.defaults import read_mesh, read_proxy
from weft import labels
from weft.pki import keys
from weft.pki.certificate import (
    Lifetime,
    Signer,
    from_der,
    from_pem,
    make_anchor,
    make_issuer,
    make_leaf,
    to_der,
    to_pem,
)
from weft.version import VERSION

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FIXED = Credentials(
    Identity("<trust anchors>\n", "<issuer certificate>\n", "<issuer key>\n"),
    Webhook("<authority>\n", "<webhook certificate>\n", "<webhook key>\n"),
    Webhook("<validator authority>\n", "<validator certificate>\n", "<validator key>\n"),
    Webhook("<tap authority>\n", "<tap certificate>\n", "<tap key>\n"),
)
Json = dict[str, Any]
WEBHOOK = make_webhook("w", "weft", NOW)


def rendered(credentials: Credentials = FIXED, **values: Any) -> list[Json]:
    stored = with_anchors(Values(version="0.0.0-golden", **values), credentials)
    return [*definitions(stored), *control_plane(stored, credentials)]


def by_name(documents: list[Json], kind: str) -> dict[str, Json]:
    return {one["metadata"]["name"]: one for one in documents if one["kind"] == kind}


def pod_spec(documents: list[Json], name: str) -> Json:
    spec: Json = by_name(documents, "Deployment")[name]["spec"]["template"]["spec"]
    return spec


def opened(secret: Json) -> dict[str, str]:
    return {key: b64decode(text).decode() for key, text in secret["data"].items()}


def environment(container: Json) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container["env"]}


def test_the_manifests_are_the_golden_ones() -> None:
    compare_yaml(
        "install", [one for one in rendered() if one["kind"] != "CustomResourceDefinition"]
    )


def test_the_same_values_and_credentials_give_the_same_manifests() -> None:
    assert rendered() == rendered()


@pytest.mark.parametrize(
    "command", ["", "check", "inject", "install", "uninject", "uninstall", "version", "identity"]
)
def test_help_is_the_golden_one(command: str) -> None:
    ran = mesh(*filter(None, (command,)), "--help")
    compare_text(f"help-{command or 'mesh'}", ran.out.replace(VERSION, "VERSION"))


@pytest.mark.slow
def test_one_run_prints_everything_a_fresh_cluster_needs() -> None:
    ran = mesh("install", "--ignore-cluster")
    assert ran.code == 0
    assert ran.err == ""
    found = list(yaml.safe_load_all(ran.out))
    kinds = [one["kind"] for one in found]
    assert (
        kinds.index("CustomResourceDefinition")
        < kinds.index("Namespace")
        < kinds.index("Deployment")
    )
    assert kinds[-1] == "MutatingWebhookConfiguration"
    assert set(by_name(found, "Deployment")) == {
        "weft-identity",
        "weft-destination",
        "weft-proxy-injector",
        "weft-web",
        "weft-tap",
    }
    secret = opened(by_name(found, "Secret")["weft-identity-issuer"])
    anchors = by_name(found, "ConfigMap")["weft-identity-trust-roots"]["data"]["ca-bundle.crt"]
    check_identity(Identity(anchors, secret["crt.pem"], secret["key.pem"]), datetime.now(UTC))


@pytest.mark.slow
def test_definitions_can_be_printed_apart() -> None:
    only = mesh("install", "--crds")
    assert {one["kind"] for one in yaml.safe_load_all(only.out)} == {"CustomResourceDefinition"}
    assert "mesh install --skip-crds | kubectl apply -f -" in only.err
    rest = mesh("install", "--skip-crds", "--ignore-cluster", "-o", "json")
    assert "CustomResourceDefinition" not in {
        one["kind"] for one in yaml.safe_load(rest.out)["items"]
    }


def test_every_definition_has_one_stored_version_with_a_schema() -> None:
    found = crds.render(Values())
    assert [one["metadata"]["name"] for one in found] == crds.names()
    for definition in found:
        versions = definition["spec"]["versions"]
        assert [one["storage"] for one in versions].count(True) == 1
        for version in versions:
            schema = version["schema"]["openAPIV3Schema"]
            assert schema["properties"]["spec"]["type"] == "object"


def test_no_private_key_is_in_a_config_map() -> None:
    credentials = Credentials(
        make_identity("weft", "cluster.local", NOW), WEBHOOK, WEBHOOK, WEBHOOK
    )
    for one in by_name(rendered(credentials), "ConfigMap").values():
        assert "PRIVATE" not in str(one)


def test_the_stored_values_are_all_the_injector_needs() -> None:
    stored = yaml.safe_load(by_name(rendered(), "ConfigMap")["weft-config"]["data"]["values"])
    assert read_mesh(stored).trust_anchors == "<trust anchors>\n"
    assert read_proxy(stored).image == "localhost/weft/proxy"


@pytest.mark.parametrize(
    "name", ["weft-identity", "weft-destination", "weft-proxy-injector", "weft-web"]
)
def test_every_pod_carries_the_proxy_and_is_restricted(name: str) -> None:
    spec = pod_spec(rendered(), name)
    init, proxy = spec["initContainers"]
    assert (init["name"], proxy["name"], proxy["restartPolicy"]) == (
        "linkerd-init",
        "linkerd-proxy",
        "Always",
    )
    assert "443,6443" in init["args"][init["args"].index("--outbound-ports-to-ignore") + 1]
    for container in (proxy, *spec["containers"]):
        security = container["securityContext"]
        assert security["runAsNonRoot"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["readOnlyRootFilesystem"]
    waits = name in ("weft-proxy-injector", "weft-web")
    assert ("startupProbe" in proxy) is waits


def test_the_control_plane_asks_its_own_pod_over_loopback() -> None:
    identity = environment(pod_spec(rendered(), "weft-identity")["initContainers"][1])
    assert identity["LINKERD2_PROXY_IDENTITY_SVC_ADDR"] == "localhost.:8080"
    destination = environment(pod_spec(rendered(), "weft-destination")["initContainers"][1])
    assert destination["LINKERD2_PROXY_DESTINATION_SVC_ADDR"] == "localhost.:8086"
    assert destination["LINKERD2_PROXY_POLICY_SVC_ADDR"] == "localhost.:8090"


def test_no_default_policy_locks_the_control_plane_up() -> None:
    """The API server's calls come without a certificate."""
    documents = rendered(proxy={"defaultInboundPolicy": "deny"})
    templates = [one["spec"]["template"] for one in by_name(documents, "Deployment").values()]
    for template in templates:
        assert (
            template["metadata"]["annotations"][labels.DEFAULT_INBOUND_POLICY]
            == "all-unauthenticated"
        )
        (proxy,) = (
            one for one in template["spec"]["initContainers"] if one["name"] == "linkerd-proxy"
        )
        assert environment(proxy)["LINKERD2_PROXY_INBOUND_DEFAULT_POLICY"] == "all-unauthenticated"


def test_classic_sidecars_where_asked() -> None:
    values = make_values({}, [("--set", {"proxy": {"nativeSidecar": False}})])
    documents = list(control_plane(with_anchors(values, FIXED), FIXED))
    assert [one["name"] for one in pod_spec(documents, "weft-identity")["containers"]] == [
        "identity",
        "linkerd-proxy",
    ]
    assert [one["name"] for one in pod_spec(documents, "weft-web")["containers"]] == [
        "linkerd-proxy",
        "web",
    ]


def test_the_webhook_is_called_for_pods_and_services_and_never_blocks_the_cluster() -> None:
    (configuration,) = by_name(rendered(), "MutatingWebhookConfiguration").values()
    (hook,) = configuration["webhooks"]
    assert hook["failurePolicy"] == "Ignore"
    assert hook["sideEffects"] == "None"
    assert hook["rules"][0]["resources"] == ["pods", "services"]
    assert hook["clientConfig"]["service"]["name"] == "weft-proxy-injector"
    keys_excluded = {one["key"] for one in hook["namespaceSelector"]["matchExpressions"]}
    assert keys_excluded == {labels.ADMISSION_WEBHOOKS_LABEL, "kubernetes.io/metadata.name"}
    namespace = by_name(rendered(), "Namespace")["weft"]
    assert namespace["metadata"]["labels"][labels.ADMISSION_WEBHOOKS_LABEL] == "disabled"


@pytest.mark.parametrize("policy", ["Ignore", "Fail"])
def test_the_policy_validator_is_asked_about_what_the_destination_service_obeys(
    policy: str,
) -> None:
    documents = rendered(webhookFailurePolicy=policy)
    (configuration,) = by_name(documents, "ValidatingWebhookConfiguration").values()
    (hook,) = configuration["webhooks"]
    assert hook["name"] == "weft-policy-validator.linkerd.io"
    assert (hook["failurePolicy"], hook["sideEffects"]) == (policy, "None")
    asked = {(rule["apiGroups"][0], one) for rule in hook["rules"] for one in rule["resources"]}
    (role,) = (
        one
        for name, one in by_name(documents, "ClusterRole").items()
        if name.endswith("destination")
    )
    read = {
        (rule["apiGroups"][0], one)
        for rule in role["rules"]
        for one in rule["resources"]
        if rule["apiGroups"][0].endswith(("linkerd.io", "networking.k8s.io"))
        and not one.endswith("/status")
    }
    assert asked == read
    assert all(rule["operations"] == ["CREATE", "UPDATE"] for rule in hook["rules"])


def test_no_policy_of_the_control_plane_s_own_namespace_waits_for_the_control_plane() -> None:
    (configuration,) = by_name(rendered(), "ValidatingWebhookConfiguration").values()
    selector = configuration["webhooks"][0]["namespaceSelector"]
    excluded = {one["key"]: one["values"] for one in selector["matchExpressions"]}
    assert excluded == {
        labels.ADMISSION_WEBHOOKS_LABEL: ["disabled"],
        "kubernetes.io/metadata.name": ["weft"],
    }


def test_the_policy_validator_is_served_by_the_destination_service() -> None:
    documents = rendered()
    service = by_name(documents, "Service")["weft-policy-validator"]["spec"]
    (port,) = service["ports"]
    deployment = by_name(documents, "Deployment")["weft-destination"]["spec"]["template"]
    (container,) = (one for one in deployment["spec"]["containers"] if one["name"] == "destination")
    assert service["selector"].items() <= deployment["metadata"]["labels"].items()
    assert (port["port"], port["targetPort"]) == (443, 9443)
    assert {"name": "policy-https", "containerPort": 9443} in container["ports"]
    assert deployment["metadata"]["annotations"][labels.OPAQUE_PORTS] == "9443"
    (volume,) = (one for one in deployment["spec"]["volumes"] if one["name"] == "tls")
    secret = opened(by_name(documents, "Secret")[volume["secret"]["secretName"]])
    assert secret == {"tls.crt": "<validator certificate>\n", "tls.key": "<validator key>\n"}


def test_no_role_writes_what_it_need_not() -> None:
    for role in by_name(rendered(), "ClusterRole").values():
        for rule in role["rules"]:
            if rule["apiGroups"] == ["tap.linkerd.io"]:  # of every kind, and nothing but watched
                assert rule["verbs"] == ["watch"]
                continue
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert "secrets" not in rule["resources"]
            writes = set(rule["verbs"]) - {"get", "list", "watch"}
            unharmful = {
                "events",
                "tokenreviews",
                *(one for one in rule["resources"] if one.endswith("/status")),
            }
            if rule["resources"] == ["endpointslices"]:  # of machines, in any namespace
                assert role["metadata"]["name"].endswith("destination")
                assert writes == {"create", "delete", "patch"}
                continue
            assert not writes or set(rule["resources"]) <= unharmful
    for role in by_name(rendered(), "Role").values():
        assert {one for rule in role["rules"] for one in rule["resources"]} <= {"leases"}


@pytest.mark.parametrize(
    ("choice", "more"),
    [
        ("report", {"list pods", "watch pods", "list namespaces", "watch namespaces"}),
        (
            "restart",
            {
                *("list pods", "watch pods", "list namespaces", "watch namespaces"),
                "create pods/eviction",
            },
        ),
        ("ignore", set()),
    ],
)
def test_the_injector_may_do_no_more_than_is_chosen_about_unmeshed_pods(
    choice: str, more: set[str]
) -> None:
    documents = rendered(proxyInjector={"unmeshedPods": choice})
    may = {
        f"{verb} {resource}"
        for rule in by_name(documents, "ClusterRole")["weft-weft-proxy-injector"]["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    about_pods = {one for one in may if "pods" in one or one.split()[1] == "namespaces"}
    assert about_pods == more | {"get namespaces"}
    assert ("weft-proxy-injector" in by_name(documents, "Role")) is (choice != "ignore")
    container = pod_spec(documents, "weft-proxy-injector")["containers"][0]
    assert environment(container)["WEFT_UNMESHED_PODS"] == choice


def test_services_select_pods_that_exist() -> None:
    documents = rendered()
    pods = [
        one["spec"]["template"]["metadata"]["labels"]
        for one in by_name(documents, "Deployment").values()
    ]
    for service in by_name(documents, "Service").values():
        assert any(service["spec"]["selector"].items() <= one.items() for one in pods)


def test_settings_of_the_services_are_known_to_them() -> None:
    from identity.settings import IdentitySettings
    from proxy_injector.settings import InjectorSettings

    documents = rendered()
    for name, settings in (
        ("weft-identity", IdentitySettings),
        ("weft-proxy-injector", InjectorSettings),
    ):
        settings.load(environment(pod_spec(documents, name)["containers"][0]))


# -- values --------------------------------------------------------------------------------------


def test_set_and_files_are_merged_and_the_last_one_wins(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("proxy: {logLevel: info, uid: 3000}\n")
    (tmp_path / "b.yaml").write_text("proxy: {logLevel: warn}\ncontrollerReplicas: 2\n")
    ran = mesh(
        "install", "--ignore-cluster", "--skip-crds", "-f", str(tmp_path / "a.yaml"), "-f", str(tmp_path / "b.yaml"),
        "--set", "proxy.logLevel=debug,proxy.accessLog=json", "--set-string", "proxy.image.version=1",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    documents = list(yaml.safe_load_all(ran.out))
    proxy = pod_spec(documents, "weft-web")["initContainers"][1]
    found = environment(proxy)
    assert found["LINKERD2_PROXY_LOG"].startswith("debug,")
    assert found["LINKERD2_PROXY_ACCESS_LOG"] == "json"
    assert proxy["image"] == "localhost/weft/proxy:1"
    assert proxy["securityContext"]["runAsUser"] == 3000
    assert by_name(documents, "Deployment")["weft-web"]["spec"]["replicas"] == 2


def test_tracing_reaches_proxies_and_components() -> None:
    collector = "collector.tracing.svc.cluster.local:4317"
    ran = mesh(
        "install", "--ignore-cluster", "--skip-crds",
        "--set", f"proxy.tracing.enabled=true,proxy.tracing.collector.endpoint={collector}",
        "--set", "proxy.tracing.collector.meshIdentity.namespace=tracing",
        "--set", "proxy.tracing.collector.meshIdentity.serviceAccountName=collector",
        "--set", f"controller.tracing.enabled=true,controller.tracing.collector.endpoint={collector}",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    spec = pod_spec(list(yaml.safe_load_all(ran.out)), "weft-destination")
    proxy, component = environment(spec["initContainers"][1]), environment(spec["containers"][0])
    assert proxy["LINKERD2_PROXY_TRACE_COLLECTOR_SVC_ADDR"] == collector
    identity = "collector.tracing.serviceaccount.identity.weft.cluster.local"
    assert proxy["LINKERD2_PROXY_TRACE_COLLECTOR_SVC_NAME"] == identity
    assert component["WEFT_TRACE_COLLECTOR"] == collector


def test_service_accounts_name_the_secrets_that_images_are_pulled_with() -> None:
    """As in Linkerd's chart: the API server copies them into each pod of the account."""
    values = make_values({}, [("test", {"imagePullSecrets": [{"name": "a"}, {"name": "b.c"}]})])
    documents = rendered(imagePullSecrets=values.imagePullSecrets)
    accounts = by_name(documents, "ServiceAccount")
    workloads = by_name(documents, "Deployment")
    assert set(accounts) == set(workloads)
    for name in workloads:
        assert accounts[name]["imagePullSecrets"] == [{"name": "a"}, {"name": "b.c"}]
        assert pod_spec(documents, name)["serviceAccountName"] == name
        assert "imagePullSecrets" not in pod_spec(documents, name)


def test_without_such_secrets_service_accounts_say_nothing() -> None:
    """What others wrote there is left alone."""
    accounts = by_name(rendered(), "ServiceAccount")
    assert [name for name, one in accounts.items() if "imagePullSecrets" in one] == []


WRONG: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (
        ("--set", "proxy.logLevl=x"),
        ("--set: there is no value proxy.logLevl", "did you mean proxy.logLevel?"),
    ),
    (("--set", "prxy.logLevel=x"), ("there is no value prxy", "did you mean proxy")),
    (
        ("--set", "controllerReplicas=0"),
        ("value controllerReplicas", "greater than or equal to 1", "not 0"),
    ),
    (("--set", "proxy.uid=abc"), ("value proxy.uid", "'abc'")),
    (
        ("--set", "proxy.defaultInboundPolicy=denny"),
        ("proxy.defaultInboundPolicy", "deny", "'denny'"),
    ),
    (("--set", "proxy.ports.inbound=70000"), ("proxy.ports.inbound", "65535")),
    (("--set", "clusterNetworks=10.0.0.1/8"), ("clusterNetworks", "host bits")),
    (("--set", "proxy.outboundConnectTimeout=fast"), ("'fast' is not a duration",)),
    (("--set", "proxy.resources.cpu.limit=lots"), ("'lots' is not a quantity",)),
    (("--set", "imagePullPolicy=Maybe"), ("imagePullPolicy", "Always")),
    (("--set", "proxy"), ("the form is key.path=value",)),
    (("--set", "=x"), ("the form is key.path=value",)),
    (("--set", "proxy.logLevel=[x"), ("--set proxy.logLevel=[x",)),
    (("--set", "namespace=x"), ("value namespace cannot be set; use -L",)),
    (("--set", "version=1"), ("value version cannot be set",)),
    (("-f", "/nonexistent.yaml"), ("cannot read values file /nonexistent.yaml",)),
    (("--set", "proxy.tracing.enabled=true"), ("proxy.tracing", "needs collector.endpoint")),
    (
        ("--set", "proxy.tracing.enabled=true,proxy.tracing.collector.endpoint=c:4317"),
        ("proxy.tracing", "needs collector.meshIdentity.serviceAccountName"),
    ),
    (
        ("--set", "controller.tracing.enabled=true,controller.tracing.collector.endpoint=c"),
        ("controller.tracing", "host:port, not 'c'"),
    ),
    (
        ("--set", "proxy.ports.admin=4143"),
        ("value proxy.ports cannot be used", "admin and inbound are both 4143"),
    ),
    (("--set", "proxy.opaquePorts=3306"), ("must be text, not 3306", "--set-string")),
    (("--set", "proxy.nativeSidecar=maybe"), ("proxy.nativeSidecar must be true or false",)),
    (("--set", "x=1"), ("there is no value x; docs/reference/values.md lists them",)),
    (("--set", "proxy=1"), ("value proxy must hold keys and values, not 1",)),
    (("--set", "nodeSelector=linux"), ("nodeSelector must hold keys and values, not 'linux'",)),
    (
        ("--set", "controllerReplicas=two"),
        ("controllerReplicas must be a whole number, not 'two'",),
    ),
    (
        ("--set", "proxy.image.name=a:1"),
        ("proxy.image.name cannot be used: 'a:1'", "without a tag"),
    ),
    (("--set", "imageVersion=a b"), ("imageVersion cannot be used: 'a b' is not a tag",)),
    (("--set", "identityTrustDomain=X_"), ("identityTrustDomain", "'X_' is not a domain")),
    (("--cluster-domain", "Cluster_Local"), ("flag: value clusterDomain", "not a domain")),
    (("--set", "commonLabels.a b=c"), ("commonLabels", "'a b' is not the key of a label")),
    (
        ("--set", "commonLabels.a=b c"),
        ("commonLabels", "'b c' is not the value of a label, here of a"),
    ),
    (("--set", "nodeSelector.a=b/c"), ("nodeSelector", "'b/c' is not the value of a label")),
    (("--set", "proxyInjector.excludedNamespaces={a,b_c}"), ("'b_c' is not a namespace",)),
    (("--set", "priorityClassName=High"), ("priorityClassName", "'High' is not the name of an")),
    (("--set", "imageRegistry=a/"), ("imageRegistry cannot be used: 'a/' is not a registry",)),
    (("--set", "imageRegistry=https://a"), ("'https://a' is not a registry: the form is HOST",)),
    (("--set-string", "imageRegistry="), ("'' is not a registry",)),
    (("--set", "controllerUID=2147483648"), ("controllerUID must be less than or equal to",)),
    (("--set", "proxy.gid=2147483648"), ("proxy.gid must be less than or equal to",)),
    (("--set", "proxyInit.closeWaitTimeoutSecs=2147484"), ("closeWaitTimeoutSecs must be less",)),
    (
        ("--set", "controller.podDisruptionBudget.maxUnavailable=2147483648"),
        ("podDisruptionBudget.maxUnavailable", "below 2147483648"),
    ),
    (
        ("--set", "web.resources.memory={request: 1Gi, limit: 1000Mi}"),
        ("value web.resources.memory cannot", "the request, 1Gi, is above the limit, 1000Mi"),
    ),
    (
        ("--set", "deploymentStrategy.rollingUpdate={maxSurge: 0, maxUnavailable: 0%}"),
        ("value deploymentStrategy.rollingUpdate cannot", "are both 0"),
    ),
    (
        ("--set", "proxy.ports.inbound=8080"),
        ("value proxy.ports cannot", "inbound is 8080, on which"),
    ),
    (
        ("--set", "proxy.uid=2103"),
        ("values: together they cannot be used: controllerUID and proxy.uid are both 2103",),
    ),
    (
        ("--set", "clusterNetworks=,proxy.defaultInboundPolicy=cluster-authenticated"),
        ("defaultInboundPolicy cluster-authenticated needs clusterNetworks",),
    ),
    (("--set", "identity.issuer.issuanceLifetime=0s"), ("'0s' is not a lifetime",)),
    (("--set", "tap.identity=a_b"), ("tap.identity cannot be used: 'a_b' is not an identity",)),
    (("--set", r"tap.redactedPaths=/a\,b"), ("'b' is no prefix of a path: it must begin with /",)),
    (
        ("--set", "controller.tracing.enabled=true,controller.tracing.collector.endpoint=a b:1"),
        ("value controller.tracing cannot be used", "not 'a b:1'"),
    ),
    (("--set", "proxy.additionalEnv=[{name: A, valu: b}]"), ("number 0 has 'valu'", "valueFrom")),
    (("--set", "proxy.additionalEnv=[{name: A},{value: b}]"), ("number 1 needs a name",)),
    (("--set", "proxy.additionalEnv=[{name: A, value: 1}]"), ("(A) needs a value that is text",)),
    (("--set", "proxy.additionalEnv=[{name: A, valueFrom: b}]"), ("(A) needs keys and values in",)),
    (
        ("--set", "proxy.additionalEnv=[{name: A, value: b, valueFrom: {c: {}}}]"),
        ("(A) has both value and valueFrom",),
    ),
    (
        ("--set", "proxy.additionalEnv=[{name: A, valueFrom: {fieldRef: {}}}]"),
        ("(A) needs fieldPath, a text, in valueFrom.fieldRef",),
    ),
    (("--set", "imagePullSecrets=a"), ("imagePullSecrets must be a valid list, not 'a'",)),
    (
        ("--set", "imagePullSecrets={a}"),
        ("value imagePullSecrets.0 cannot be used: a Secret is written {name: SECRET}, not 'a'",),
    ),
    (
        ("--set", "imagePullSecrets=[{name: a},{name: b_c}]"),
        ("value imagePullSecrets.1.name cannot be used: 'b_c' is not the name of an object",),
    ),
    (
        ("--set", "imagePullSecrets=[{name: a},{nam: b}]"),
        (
            "there is no value imagePullSecrets.1.nam; did you mean imagePullSecrets.1.name?",
            "value imagePullSecrets.1.name is needed",
        ),
    ),
    (
        ("--set", "imagePullSecrets=[{name: a},{name: a}]"),
        ("value imagePullSecrets cannot be used: Secret 'a' is named twice\n",),
    ),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_wrong_values_are_named(arguments: tuple[str, ...], said: tuple[str, ...]) -> None:
    ran = mesh("install", "--ignore-cluster", *arguments)
    assert (ran.code, ran.out) == (1, "")
    for words in said:
        assert words in ran.err


@pytest.mark.parametrize(
    "value",
    [
        "commonLabels={example.com/team: mesh, empty: ''}",
        "imageRegistry=localhost:5000",
        "priorityClassName=system-cluster-critical",
        "web.resources.memory={request: 1Gi, limit: 1024Mi}",
        "deploymentStrategy.rollingUpdate={maxSurge: 0, maxUnavailable: 1}",
        "tap.identity=Tap.linkerd.serviceaccount.identity.linkerd.cluster.local.",
        r"tap.redactedPaths=/reset/\, /invite\,",
        "controller.tracing={enabled: true, collector: {endpoint: '[fd00::1]:4317'}}",
        "proxy.additionalEnv=[{name: A}, {name: B, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]",
        "clusterNetworks=",
    ],
)
def test_what_clusters_take_is_taken(value: str) -> None:
    assert mesh("install", "--ignore-cluster", "--skip-crds", "--set", value).err == ""


def test_the_value_is_said_once() -> None:
    ran = mesh("install", "--ignore-cluster", "--set", "proxy.resources.cpu.limit=lots")
    assert ran.err.count("lots") == 1


def test_a_values_file_is_text(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_bytes(b"\xff\xfe")
    ran = mesh("install", "--ignore-cluster", "-f", f"{tmp_path}/v.yaml")
    assert (ran.code, ran.err) == (1, f"Error: values file {tmp_path}/v.yaml is not UTF-8 text\n")


def test_an_issuer_of_ones_own_is_whole(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key")
    ran = mesh("install", "--ignore-cluster", "--identity-issuer-key-file", f"{tmp_path}/key")
    assert (ran.code, ran.out) == (1, "")
    assert "need all three files: --identity-trust-anchors-file" in ran.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("- a\n", "keys and values at the top"),
        ("a: [\n", "line 2"),
        ("a: 1\na: 2\n", "'a' is given twice"),
    ],
)
def test_wrong_values_files_are_named(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(content)
    ran = mesh("install", "--ignore-cluster", "-f", str(tmp_path / "v.yaml"))
    assert ran.code == 1
    assert str(tmp_path / "v.yaml") in ran.err
    assert said in ran.err


def test_what_is_not_said_keeps_its_default() -> None:
    layer = {"nodeSelector": {"disk": "ssd"}, "debugContainer": {"image": {"pullPolicy": "Never"}}}
    values = make_values({}, [("test", layer)])
    assert values.nodeSelector == {"kubernetes.io/os": "linux", "disk": "ssd"}
    assert values.debugContainer.image.name == Values().debugContainer.image.name


def test_commas_and_dots_can_be_escaped() -> None:
    assert parse_set("--set", r"clusterNetworks=10.0.0.0/8\,fd00::/8", as_string=False) == {
        "clusterNetworks": "10.0.0.0/8,fd00::/8"
    }
    assert parse_set("--set", "a.b=1,c=true", as_string=False) == {"a": {"b": 1}, "c": True}
    assert parse_set("--set-string", "a=1", as_string=True) == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a={x,y}", {"a": ["x", "y"]}),
        ("a={x}", {"a": ["x"]}),
        ("a.b={1,2},c=3", {"a": {"b": ["1", "2"]}, "c": 3}),
        ("a=[x,1],b={c,d}", {"a": ["x", 1], "b": ["c", "d"]}),
        ("a=[{name: A,value: b}],c=d", {"a": [{"name": "A", "value": "b"}], "c": "d"}),
        (r"a=[{name: A\,value: b}]", {"a": [{"name": "A", "value": "b"}]}),
        ("a={x: 1}", {"a": {"x": 1}}),
        ("a=x{y,z=1", {"a": "x{y", "z": 1}),
    ],
)
def test_lists_are_written_in_brackets(text: str, tree: Json) -> None:
    assert parse_set("--set", text, as_string=False) == tree


def test_of_text_brackets_are_part() -> None:
    assert parse_set("--set-string", "a={x,b=y}", as_string=True) == {"a": "{x", "b": "y}"}


def test_what_is_wrong_is_shown_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("proxy: {logLevel: yes, ports: {admin: }}\n")
    ran = mesh("install", "--ignore-cluster", "-f", str(file))
    assert "value proxy.logLevel must be text, not true" in ran.err
    assert "value proxy.ports.admin must be a whole number, not null" in ran.err


def test_every_value_has_a_name() -> None:
    names = all_names(Values)
    assert {
        "proxy.await",
        "proxy.resources.ephemeral-storage.limit",
        "identity.issuer.tls.crtPEM",
        "imagePullSecrets.N.name",
    } <= set(names)


# -- credentials ---------------------------------------------------------------------------------


def authority(**flaws: Any) -> Identity:
    """An identity with one flaw."""
    anchor_key, issuer_key = keys.generate(), keys.generate()
    good = Lifetime(NOW - timedelta(days=1), NOW + timedelta(days=100))
    anchor = make_anchor("root", anchor_key, flaws.get("anchor_lifetime", good))
    signer = Signer(anchor, anchor_key)
    issuer = make_issuer(
        "issuer", issuer_key.public_key(), flaws.get("issuer_lifetime", good), signer
    )
    if flaws.get("leaf"):
        issuer = make_leaf(["issuer"], issuer_key.public_key(), good, signer)
    if flaws.get("stranger"):
        anchor = make_anchor("other", keys.generate(), good)
    key = keys.generate() if flaws.get("other_key") else issuer_key
    return Identity(to_pem(anchor).decode(), to_pem(issuer).decode(), keys.to_pem(key).decode())


PAST = Lifetime(NOW - timedelta(days=9), NOW - timedelta(days=1))
FUTURE = Lifetime(NOW + timedelta(days=1), NOW + timedelta(days=9))


@pytest.mark.parametrize(
    ("flaws", "said"),
    [
        ({"issuer_lifetime": PAST}, "issuer certificate issuer expired on 2026-10-31"),
        ({"issuer_lifetime": FUTURE}, "issuer certificate issuer is not valid before 2026-11-02"),
        ({"anchor_lifetime": PAST}, "trust anchor root expired"),
        ({"leaf": True}, "is not a certificate authority"),
        ({"stranger": True}, "is not issued by a trust anchor (other)"),
        ({"other_key": True}, "the key does not belong to issuer certificate issuer"),
    ],
)
def test_unusable_certificates_are_named_with_what_is_wrong(flaws: Json, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        check_identity(authority(**flaws), NOW)


def of_a_strange_curve(pem: str) -> str:
    """The certificate, with a key on a curve that cannot be read."""
    (parsed,) = from_pem(pem.encode())
    p256, sm2 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a811ccf5501822d")
    return to_pem(from_der(to_der(parsed).replace(p256, sm2))).decode()


def test_certificates_with_keys_that_cannot_be_read_are_named() -> None:
    made = authority()
    anchor, issuer = map(of_a_strange_curve, (made.trust_anchors, made.issuer_certificate))
    with pytest.raises(ValueError, match="trust anchor root has a key that cannot be read: Curve"):
        check_identity(replace(made, trust_anchors=anchor), NOW)
    with pytest.raises(ValueError, match="issuer certificate issuer has a key that cannot be read"):
        check_identity(replace(made, issuer_certificate=issuer), NOW)
    chain = read_certificates("issuer certificate", made.issuer_certificate)
    check_issued(chain, read_certificates("trust anchor", anchor + made.trust_anchors))


def test_one_authority_may_be_anchor_and_issuer() -> None:
    key = keys.generate()
    pem = to_pem(make_anchor("both", key, Lifetime(NOW, NOW + timedelta(days=1)))).decode()
    check_identity(Identity(pem, pem, keys.to_pem(key).decode()), NOW)


def test_made_certificates_pass_their_own_checks_and_are_apart() -> None:
    made = make_identity("weft", "example.org", NOW)
    check_identity(made, NOW)
    (anchor,), (issuer,) = (
        read_certificates("a", made.trust_anchors),
        read_certificates("i", made.issuer_certificate),
    )
    assert (anchor.name, issuer.name) == ("root.weft.example.org", "identity.weft.example.org")


@pytest.mark.parametrize(
    "pem", ["", "garbage", "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_named(pem: str) -> None:
    with pytest.raises(ValueError, match="trust anchor: not a PEM certificate"):
        read_certificates("trust anchor", pem)


def test_given_files_are_used(tmp_path: Path) -> None:
    made = make_identity("weft", "cluster.local", datetime.now(UTC))
    for name, text in (
        ("ca", made.trust_anchors),
        ("crt", made.issuer_certificate),
        ("key", made.issuer_key),
    ):
        (tmp_path / name).write_text(text)
    flags = (
        "--identity-trust-anchors-file", f"{tmp_path}/ca", "--identity-issuer-certificate-file", f"{tmp_path}/crt",
        "--identity-issuer-key-file",
    )  # fmt: skip
    ran = mesh("install", "--ignore-cluster", "--skip-crds", *flags, f"{tmp_path}/key")
    secret = opened(by_name(list(yaml.safe_load_all(ran.out)), "Secret")["weft-identity-issuer"])
    assert secret["tls.crt"] == secret["crt.pem"] == made.issuer_certificate
    wrong = mesh("install", "--ignore-cluster", *flags, f"{tmp_path}/ca")
    assert wrong.code == 1
    assert "issuer key: not an unencrypted PEM private key" in wrong.err


# -- clusters ------------------------------------------------------------------------------------


def test_without_a_cluster_install_says_how_to_go_on(tmp_path: Path) -> None:
    ran = mesh("install", "--kubeconfig", str(tmp_path / "none"))
    assert (ran.code, ran.out) == (1, "")
    assert "--ignore-cluster" in ran.err
    assert "mesh sandbox up" in ran.err


def test_an_installed_mesh_is_not_installed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    assert mesh("install").code == 0
    install(
        cluster,
        Credentials(make_identity("weft", "cluster.local", NOW), WEBHOOK, WEBHOOK, WEBHOOK),
    )
    ran = mesh("install")
    assert (ran.code, ran.out) == (1, "")
    assert "namespace weft already has a control plane" in ran.err
    assert "`mesh upgrade -L weft | kubectl apply -f -`" in ran.err
    assert mesh("version").out.splitlines()[1] == f"Server version: {VERSION}"


@pytest.mark.parametrize(
    ("ports", "flags", "skipped"),
    [
        ([{"port": 443, "targetPort": 6443}], (), "443,6443"),
        ([{"port": 443, "targetPort": 8443}], (), "443,6443,8443"),
        ([{"port": 7443, "targetPort": "https"}], (), "443,6443,7443"),
        ([{"port": 443, "targetPort": 8443}], ("--set-string", "proxyInit.kubeAPIServerPorts=1"), "1"),
        ([{"port": 443, "targetPort": 8443}], ("--ignore-cluster",), "443,6443"),
    ],
)  # fmt: skip
def test_the_control_plane_reaches_the_api_server_where_it_is(
    monkeypatch: pytest.MonkeyPatch, ports: list[Any], flags: tuple[str, ...], skipped: str
) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    metadata = {"name": "kubernetes", "namespace": "default"}
    cluster.put(
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    )
    ran = mesh("install", *flags)
    assert (ran.code, ran.err) == (0, "")
    deployments = by_name(list(yaml.safe_load_all(ran.out)), "Deployment")
    assert deployments
    for one in deployments.values():
        arguments = one["spec"]["template"]["spec"]["initContainers"][0]["args"]
        at = arguments.index("--outbound-ports-to-ignore")
        assert arguments[at + 1] == f"4567,4568,{skipped}"


def test_a_second_mesh_is_not_installed_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    install(
        cluster,
        Credentials(make_identity("weft", "cluster.local", NOW), WEBHOOK, WEBHOOK, WEBHOOK),
    )
    ran = mesh("install", "-L", "other")
    assert (ran.code, ran.out) == (1, "")
    assert "namespace weft already has a control plane" in ran.err
    assert "`mesh upgrade -L weft | kubectl apply -f -`" in ran.err
    assert "`mesh uninstall -L weft | kubectl delete -f -`" in ran.err
    for flag in ("--skip-checks", "--ignore-cluster", "--crds"):
        assert mesh("install", "-L", "other", flag).code == 0


@pytest.mark.parametrize("command", ["upgrade", "prune", "uninstall", "inject --manual -"])
def test_who_names_the_wrong_namespace_is_told_the_right_one(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    install(
        cluster,
        Credentials(make_identity("weft", "cluster.local", NOW), WEBHOOK, WEBHOOK, WEBHOOK),
    )
    ran = mesh(*command.split(), "-L", "other", stdin="kind: Pod\napiVersion: v1\n")
    assert (ran.code, ran.out) == (1, "")
    assert "There is one in namespace weft: name it with -L weft." in ran.err


def test_uninstall_prints_everything_cluster_wide_and_the_namespace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    empty = mesh("uninstall")
    assert (empty.code, "nothing of a control plane" in empty.err) == (1, True)
    install(
        cluster,
        Credentials(make_identity("weft", "cluster.local", NOW), WEBHOOK, WEBHOOK, WEBHOOK),
    )
    found = list(yaml.safe_load_all(mesh("uninstall").out))
    named = {(one["kind"], one["metadata"]["name"]) for one in found}
    wanted = {
        (one["kind"], one["metadata"]["name"])
        for one in rendered()
        if one["metadata"].get("namespace") != "weft"
    }
    assert named == wanted
    assert found[0]["kind"] == "MutatingWebhookConfiguration"
    assert found[-1]["kind"] == "Namespace"


def test_uninstall_refuses_while_pods_are_meshed(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    install(
        cluster,
        Credentials(make_identity("weft", "cluster.local", NOW), WEBHOOK, WEBHOOK, WEBHOOK),
    )
    cluster.put(meshed_pod("web-1", VERSION))
    cluster.put(meshed_pod("web-2", VERSION))
    ran = mesh("uninstall")
    assert (ran.code, ran.out) == (1, "")
    assert "shop (2)" in ran.err
    assert mesh("uninstall", "--force").code == 0
    with pytest.raises(CommandError, match="shop"):
        refuse_while_meshed(cluster, "weft")
    assert installed_objects(cluster, "weft")


def test_pods_that_are_over_are_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of Jobs stay when they have ended, with the proxy and the anchors they had."""
    cluster = FakeCluster()
    monkeypatch.setattr("cli.cluster.client.connect", lambda _: cluster)
    installed = make_identity("weft", "cluster.local", NOW)
    install(cluster, Credentials(installed, WEBHOOK, WEBHOOK, WEBHOOK))
    old = make_identity("weft", "cluster.local", NOW).trust_anchors
    for name, phase in (("done", "Succeeded"), ("lost", "Failed")):
        pod = meshed_pod(name, VERSION)
        env = [{"name": ANCHORS_VARIABLE, "value": old}]
        pod["spec"]["initContainers"] = [{"name": "linkerd-proxy", "env": env}]
        cluster.put({**pod, "status": {"phase": phase}})
    upgraded, uninstalled = mesh("upgrade"), mesh("uninstall")
    assert (upgraded.code, upgraded.err) == (0, "")
    assert (uninstalled.code, uninstalled.err) == (0, "")
