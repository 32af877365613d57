"""`docs/how-to/gateway.md`, as it is written: a gateway, calls through it, and calls that it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from deploy.demo.terminal import ROOT
from tests.mesh import pods, scrape, talk, trust
from tests.mesh.answering import pod as answering
from tests.mesh.applying import applied
from tests.mesh.workloads import IMAGE, NAMESPACE, python
from weft import labels, ports
from weft.names import TrustDomain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.answering.pod import Answer
    from tests.mesh.cluster import Cluster, Json

pytestmark = pytest.mark.timeout(180)

HOME = "multicluster"
PAGE = (ROOT / "docs/how-to/gateway.md").read_text(encoding="utf-8")
GATEWAY, MIRROR, ADMITTED = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
"""The page's manifests: the gateway, a Service that stands for one behind it, who may come in."""

CALLER, STRANGER, UNMESHED = "west", "west-stranger", "west-unmeshed"
BEHIND = f"blue.{NAMESPACE}.svc.cluster.local"
NOWHERE = {"nobody": f"missing.{NAMESPACE}.svc.cluster.local", "outside": "web.example.com"}
"""What is none of the gateway's business."""
WAIT = "import time; time.sleep(1e6)"


class Gate(NamedTuple):
    """A gateway that stands, and its address as other clusters see it."""

    cluster: Cluster
    address: str

    def ask(self, service: str, path: str = "/", *, who: str = CALLER) -> Answer:
        (answer,) = answering.ask(self.cluster, who, "http", f"http://{service}{path}")
        return answer

    def becomes(self, status: int, service: str, *, who: str = CALLER) -> Answer:
        """The answer that has this status, once what was applied is known to all."""
        answers = []

        def right() -> bool:
            answers.append(self.ask(service, who=who))
            print(f"{who} of {service}: {answers[-1]}")
            return answers[-1].status == status

        self.cluster.terminal.wait_until(
            f"{who} gets {status} of {service}", right, seconds=answering.NOTICED, every=0.2
        )
        return answers[-1]

    def refusals(self, error: str) -> float:
        """Requests that the gateway's proxies count as refused for this."""
        return sum(
            scrape.proxy(self.cluster, HOME, pod.name).total(
                "inbound_http_errors_total", error=error
            )
            for pod in pods.running(self.cluster, HOME, "app=gateway")
        )


@pytest.fixture(scope="module")
def gate(installed: Cluster) -> Iterator[Gate]:
    """The page's gateway; a Service behind it; those who call, in what plays the other cluster."""
    objects = [
        answering.code(),
        *answering.application("blue"),
        *(one for name in (CALLER, STRANGER) for one in answering.asker(name)),
        *answering.asker(UNMESHED, {labels.INJECT: labels.INJECT_DISABLED}),
    ]
    installed.apply(*objects)
    installed.kubectl("create", "namespace", HOME)
    idle = f'"{IMAGE}", imagePullPolicy: IfNotPresent, command: {json.dumps(python(WAIT))}'
    installed.apply(*written(GATEWAY, {'"registry.k8s.io/pause:3.10"': idle}))
    pods.await_rollout(installed, HOME, "gateway")
    for name in ("blue", CALLER, STRANGER, UNMESHED):
        pods.await_rollout(installed, NAMESPACE, name)
    address = installed.read("service", "gateway", "-n", HOME)["spec"]["clusterIP"]
    mirrors = [
        *mirror("east", BEHIND, address),
        *mirror("circle", f"circle.{NAMESPACE}.svc.cluster.local", address),
        *(one for name, there in NOWHERE.items() for one in mirror(name, there, address)),
    ]
    opaque = mirror("east-opaque", BEHIND, address)
    opaque[0]["metadata"]["annotations"] = {labels.OPAQUE_PORTS: "80"}
    impostor = mirror("impostor", BEHIND, address)
    impostor[1]["metadata"]["annotations"][labels.REMOTE_GATEWAY_IDENTITY] = identity("other", HOME)
    mirrors += [*opaque, *impostor]
    installed.apply(*mirrors)
    yield Gate(installed, address)
    installed.kubectl("delete", "namespace", HOME, "--wait=false")
    for one in (*objects, *mirrors):
        installed.kubectl("delete", one["kind"], one["metadata"]["name"], "-n", NAMESPACE)


