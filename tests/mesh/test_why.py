"""`mesh diagnostics why` says what failed, where, since when and what to do, in the cases people meet."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.mesh import outages, pods, trust, workloads
from tests.mesh.workloads import HTTP_PORT, NAMESPACE
from weft import errors, labels
from weft.names import CONTROL_PLANE_NAMESPACE, IDENTITY_COMPONENT, TrustDomain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster, Json
    from tests.mesh.trust import Credential

CALLER = "caller"
SERVICES = ("nobody", "shut", "guarded", "impostor", "stranger", "slow")
SHUT_PORT = 9999
PATIENCE = 60.0

ASKING = """
import sys, time, urllib.request
while True:
    for name in sys.argv[1:]:
        try:
            urllib.request.urlopen(f"http://{name}/", timeout=10).read()
        except OSError:
            pass
    time.sleep(0.3)
"""
SLEEPY = """
import http.server, time
class Sleepy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(5)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Sleepy).serve_forever()
"""
SHOWING = """
import os, socket, ssl, tempfile
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
with tempfile.NamedTemporaryFile("w") as file:
    file.write(os.environ["PEM"]); file.flush()
    context.load_cert_chain(file.name)
listener = socket.create_server(("", 8080))
while True:
    try:
        context.wrap_socket(listener.accept()[0], server_side=True).close()
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def trouble(installed: Cluster) -> Iterator[Cluster]:
    """A caller, and everything that can be wrong with those it calls."""
    cluster = installed
    another = TrustDomain().identity("another", NAMESPACE)
    cluster.apply(
        workloads.http_server("server"),
        workloads.http_server("quiet"),
        workloads.http_server("guarded", {labels.DEFAULT_INBOUND_POLICY: "deny"}),
        workloads.deployment(
            "sleepy", workloads.pod_template("sleepy", workloads.python(SLEEPY), {})
        ),
        workloads.deployment(
            "plain",
            workloads.pod_template(
                "plain", workloads.HTTP_SERVER, {labels.INJECT: labels.INJECT_DISABLED}
            ),
        ),
        _shows("impostor", trust.member(cluster, another)),
        _shows("stranger", trust.stranger(TrustDomain().identity("default", NAMESPACE))),
        workloads.service("nobody", "nobody"),
        workloads.service("shut", "server", target=SHUT_PORT),
        workloads.service("guarded", "guarded"),
        workloads.service("stranger", "stranger"),
        workloads.service("slow", "sleepy", annotations={"timeout.linkerd.io/request": "500ms"}),
        workloads.service("impostor", "impostor"),
    )
    for name in ("server", "quiet", "guarded", "sleepy", "plain", "impostor", "stranger"):
        pods.await_rollout(cluster, NAMESPACE, name)
    template = workloads.pod_template(CALLER, workloads.python(ASKING, *SERVICES), {})
    cluster.apply(workloads.deployment(CALLER, template))
    pods.await_rollout(cluster, NAMESPACE, CALLER)
    yield cluster
    cluster.kubectl("delete", "deploy,svc", "--all", "-n", NAMESPACE)


def _shows(name: str, credential: Credential) -> Json:
    """It passes for a meshed pod and shows this certificate, whatever name it is asked for."""
    template = workloads.pod_template(
        name, workloads.python(SHOWING), {labels.INJECT: labels.INJECT_DISABLED}
    )
    template["metadata"]["labels"][labels.CONTROL_PLANE_NS_LABEL] = CONTROL_PLANE_NAMESPACE
    container = template["spec"]["containers"][0]
    container["env"] = [{"name": "PEM", "value": (credential.chain + credential.key).decode()}]
    container["ports"] = [{"containerPort": HTTP_PORT}]
    return workloads.deployment(name, template)


def why(cluster: Cluster, resource: str) -> tuple[int, Json]:
    code, said = cluster.try_mesh("diagnostics", "why", resource, "-n", NAMESPACE, "-o", "json")
    found: Json = json.loads(said)
    return code, found


def finding(cluster: Cluster, resource: str, **wanted: Any) -> Json:
    """The one finding with these fields, as soon as there is one."""
    seen: list[Json] = []

    def there() -> bool:
        code, said = why(cluster, resource)
        assert code == bool(said["findings"])
        seen[:] = said["findings"]
        return any(wanted.items() <= one.items() for one in seen)

    try:
        cluster.terminal.wait_until(f"{resource}: {wanted}", there, seconds=PATIENCE)
    except Exception:
        print(json.dumps(seen, indent=2))
        raise
    (one,) = (one for one in seen if wanted.items() <= one.items())
    print(one["sentence"], "->", one["advice"])
    return one


def requires(one: Json) -> None:
    """What every finding about requests says."""
    assert one["meaning"]
    assert one["advice"]
    assert one["first"] <= one["last"]
    assert one["count"] >= 1


@pytest.mark.timeout(180)
def test_an_upstream_without_endpoints(trouble: Cluster) -> None:
    kind = errors.FAILFAST
    one = finding(
        trouble, f"deploy/{CALLER}", number=kind.number, destination=f"svc/nobody.{NAMESPACE}:80"
    )
    requires(one)
    assert (one["side"], one["phase"]) == ("outbound", "waiting for an endpoint")
    assert f"svc/nobody.{NAMESPACE} selects no pods" in one["what"]
    assert one["source"] == f"deploy/{CALLER}.{NAMESPACE}"
    assert one["advice"] == kind.advice


