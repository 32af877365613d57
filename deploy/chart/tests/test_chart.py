"""The chart against `mesh install`: the same values give the same objects.

Rendering needs helm: the one that WEFT_HELM names, as in `make test-kubernetes`, which builds it, or the one
on the path. Without it those tests are left out.
"""

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.manifests import high_availability
from cli.manifests.credentials import make_identity, make_webhook, obtain, obtain_identity
from cli.manifests.install import COMPONENTS, control_plane, definitions, with_anchors
from cli.manifests.overrides import make_values, merge
from cli.manifests.stored import OVERRIDES
from cli.manifests.values import Values
from deploy.chart.compiling import Choice, Entry, Items, Object, Scalar
from deploy.chart.files import FOLDER, files, renew, stale
from deploy.chart.leaves import FIRST, TOKEN, leaves
from deploy.chart.rendering import render
from deploy.chart.template import document, named, scalar

Json = dict[str, Any]
NOW = datetime.now(UTC)
HELM = os.environ.get("WEFT_HELM") or shutil.which("helm") or ""
IDENTITY = make_identity("mesh", "cluster.local", NOW)
HOOK = make_webhook("weft-proxy-injector", "mesh", NOW)
VALIDATOR = make_webhook("weft-policy-validator", "mesh", NOW)
TAP = make_webhook("weft-tap", "mesh", NOW)
SECRETS: Json = {
    "identityTrustAnchorsPEM": IDENTITY.trust_anchors,
    "identity": {
        "issuer": {"tls": {"crtPEM": IDENTITY.issuer_certificate, "keyPEM": IDENTITY.issuer_key}}
    },
    "proxyInjector": {"caBundle": HOOK.authority, "crtPEM": HOOK.certificate, "keyPEM": HOOK.key},
    "policyValidator": {
        "caBundle": VALIDATOR.authority,
        "crtPEM": VALIDATOR.certificate,
        "keyPEM": VALIDATOR.key,
    },
    "tap": {"caBundle": TAP.authority, "crtPEM": TAP.certificate, "keyPEM": TAP.key},
}
AMOUNTS = {"cpu": {"request": "10m", "limit": "1500m"}, "memory": {"limit": "64Mi"}}

