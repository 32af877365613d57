"""Real kubectl against a real port: the story a user would type."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.apiserver.tests.conftest import KUBECTL, crd

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed"),
]

MANIFEST = """
apiVersion: v1
kind: Namespace
metadata: {name: demo}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: demo, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:1", ports: [{containerPort: 80}], env: [{name: A, value: b}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
WIDGET = """
apiVersion: example.com/v1
kind: Widget
metadata: {name: small, namespace: demo}
spec: {size: 1}
"""

Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    where: Path = tmp_path_factory.mktemp("cluster")
    command = [sys.executable, "-m", "sandbox.apiserver", "--dir", str(where)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(b"serving on https://")
        yield where
        server.terminate()
        assert server.wait(10) == 0


def environment(directory: Path) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(directory / "kubeconfig"), "HOME": str(directory)}


@pytest.fixture(scope="module")
def kubectl(directory: Path) -> Kubectl:
    def run(*arguments: str, stdin: str = "", fails: bool = False) -> str:
        """The output; with `fails` the command must fail, and its error text is returned."""
        done = subprocess.run(
            [KUBECTL, *arguments],
            input=stdin,
            env=environment(directory),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr if fails else done.stdout

    return run


@pytest.fixture(scope="module")
def demo(kubectl: Kubectl) -> Kubectl:
    """kubectl, with the manifest applied."""
    applied = kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert applied.splitlines() == [
        "namespace/demo created",
        "deployment.apps/web created",
        "service/web created",
    ]
    return kubectl


def test_applying_again_changes_nothing(demo: Kubectl) -> None:
    again = demo("apply", "-f", "-", stdin=MANIFEST)
    assert [line.rpartition(" ")[2] for line in again.splitlines()] == ["unchanged"] * 3
    assert demo("diff", "-f", "-", stdin=MANIFEST) == ""


def test_tables_and_other_outputs(demo: Kubectl) -> None:
    head, row = demo("get", "deploy", "-n", "demo", "-o", "wide").splitlines()
    assert head.split() == [
        "NAME",
        "READY",
        "UP-TO-DATE",
        "AVAILABLE",
        "AGE",
        "CONTAINERS",
        "IMAGES",
        "SELECTOR",
    ]
    assert row.split()[:4] == ["web", "0/2", "0", "0"]
    assert (
        demo("get", "all", "-n", "demo", "-l", "app=web", "-o", "name") == "deployment.apps/web\n"
    )
    assert (
        demo("get", "svc/web", "-n", "demo", "-o", "jsonpath={.spec.ports[0].targetPort}") == "80"
    )
    assert json.loads(demo("get", "ns", "demo", "-o", "json"))["status"] == {"phase": "Active"}
    assert "Replicas:" in demo("describe", "deploy", "web", "-n", "demo")
    assert 'deployments.apps "none" not found' in demo(
        "get", "deploy", "none", "-n", "demo", fails=True
    )


def test_changing_things(demo: Kubectl) -> None:
    patch = {
        "spec": {
            "template": {
                "spec": {"containers": [{"name": "web", "env": [{"name": "C", "value": "d"}]}]}
            }
        }
    }
    demo("patch", "deploy", "web", "-n", "demo", "-p", json.dumps(patch))
    names = demo(
        "get",
        "deploy",
        "web",
        "-n",
        "demo",
        "-o",
        "jsonpath={.spec.template.spec.containers[0].env[*].name}",
    )
    assert names == "C A", "what is new comes first where the patch says no order"
    demo("label", "deploy", "web", "-n", "demo", "x=y")
    demo("annotate", "deploy", "web", "-n", "demo", "note=1")
    demo("scale", "deploy", "web", "-n", "demo", "--replicas=5")
    demo("rollout", "restart", "deploy/web", "-n", "demo")
    demo("set", "image", "deploy/web", "web=web:2", "-n", "demo")
    found = json.loads(demo("get", "deploy", "web", "-n", "demo", "-o", "json"))
    assert found["spec"]["replicas"] == 5
    assert found["metadata"]["labels"]["x"] == "y"
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert (
        "kubectl.kubernetes.io/restartedAt" in found["spec"]["template"]["metadata"]["annotations"]
    )
    refused = demo(
        "patch", "svc", "web", "-n", "demo", "-p", '{"spec":{"clusterIP":"10.96.9.9"}}', fails=True
    )
    assert "spec.clusterIPs[0]: Invalid value" in refused


def test_editing(demo: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    demo("create", "configmap", "edited", "-n", "demo", "--from-literal=a=before")
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/before/after/")
    demo("edit", "configmap", "edited", "-n", "demo")
    assert demo("get", "cm", "edited", "-n", "demo", "-o", "jsonpath={.data.a}") == "after"


def test_typed_commands_speak_protobuf(demo: Kubectl) -> None:
    demo("create", "configmap", "c", "-n", "demo", "--from-literal=a=b")
    demo("create", "secret", "generic", "s", "-n", "demo", "--from-literal=a=b")
    demo("create", "deployment", "d", "-n", "demo", "--image=x:1", "--replicas=0", "--port=80")
    demo("create", "job", "j", "-n", "demo", "--image=x:1", "--", "true")
    demo("create", "sa", "worker", "-n", "demo")
    assert demo("get", "cm", "c", "-n", "demo", "-o", "jsonpath={.data.a}") == "b"
    assert demo("get", "secret", "s", "-n", "demo", "-o", "jsonpath={.data.a}") == "Yg=="
    assert demo("get", "deploy", "d", "-n", "demo", "-o", "jsonpath={.spec.replicas}") == "0"
    assert demo("create", "token", "worker", "-n", "demo", "--audience=x").count(".") == 2
    demo("delete", "cm/c", "secret/s", "deploy/d", "job/j", "-n", "demo")
    demo("wait", "--for=delete", "cm/c", "-n", "demo", "--timeout=5s")


def test_who_may_what(demo: Kubectl) -> None:
    assert demo("auth", "can-i", "delete", "nodes") == "yes\n"
    worker = ("--as=system:serviceaccount:demo:reader", "-n", "demo")
    demo("auth", "can-i", "get", "pods", *worker, fails=True)
    demo("create", "role", "r", "-n", "demo", "--verb=get", "--resource=pods")
    demo("create", "rolebinding", "b", "-n", "demo", "--role=r", "--serviceaccount=demo:reader")
    assert demo("auth", "can-i", "get", "pods", *worker) == "yes\n"
    assert "kubernetes-admin" in demo("auth", "whoami")


def test_custom_resources(demo: Kubectl) -> None:
    demo("apply", "-f", "-", stdin=json.dumps(crd()))
    demo("wait", "--for=condition=established", "crd/widgets.example.com", "--timeout=5s")
    assert "widget.example.com/small created" in demo("apply", "-f", "-", stdin=WIDGET)
    assert "unchanged" in demo("apply", "-f", "-", stdin=WIDGET)
    assert demo("get", "wd", "-n", "demo").splitlines()[0].split() == ["NAME", "SIZE", "READY"]
    assert "widgets" in demo("api-resources", "--api-group=example.com")
    assert "color" in demo("explain", "widget.spec")
    demo("apply", "--server-side", "-f", "-", stdin=WIDGET.replace("small", "large"))
    wrong = demo("apply", "-f", "-", stdin=WIDGET.replace("size", "sise"), fails=True)
    assert 'unknown field "spec.sise"' in wrong
    demo("delete", "widget", "--all", "-n", "demo")


def test_a_typing_error_is_named(demo: Kubectl) -> None:
    wrong = demo("apply", "-f", "-", stdin=MANIFEST.replace("replicas:", "replicsa:"), fails=True)
    assert 'unknown field "spec.replicsa"' in wrong


def test_watching(demo: Kubectl, directory: Path) -> None:
    command = [KUBECTL, "get", "cm", "-n", "demo", "-w", "--output-watch-events"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(directory)
    ) as watching:
        assert watching.stdout is not None
        demo("create", "configmap", "seen", "-n", "demo", "--from-literal=a=b")
        demo("delete", "configmap", "seen", "-n", "demo")
        seen: list[str] = []
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (not seen or "DELETED" not in seen[-1]):
            seen.append(watching.stdout.readline())
        watching.terminate()
        watching.wait(10)
    assert any("DELETED" in line and "seen" in line for line in seen)


def test_a_namespace_goes(demo: Kubectl) -> None:
    demo("create", "ns", "going")
    demo("delete", "ns", "going", "--wait=false")
    assert demo("get", "ns", "going", "-o", "jsonpath={.status.phase}") == "Terminating"