def written(manifest: str, fitted: dict[str, str]) -> list[Json]:
    """A manifest of the page with what depends on the clusters fitted to this one."""
    for said, here in fitted.items():
        assert said in manifest, f"the page does not say {said}"
        manifest = manifest.replace(said, here)
    return list(yaml.safe_load_all(manifest))


def mirror(name: str, there: str, address: str) -> list[Json]:
    """The page's Service of another name, and its slice."""
    fitted = {
        "web-svc.emojivoto.svc.cluster.local": there,
        "web-east": name,
        "namespace: emojivoto": f"namespace: {NAMESPACE}",
        "203.0.113.10": address,
    }
    return written(MIRROR, fitted)


def identity(account: str, namespace: str = NAMESPACE) -> str:
    return TrustDomain().identity(account, namespace)


def test_a_call_through_the_gateway_says_who_made_it(gate: Gate) -> None:
    assert gate.becomes(200, "east").said == "blue"
    by, who = identity("default", HOME), identity(CALLER)
    assert gate.ask("east", "/header/forwarded").said == (
        f"by={by};for={who};host={BEHIND};proto=https"
    )
    assert gate.ask("east", "/header/l5d-client-id").said == by, "the pod's client is the gateway"


def test_bytes_nobody_looks_into_pass_as_they_are(gate: Gate) -> None:
    assert gate.becomes(200, "east-opaque").said == "blue"
    assert gate.ask("east-opaque", "/header/forwarded").said == ""


@pytest.mark.parametrize("service", NOWHERE)
def test_what_is_none_of_its_business_is_not_found(gate: Gate, service: str) -> None:
    before = gate.refusals("gateway domain invalid")
    assert "gateway domain invalid" in gate.becomes(404, service).error
    assert gate.refusals("gateway domain invalid") > before
    gate.cluster.terminal.wait_until(
        f"why names {NOWHERE[service]}", lambda: _named_by_why(gate, service), seconds=30
    )


def _named_by_why(gate: Gate, service: str) -> bool:
    """Of equal errors the latest is told, so it is made the latest."""
    assert gate.ask(service).status == 404
    _, told = gate.cluster.try_mesh("diagnostics", "why", "deploy/gateway", "-n", HOME)
    print(told)
    return NOWHERE[service] in told


def test_a_service_that_leads_back_to_the_gateway_is_a_loop(gate: Gate) -> None:
    assert "gateway loop" in gate.becomes(508, "circle").error
    assert gate.refusals("gateway loop") > 0


def test_a_gateway_of_another_name_is_not_spoken_to(gate: Gate) -> None:
    gate.becomes(200, "east")
    assert "TLS handshake failed" in gate.becomes(504, "impostor").error


def test_who_shows_no_certificate_of_the_mesh_is_not_let_in(gate: Gate) -> None:
    for service in (f"gateway.{HOME}:{ports.INBOUND}", "east"):
        assert gate.ask(service, who=UNMESHED).status == 0
    if not gate.cluster.pods_are_here:
        return
    (pod, *_) = pods.running(gate.cluster, HOME, "app=gateway")
    trusts, name = trust.anchors(gate.cluster), identity("default", HOME)
    for shows in (None, trust.stranger(identity(CALLER))):
        tls = trust.client(trusts=trusts, shows=shows)
        assert talk.ask((pod.ip, ports.INBOUND), tls=tls, server_name=name).status is None


def test_the_policy_of_the_port_says_who_may_come_in(gate: Gate) -> None:
    gate.becomes(200, "east", who=STRANGER)
    there = "web.emojivoto.serviceaccount.identity.weft.west.example"
    with applied(gate.cluster, *written(ADMITTED, {there: identity(CALLER)})):
        assert gate.becomes(403, "east", who=STRANGER).error.startswith("unauthorized")
        assert gate.ask("east-opaque", who=STRANGER).status == 0
        for service in ("east", "east-opaque"):
            assert gate.ask(service).status == 200


def test_the_page_says_how_to_check_it(gate: Gate) -> None:
    code, said = gate.cluster.try_mesh("check", "--proxy", "-n", HOME, "-o", "json")
    assert code == 0, json.loads(said)
