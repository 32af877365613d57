"""PodMonitors: of the operator's own types, like the scrape jobs, and of pods that `mesh install` makes.

The operator's types are Go's: `make test-kubernetes` builds what reads them, which WEFT_PODMONITOR names.
"""

import os
import subprocess
from typing import Any

import pytest
import yaml

from cli.manifests.credentials import Credentials, Identity, Webhook
from cli.manifests.install import control_plane, with_anchors
from cli.manifests.values import Values
from deploy.prometheus.files import HERE
from weft import ports

FILE = HERE / "podmonitor.yml"
CHECK = os.environ.get("WEFT_PODMONITOR", "")
MONITORS = {one["metadata"]["name"]: one for one in yaml.safe_load_all(FILE.read_text())}


def checked(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CHECK], input=text, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not CHECK, reason="needs the operator's types, by WEFT_PODMONITOR")
def test_the_operator_knows_every_field() -> None:
    found = checked(FILE.read_text())
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == list(MONITORS)
    misspelt = checked(FILE.read_text().replace("sourceLabels", "source_labels"))
    assert misspelt.returncode == 1
    assert 'unknown field "source_labels"' in misspelt.stderr


def test_pod_monitors_label_as_the_jobs_do() -> None:
    proxies = yaml.safe_load((HERE / "scrape.yml").read_text())["scrape_configs"][0]
    (endpoint,) = MONITORS["weft-proxy"]["spec"]["podMetricsEndpoints"]

    def plainly(rules: list[dict[str, Any]], source: str, target: str) -> list[dict[str, Any]]:
        named = {source: "source", target: "target"}
        return [{named.get(key, key): value for key, value in rule.items()} for rule in rules]

    wanted = plainly(proxies["relabel_configs"], "source_labels", "target_label")
    assert plainly(endpoint["relabelings"], "sourceLabels", "targetLabel")[1:] == wanted[1:]


def installed_pods() -> list[dict[str, Any]]:
    """Pod templates of what `mesh install` prints; every one carries the proxy as `mesh inject` adds it."""
    webhook = Webhook("authority", "certificate", "key")
    credentials = Credentials(Identity("anchors", "certificate", "key"), webhook, webhook, webhook)
    made = control_plane(with_anchors(Values(), credentials), credentials)
    return [one["spec"]["template"] for one in made if one["kind"] == "Deployment"]


def ports_of(pod: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Container and number of each port, by its name."""
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return {
        port["name"]: (one["name"], port["containerPort"])
        for one in containers
        for port in one.get("ports", [])
    }


def test_pod_monitors_select_pods_and_ports_that_install_makes() -> None:
    found = installed_pods()
    assert len(found) == 5
    asked_for = {
        name: {one["port"] for one in monitor["spec"]["podMetricsEndpoints"]}
        for name, monitor in MONITORS.items()
    }
    for monitor in MONITORS.values():
        assert monitor["metadata"]["namespace"] == Values().namespace
        for requirement in monitor["spec"]["selector"]["matchExpressions"]:
            assert requirement["operator"] == "Exists"
            assert all(requirement["key"] in pod["metadata"]["labels"] for pod in found)
    assert {ports_of(pod)["linkerd-admin"] for pod in found} == {("linkerd-proxy", ports.ADMIN)}
    assert asked_for["weft-proxy"] == {"linkerd-admin"}
    admin = {
        name
        for pod in found
        for name, (_, number) in ports_of(pod).items()
        if number == ports.CONTROLLER_ADMIN
    }
    assert asked_for["weft-controller"] == admin