SETS: dict[str, Json] = {
    "defaults": {},
    "high availability": high_availability.TREE,
    "namespace": {"installNamespace": True, "commonLabels": {"team": "mesh", "n": "1"}},
    "classic sidecars": {"proxy": {"nativeSidecar": False, "waitBeforeExitSeconds": 5}},
    "classic sidecars that nobody waits for": {"proxy": {"nativeSidecar": False, "await": False}},
    "nobody waits": {"proxy": {"await": False, "gid": 5, "uid": 77, "image": {"name": "x/y"}}},
    "images": {
        "imageRegistry": "r.example.com/w",
        "imageVersion": "v9",
        "imagePullPolicy": "Always",
        "proxy": {"image": {"version": "v8", "pullPolicy": "Never"}},
    },
    "images of a private registry": {"imagePullSecrets": [{"name": "a"}, {"name": "b.c"}]},
    "one image": {"imageVersion": "v9", "proxy": {"image": {"name": "p"}}},
    "domains": {"clusterDomain": "c.example", "identityTrustDomain": "t.example"},
    "another cluster domain": {"clusterDomain": "c.example"},
    "IPv6": {"disableIPv6": False, "clusterNetworks": "fd00::/8"},
    "ports": {
        "proxy": {
            "ports": {"admin": 1, "control": 2, "inbound": 3, "outbound": 4},
            "opaquePorts": "",
            "requireIdentityOnInboundPorts": "80,90-99",
        },
        "proxyInit": {
            "ignoreInboundPorts": "",
            "ignoreOutboundPorts": "",
            "kubeAPIServerPorts": "8443",
            "skipSubnets": "10.1.0.0/16",
            "runAsUser": 65534,
            "closeWaitTimeoutSecs": 3,
        },
    },
    "no API server port": {"proxyInit": {"kubeAPIServerPorts": ""}},
    "nothing skipped": {"proxyInit": {"kubeAPIServerPorts": "", "ignoreOutboundPorts": ""}},
    "logs": {
        "controllerLogLevel": "debug",
        "controllerLogFormat": "json",
        "proxy": {
            "logLevel": 'info,[{a="b"}]=off',
            "logFormat": "json",
            "logHTTPHeaders": "insecure",
            "accessLog": "apache",
        },
    },
    "switches": {
        "proxy": {
            "enableShutdownEndpoint": True,
            "enableExternalProfiles": True,
            "isGateway": True,
            "disableOutboundProtocolDetectTimeout": True,
            "disableInboundProtocolDetectTimeout": True,
            "metrics": {"hostnameLabels": True},
            "shutdownGracePeriod": "9s",
            "cpuRatioLimit": "0.5",
            "additionalEnv": [{"name": "A", "value": "b"}, {"name": "C", "value": "1"}],
        }
    },
    "resources": {
        one: {"resources": AMOUNTS}
        for one in ("proxy", "identity", "destination", "proxyInjector", "web", "tap")
    },
    "placing": {
        "nodeSelector": {"disk": "ssd"},
        "priorityClassName": "high",
        "controllerReplicas": 2,
        "enablePodAntiAffinity": True,
        "deploymentStrategy": {"rollingUpdate": {"maxSurge": 2}},
    },
    "webhook": {
        "webhookFailurePolicy": "Fail",
        "proxyInjector": {"excludedNamespaces": [], "timeoutSeconds": 3},
    },
    "unmeshed pods restarted": {"proxyInjector": {"unmeshedPods": "restart"}},
    "unmeshed pods ignored": {"proxyInjector": {"unmeshedPods": "ignore"}},
    "an issuer of others": {
        "identity": {
            "issuer": {
                "scheme": "kubernetes.io/tls",
                "issuanceLifetime": "1h",
                "tls": {"crtPEM": "", "keyPEM": ""},
            }
        }
    },
    "tap by somebody else": {"tap": {"identity": "tap.example"}},
}  # fmt: skip


def by_install(tree: Json) -> dict[str, Json]:
    """What `mesh install` makes of the values, except what it remembers for its own upgrade."""
    values = make_values({"namespace": "mesh"}, [("the test", tree)])
    external = values.identity.issuer.scheme == "kubernetes.io/tls"
    identity = IDENTITY if external else obtain_identity(values, NOW)
    credentials = obtain(values, identity, NOW)
    if external:
        credentials = obtain(values, type(identity)(identity.trust_anchors, "", ""), NOW)
    stored = with_anchors(values, credentials)
    found = [*definitions(stored), *control_plane(stored, credentials)]
    return keyed(one for one in found if one["metadata"]["name"] != OVERRIDES)