@pytest.mark.timeout(180)
@pytest.mark.parametrize("asked", ["deploy/server", f"deploy/{CALLER}"])
def test_the_application_listens_on_another_port(trouble: Cluster, asked: str) -> None:
    """Said by the called one's proxy, and told from both ends."""
    one = finding(
        trouble, asked, number=errors.CONNECT_REFUSED.number, side="inbound",
        source=f"deploy/{CALLER}.{NAMESPACE}",
    )  # fmt: skip
    requires(one)
    assert one["phase"] == "connecting"
    assert one["destination"] == f"deploy/server.{NAMESPACE}:{SHUT_PORT}"
    assert f"declare port {HTTP_PORT}, not {SHUT_PORT}" in one["what"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("asked", ["deploy/guarded", f"deploy/{CALLER}"])
def test_policy_denies(trouble: Cluster, asked: str) -> None:
    one = finding(
        trouble, asked, side="inbound", phase="authorization", source=f"deploy/{CALLER}.{NAMESPACE}"
    )
    requires(one)
    assert one["number"] in (errors.UNAUTHORIZED.number, errors.UNAUTHORIZED_CONNECTION.number)
    assert one["destination"] == f"deploy/guarded.{NAMESPACE}:{HTTP_PORT}"
    assert "mesh authz" in one["advice"]


@pytest.mark.timeout(180)
def test_a_peer_with_a_certificate_of_another_name(trouble: Cluster) -> None:
    one = finding(trouble, f"deploy/{CALLER}", number=errors.IDENTITY_MISMATCH.number)
    requires(one)
    assert (one["side"], one["phase"]) == ("outbound", "TLS handshake")
    assert one["destination"] == f"deploy/impostor.{NAMESPACE}:{HTTP_PORT}"
    for name in ("default", "another"):
        assert TrustDomain().identity(name, NAMESPACE) in one["what"]


@pytest.mark.timeout(180)
def test_a_peer_with_a_certificate_of_another_trust_domain(trouble: Cluster) -> None:
    one = finding(trouble, f"deploy/{CALLER}", number=errors.TLS_FAILED.number)
    assert one["destination"] == f"deploy/stranger.{NAMESPACE}:{HTTP_PORT}"
    requires(one)
    assert (one["side"], one["phase"]) == ("outbound", "TLS handshake")
    assert "trust anchors" in one["advice"]


@pytest.mark.timeout(180)
def test_a_request_that_takes_too_long(trouble: Cluster) -> None:
    one = finding(trouble, f"deploy/{CALLER}", number=errors.REQUEST_TIMEOUT.number)
    requires(one)
    assert (one["side"], one["phase"]) == ("outbound", "waiting for a response")
    assert one["destination"] == f"svc/slow.{NAMESPACE}:80"


def test_a_workload_that_is_not_meshed(trouble: Cluster) -> None:
    one = finding(trouble, "deploy/plain", side="mesh")
    assert "not meshed" in one["sentence"]
    assert labels.INJECT_DISABLED in one["what"]
    assert "mesh inject" in one["advice"]


def test_nothing_is_wrong(trouble: Cluster) -> None:
    code, said = why(trouble, "deploy/quiet")
    assert (code, said["findings"]) == (0, [])
    (pod,) = said["pods"]
    assert pod["meshed"]
    assert pod["proxyReady"]
    assert pod["certificateExpires"]


def test_people_read_a_paragraph(trouble: Cluster) -> None:
    wanted = f"svc/nobody.{NAMESPACE}:80"
    finding(trouble, f"deploy/{CALLER}", number=errors.FAILFAST.number, destination=wanted)
    code, said = trouble.try_mesh("diagnostics", "why", f"deploy/{CALLER}", "-n", NAMESPACE)
    print(said)
    assert code == 1
    assert f"× deploy/{CALLER}.{NAMESPACE} to {wanted}" in said
    assert f"    Do: {errors.FAILFAST.advice}" in said


@pytest.mark.timeout(240)
def test_a_proxy_gets_no_certificate_because_identity_is_down(trouble: Cluster) -> None:
    with outages.down(trouble, IDENTITY_COMPONENT), _starting(trouble, "late-one"):
        one = finding(trouble, "deploy/late-one", side="identity")
    assert one["phase"] == "certificate"
    assert "no certificate and lets nothing through" in one["what"]
    assert "The identity service in namespace weft has no pods" in one["what"]
    assert "mesh check" in one["advice"]


@pytest.mark.timeout(300)
def test_a_proxy_gets_no_certificate_because_the_issuer_has_expired(trouble: Cluster) -> None:
    """An identity service that starts with it signs nothing; one that runs keeps the one it has."""
    with outages.expired_issuer(trouble):
        with outages.down(trouble, IDENTITY_COMPONENT, ready_again=False):
            pass
        with _starting(trouble, "late-two"):
            one = finding(trouble, "deploy/late-two", side="identity", error="certificate-unavailable")  # fmt: skip
        assert one["number"] == errors.CERTIFICATE_UNAVAILABLE.number
        assert "expired" in one["what"]
    pods.await_rollout(trouble, CONTROL_PLANE_NAMESPACE, IDENTITY_COMPONENT)


@contextmanager
def _starting(cluster: Cluster, name: str) -> Iterator[None]:
    """A deployment whose pods cannot become ready; gone after the block."""
    cluster.apply(workloads.http_server(name))
    try:
        yield
    finally:
        cluster.kubectl("delete", f"deploy/{name}", "-n", NAMESPACE)