def by_helm(tree: Json, folder: Path) -> dict[str, Json]:
    """What the chart makes of them."""
    (folder / "values.yaml").write_text(json.dumps(tree))
    command = [
        HELM,
        "template",
        "weft",
        str(FOLDER),
        "--namespace",
        "mesh",
        "--kube-version",
        "1.34.0",
    ]
    ran = subprocess.run(
        [*command, "--values", str(folder / "values.yaml")], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return keyed(one for one in yaml.safe_load_all(ran.stdout) if one)


def keyed(documents: Any) -> dict[str, Json]:
    return {f"{one['kind']}/{one['metadata']['name']}": settled(one) for one in documents}


def settled(document: Json) -> Json:
    """As the API server sees it: null and empty are absent; the values are data in a text."""
    if document["metadata"]["name"] == "weft-config":
        values = yaml.safe_load(document["data"]["values"])
        return {**document, "data": values}
    found = present(document)
    assert isinstance(found, dict)
    return found


def present(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {key: present(value) for key, value in node.items()}
        return {key: value for key, value in kept.items() if value not in (None, {}, [])}
    return [present(one) for one in node] if isinstance(node, list) else node


@pytest.mark.slow
@pytest.mark.skipif(not HELM, reason="needs helm, by WEFT_HELM or on the path")
@pytest.mark.parametrize("name", SETS)
def test_the_chart_and_the_command_make_the_same_objects(name: str, tmp_path: Path) -> None:
    tree = merge(merge(SECRETS, {"installNamespace": False}), SETS[name])
    wanted, found = by_install(tree), by_helm(tree, tmp_path)
    assert set(found) == set(wanted)
    for key, one in wanted.items():
        assert found[key] == one, key


@pytest.mark.slow
@pytest.mark.skipif(not HELM, reason="needs helm, by WEFT_HELM or on the path")
@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"identityTrustAnchorsPEM": ""}, "identityTrustAnchorsPEM is needed"),
        ({"identity": {"issuer": {"tls": {"keyPEM": ""}}}}, "identity.issuer.tls.keyPEM is needed"),
        ({"proxy": {"logLevl": "x"}}, "logLevl"),
        ({"controllerReplicas": 0}, "controllerReplicas"),
        ({"commonLabels": {"a b": "c"}}, "commonLabels"),
        ({"commonLabels": {"a": "b c"}}, "commonLabels"),
        ({"proxyInjector": {"excludedNamespaces": ["A"]}}, "excludedNamespaces"),
        ({"tap": {"redactedPaths": "a"}}, "redactedPaths"),
        ({"imagePullSecrets": ["a"]}, "imagePullSecrets"),
        ({"imagePullSecrets": [{"nam": "a"}]}, "imagePullSecrets"),
        ({"imagePullSecrets": [{"name": "a_b"}]}, "imagePullSecrets"),
    ],
)
def test_helm_refuses_what_the_command_refuses(tree: Json, said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        by_helm(merge(SECRETS, tree), tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not HELM, reason="needs helm, by WEFT_HELM or on the path")
def test_the_chart_makes_serving_certificates_nobody_gave(tmp_path: Path) -> None:
    tree = {key: SECRETS[key] for key in ("identityTrustAnchorsPEM", "identity")}
    found = by_helm(tree, tmp_path)
    values = found["ConfigMap/weft-config"]["data"]
    for name, kind, section in (
        ("weft-proxy-injector", "MutatingWebhookConfiguration", "proxyInjector"),
        ("weft-policy-validator", "ValidatingWebhookConfiguration", "policyValidator"),
    ):
        hook = found[f"{kind}/{name}-webhook-config"]["webhooks"][0]
        secret = found[f"Secret/{name}-k8s-tls"]["data"]
        assert hook["clientConfig"]["caBundle"]
        assert secret["tls.crt"]
        assert secret["tls.key"]
        assert values[section]["keyPEM"] == values[section]["crtPEM"] == ""


@pytest.mark.slow
@pytest.mark.timeout(300)  # forty seconds of a core that others want as well
def test_the_chart_is_what_the_code_says() -> None:
    assert stale() == [], "run `make docs`"


@pytest.mark.slow
def test_what_is_stale_is_renewed_and_what_is_foreign_removed(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("old")
    assert set(renew(tmp_path)) == {*files(), "old.yaml"}
    assert stale(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "text", "fits"),
    [
        (("$defs", "PullSecret", "properties", "name"), "a-b.c1", True),
        (("$defs", "PullSecret", "properties", "name"), "a_b", False),
        (("$defs", "PullSecret", "properties", "name"), "", False),
        (("properties", "priorityClassName"), "", True),
        (("properties", "priorityClassName"), "High", False),
        (("properties", "imageRegistry"), "localhost:5000/a/b", True),
        (("properties", "imageRegistry"), "a/", False),
        (("properties", "imageRegistry"), "https://a", False),
        (("$defs", "ProxyInjector", "properties", "excludedNamespaces", "items"), "a-b", True),
        (("$defs", "ProxyInjector", "properties", "excludedNamespaces", "items"), "a.b", False),
        (("$defs", "Tap", "properties", "identity"), "tap.example.", True),
        (("$defs", "Tap", "properties", "identity"), "a_b", False),
        (("$defs", "Tap", "properties", "redactedPaths"), "/reset/, /invite,", True),
        (("$defs", "Tap", "properties", "redactedPaths"), "/a,b", False),
    ],
)
def test_the_schema_tells_helm_forms_of_texts(
    place: tuple[str, ...], text: str, fits: bool
) -> None:
    told = json.loads((FOLDER / "values.schema.json").read_text())
    for part in place:
        told = told[part]
    assert (re.search(told["pattern"], text) is not None) is fits


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        ("example.com/Team_1", "", True),
        ("team", "the.mesh", True),
        ("/team", "mesh", False),
        ("the team", "mesh", False),
        ("team", "a/b", False),
    ],
)
def test_the_schema_tells_helm_the_form_of_labels(key: str, value: str, fits: bool) -> None:
    schema = json.loads((FOLDER / "values.schema.json").read_text())
    for name in ("commonLabels", "nodeSelector"):
        told = schema["properties"][name]
        assert told["additionalProperties"] is False
        ((form, inner),) = told["patternProperties"].items()
        taken = re.search(form, key) and re.search(inner["pattern"], value)
        assert bool(taken) is fits, name


def test_every_service_account_of_the_chart_reads_the_pull_secrets() -> None:
    accounts = sorted((FOLDER / "templates").glob("serviceaccount-*"))
    assert len(accounts) == len(COMPONENTS) + 1  # tap
    for one in accounts:
        assert "{{- with .Values.imagePullSecrets }}" in one.read_text(), one.name


def test_every_value_has_a_token_that_survives() -> None:
    assert len({leaf.number for leaf in leaves().values()}) == len(leaves()) < 1000
    text = json.dumps(render({}))
    missing = [
        leaf.name
        for leaf in leaves().values()
        if isinstance(leaf.sample, str)
        and len(leaf.ways) < 2  # of several choices each is tried
        and str(leaf.number) not in text
        and leaf.expression not in text
    ]
    # said only in ConfigMap weft-config, which the injector reads
    assert all(name.startswith("debugContainer.") for name in missing), missing


def test_values_are_in_the_chart_with_their_defaults() -> None:
    told = yaml.safe_load((FOLDER / "values.yaml").read_text())
    tree = {**Values().tree(), "installNamespace": False}
    assert told == {key: one for key, one in tree.items() if key not in ("namespace", "version")}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (True, "true"),
        ("a: b", '"a: b"'),
        (f"tok{FIRST}", "{{ .Release.Namespace | quote }}"),
        (f"x-tok{FIRST}", '{{ printf "x-%v" .Release.Namespace | quote }}'),
        ("{{x}}", '"{{ "{{" }}x}}"'),
    ],
)
def test_scalars(value: Any, text: str) -> None:
    assert scalar(value) == text


def test_conditions_become_blocks() -> None:
    node = Object(
        {
            "a": Entry(Scalar(1), ["x"]),
            "b": Entry(Choice([("y", Scalar(2))], Scalar(3))),
            "c": Entry(Items([Entry(Object({"name": Entry(Scalar("n"))}), ["x", "y"])])),
        }
    )
    assert document(Entry(node)).splitlines() == [
        "---",
        "{{- if x }}",
        "a: 1",
        "{{- end }}",
        "b: {{ if y }}2{{ else }}3{{ end }}",
        "c:",
        "{{- if and (x) (y) }}",
        '- name: "n"',
        "{{- end }}",
    ]


def test_names_of_files_know_no_tokens() -> None:
    assert named(f"clusterrole-tok{FIRST}-weft-web") == "clusterrole-weft-web"
    assert not TOKEN.search("port 6100 and 610001")
