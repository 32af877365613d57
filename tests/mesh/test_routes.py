"""Routes as users write them: what they do to traffic, and what their status says of them."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.mesh import gateway_api, pods, scrape
from tests.mesh.answering import pod as answering
from tests.mesh.answering.pod import NOTICED
from tests.mesh.applying import applied, policy
from tests.mesh.workloads import HTTP_PORT, NAMESPACE
from weft import labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster, Json

OUTSIDE = "203.0.113.7"
"""An address of no network (RFC 5737)."""


@pytest.fixture(scope="module")
def mesh(installed: Cluster) -> Iterator[Cluster]:
    """Three applications and three who ask, one of them in ingress mode; the Gateway API is installed after the mesh."""
    applications = {"blue": False, "green": False, "flaky": True}
    askers = ("caller", "stranger")
    objects = [
        answering.code(),
        *(
            one
            for name, flaky in applications.items()
            for one in answering.application(name, flaky=flaky)
        ),
        *(one for name in askers for one in answering.asker(name)),
        *answering.asker("door", {labels.INJECT: labels.INJECT_INGRESS}),
    ]
    installed.apply(*objects)
    for name in (*applications, *askers, "door"):
        pods.await_rollout(installed, NAMESPACE, name)
    ours = gateway_api.install(installed)
    yield installed
    for one in objects:
        installed.kubectl("delete", one["kind"], one["metadata"]["name"], "-n", NAMESPACE)
    if ours:
        gateway_api.uninstall(installed)


def gateway(kind: str, name: str, parent: Json, *rules: Json, **annotations: str) -> Json:
    return {
        "apiVersion": f"gateway.networking.k8s.io/{gateway_api.KINDS[kind]}",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "annotations": {key.replace("__", "/"): value for key, value in annotations.items()},
        },
        "spec": {"parentRefs": [parent], "rules": list(rules)},
    }


def of_service(name: str, port: int = 80) -> Json:
    return {"group": "core", "kind": "Service", "name": name, "port": port}


def to(**weights: int) -> Json:
    return {
        "backendRefs": [
            {"name": name, "port": 80, "weight": weight} for name, weight in weights.items()
        ]
    }


def conditions(cluster: Cluster, one: Json) -> dict[str, tuple[str, str]]:
    """(reason, message) by type of condition; empty while nothing is said."""
    kind = f"{one['kind']}.{one['apiVersion'].partition('/')[0]}"
    status = cluster.read(kind, one["metadata"]["name"], "-n", NAMESPACE).get("status", {})
    entries: list[Any] = [status, *status.get("parents", [])]
    return {
        each["type"]: (each["reason"], each["message"])
        for entry in entries
        for each in entry.get("conditions", [])
    }


def await_reasons(cluster: Cluster, one: Json, **reasons: str) -> None:
    """Returns when the status says so."""
    cluster.terminal.wait_until(
        f"the status of {one['metadata']['name']} says {reasons}",
        lambda: {kind: why for kind, (why, _) in conditions(cluster, one).items()} == reasons,
        seconds=NOTICED,
    )


@pytest.mark.timeout(120)
def test_traffic_is_split_by_weight(mesh: Cluster) -> None:
    url = "http://blue/"
    all_green = gateway("HTTPRoute", "split", of_service("blue"), to(blue=0, green=1))
    with applied(mesh, all_green):
        await_reasons(mesh, all_green, Accepted="Accepted", ResolvedRefs="ResolvedRefs")
        answering.await_answer(
            mesh, "all goes to green", lambda one: one.said == "green", "http", url
        )
        assert Counter(one.said for one in answering.ask(mesh, "caller", "http", url, 20)) == {
            "green": 20
        }
        half = gateway("HTTPRoute", "split", of_service("blue"), to(blue=1, green=1))
        mesh.apply(half)
        answering.await_answer(
            mesh, "some goes to blue", lambda one: one.said == "blue", "http", url
        )
        shares = Counter(one.said for one in answering.ask(mesh, "caller", "http", url, 200))
        print(f"of 200 requests: {dict(shares)}")
        assert shares.keys() == {"blue", "green"}
        assert min(shares.values()) > 60
    seen = scrape.proxy(mesh, NAMESPACE, pods.only(mesh, NAMESPACE, "app=caller").name)
    for backend in ("blue", "green"):
        assert (
            seen.total(
                "outbound_http_route_backend_requests_total",
                parent_name="blue",
                route_kind="HTTPRoute",
                route_name="split",
                backend_name=backend,
            )
            > 20
        )


@pytest.mark.timeout(120)
def test_a_header_chooses_the_backend(mesh: Cluster) -> None:
    wanted = {"headers": [{"name": "x-colour", "value": "green"}]}
    rules = ({"matches": [wanted], **to(green=1)}, to(blue=1))
    with applied(mesh, gateway("HTTPRoute", "colour", of_service("blue"), *rules)):
        question = "http", "http://blue/"
        answering.await_answer(
            mesh,
            "green by header",
            lambda one: one.said == "green",
            *question,
            header="x-colour=green",
        )
        plain = answering.ask(mesh, "caller", *question, 10)
        green = answering.ask(mesh, "caller", *question, 10, header="x-colour=green")
        assert {one.said for one in plain} == {"blue"}
        assert {one.said for one in green} == {"green"}


@pytest.mark.timeout(60)
def test_in_ingress_mode_a_request_says_where_it_goes(mesh: Cluster) -> None:
    """As an ingress controller asks: a pod's address, and the name of a Service beside it."""
    blue = pods.only(mesh, NAMESPACE, "app=blue")
    question = "http", f"http://{blue.ip}:{HTTP_PORT}/"
    override = f"l5d-dst-override=green.{NAMESPACE}.svc.cluster.local:80"
    named = answering.ask(mesh, "door", *question, 10, header=override)
    assert {one.said for one in named} == {"green"}
    assert {one.said for one in answering.ask(mesh, "door", *question, 10)} == {"blue"}
    elsewhere = answering.ask(mesh, "caller", *question, 10, header=override)
    assert {one.said for one in elsewhere} == {"blue"}
    door = pods.only(mesh, NAMESPACE, "app=door").name
    assert (
        scrape.proxy(mesh, NAMESPACE, door).total("response_total", dst_service="green", tls="true")
        == 10
    )


@pytest.mark.timeout(120)
def test_retries_of_a_grpc_route_hide_a_flaky_pod(mesh: Cluster) -> None:
    question = "grpc", "flaky:8081"
    before = Counter(one.status for one in answering.ask(mesh, "caller", *question, 40))
    notes = {"retry.linkerd.io__grpc": "unavailable", "retry.linkerd.io__limit": "1"}
    route = gateway("GRPCRoute", "patient", of_service("flaky", 8081), {}, **notes)
    with applied(mesh, route):
        await_reasons(mesh, route, Accepted="Accepted", ResolvedRefs="ResolvedRefs")
        mesh.terminal.wait_until(
            "calls are tried again", lambda: _tries_again(mesh, *question), seconds=NOTICED
        )
        after = Counter(one.status for one in answering.ask(mesh, "caller", *question, 40))
    print(f"without the route {dict(before)}, with it {dict(after)}")
    assert before == {"OK": 20, "UNAVAILABLE": 20}
    assert after == {"OK": 40}


def _tries_again(mesh: Cluster, kind: str, target: str) -> bool:
    """Whether of two calls, one of which fails, some proxy's retry was counted."""
    answering.ask(mesh, "caller", kind, target, 2)
    caller = pods.only(mesh, NAMESPACE, "app=caller").name
    seen = scrape.proxy(mesh, NAMESPACE, caller)
    return seen.total("outbound_grpc_route_retry_requests_total", route_name="patient") > 0


@pytest.mark.timeout(120)
def test_a_time_out(mesh: Cluster) -> None:
    slow = {"path": {"type": "PathPrefix", "value": "/slow"}}
    hasty: Json = {"matches": [slow], "timeouts": {"request": "300ms"}}
    (patient,) = answering.ask(mesh, "caller", "http", "http://blue/slow")
    assert (patient.status, patient.said) == (200, "blue")
    with applied(mesh, gateway("HTTPRoute", "hasty", of_service("blue"), hasty, {})):
        answering.await_answer(
            mesh, "slow answers time out", lambda one: one.status == 504, "http", "http://blue/slow"
        )
        (late,) = answering.ask(mesh, "caller", "http", "http://blue/slow")
        assert late.error.startswith("request timed out")
        (quick,) = answering.ask(mesh, "caller", "http", "http://blue/")
        assert (quick.status, quick.said) == (200, "blue")


@pytest.mark.timeout(120)
def test_a_service_profile_splits_and_limits(mesh: Cluster) -> None:
    profile = {
        "apiVersion": "linkerd.io/v1alpha2",
        "kind": "ServiceProfile",
        "metadata": {"name": f"blue.{NAMESPACE}.svc.cluster.local", "namespace": NAMESPACE},
        "spec": {
            "dstOverrides": [
                {"authority": f"green.{NAMESPACE}.svc.cluster.local:80", "weight": "1000m"}
            ],
            "routes": [
                {
                    "name": "GET /slow",
                    "condition": {"method": "GET", "pathRegex": "/slow"},
                    "timeout": "300ms",
                }
            ],
        },
    }
    with applied(mesh, profile):
        question = "http", "http://blue/"
        answering.await_answer(
            mesh, "all goes to green", lambda one: one.said == "green", *question
        )
        (late,) = answering.ask(mesh, "caller", "http", "http://blue/slow")
        assert late.status == 504
        counted = scrape.proxy(mesh, NAMESPACE, pods.only(mesh, NAMESPACE, "app=caller").name)
        assert counted.total("route_response_total", rt_route="GET /slow", status_code="504") == 1
    answering.await_answer(
        mesh, "all goes to blue again", lambda one: one.said == "blue", *question
    )


@pytest.mark.timeout(120)
def test_an_inbound_route_is_for_one_identity(mesh: Cluster) -> None:
    server = policy(
        "Server",
        "v1beta3",
        "green-http",
        podSelector={"matchLabels": {"app": "green"}},
        port="http",
        proxyProtocol="HTTP/1",
    )
    parent = {"group": "policy.linkerd.io", "kind": "Server", "name": "green-http"}
    path = {"path": {"type": "PathPrefix", "value": "/open"}}
    route = policy("HTTPRoute", "v1beta3", "open", parentRefs=[parent], rules=[{"matches": [path]}])
    may = policy(
        "AuthorizationPolicy",
        "v1alpha1",
        "caller-may",
        targetRef={"group": "policy.linkerd.io", "kind": "HTTPRoute", "name": "open"},
        requiredAuthenticationRefs=[{"kind": "ServiceAccount", "name": "caller"}],
    )
    with applied(mesh, server, route, may):
        await_reasons(mesh, route, Accepted="Accepted")
        url = "http://green/open"
        answering.await_answer(
            mesh,
            "strangers are refused",
            lambda one: one.status == 403,
            "http",
            url,
            who="stranger",
        )
        answering.await_answer(
            mesh, "the caller is let in", lambda one: one.status == 200, "http", url
        )
        (refused,) = answering.ask(mesh, "stranger", "http", url)
        assert refused.error.startswith("unauthorized request on route")
        (elsewhere,) = answering.ask(mesh, "caller", "http", "http://green/else")
        assert elsewhere.status == 404
    answering.await_answer(
        mesh, "all are let in again", lambda one: one.status == 200, "http", url, who="stranger"
    )


@pytest.mark.timeout(120)
def test_calls_on_an_inbound_grpc_route_are_counted_by_it(mesh: Cluster) -> None:
    green = {"matchLabels": {"app": "green"}}
    server = policy(
        "Server", "v1beta3", "green-grpc", podSelector=green, port=8081, proxyProtocol="gRPC"
    )
    parent = {"group": "policy.linkerd.io", "kind": "Server", "name": "green-grpc"}
    say = gateway("GRPCRoute", "say", parent, {"matches": [{"method": {"method": "Say"}}]})
    may = policy(
        "AuthorizationPolicy",
        "v1alpha1",
        "caller-may-say",
        targetRef=parent,
        requiredAuthenticationRefs=[{"kind": "ServiceAccount", "name": "caller"}],
    )
    question = "grpc", f"green:{answering.GRPC_PORT}"

    def counted() -> bool:
        for who in ("caller", "stranger"):
            answering.ask(mesh, who, *question)
        found = json.loads(mesh.mesh("stat", "grpcroutes", "-n", NAMESPACE, "-o", "json"))
        rows = {one["name"]: one for one in found}
        return bool("say" in rows and rows["say"]["rps"] and rows["say"]["unauthorized"])

    with applied(mesh, server, say, may):
        await_reasons(mesh, say, Accepted="Accepted")
        mesh.terminal.wait_until("stat has a row of the route", counted, seconds=60)
        print(mesh.mesh("stat", "grpcroute/say", "-n", NAMESPACE))


@pytest.mark.timeout(180)
def test_an_egress_network_denies_but_for_its_routes(mesh: Cluster) -> None:
    if not mesh.pods_are_here:
        pytest.skip(
            "the pods of this cluster run on other hosts, where nobody answers from outside"
        )
    question = "http", f"http://{OUTSIDE}:8123/"
    with outside_server():
        (before,) = answering.ask(mesh, "caller", *question)
        assert before.status == 200
        network = policy("EgressNetwork", "v1alpha1", "out", trafficPolicy="Deny")
        with applied(mesh, network):
            await_reasons(mesh, network, Accepted="Accepted")
            answering.await_answer(
                mesh, "nobody gets out", lambda one: one.status == 403, *question
            )
            parent = {
                "group": "policy.linkerd.io",
                "kind": "EgressNetwork",
                "name": "out",
                "port": 8123,
            }
            path = {"path": {"type": "PathPrefix", "value": "/let"}}
            let = gateway("HTTPRoute", "let", parent, {"matches": [path]})
            with applied(mesh, let):
                answering.await_answer(
                    mesh,
                    "one path gets out",
                    lambda one: one.status in (200, 404),
                    "http",
                    f"{question[1]}let",
                )
                (other,) = answering.ask(mesh, "caller", *question)
                assert other.status == 403
        answering.await_answer(mesh, "all get out again", lambda one: one.status == 200, *question)


@contextmanager
def outside_server() -> Iterator[None]:
    """A plain HTTP server at an address outside the cluster, on this host."""
    address = f"{OUTSIDE}/32"
    subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
    try:
        with tempfile.TemporaryDirectory() as empty:
            command = ["python3", "-m", "http.server", "8123", "--bind", OUTSIDE]
            with subprocess.Popen(
                [*command, "--directory", empty],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as server:
                try:
                    _await_listening(OUTSIDE, 8123)
                    yield
                finally:
                    server.kill()
    finally:
        subprocess.run(["ip", "address", "del", address, "dev", "lo"], check=True)


def _await_listening(ip: str, port: int) -> None:
    """Raises OSError when nobody listens within some seconds."""
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((ip, port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.timeout(120)
def test_what_cannot_be_done_is_said_in_the_status(mesh: Cluster) -> None:
    mirrored = {"filters": [{"type": "RequestMirror", "requestMirror": {}}]}
    bad = gateway("HTTPRoute", "bad", of_service("blue"), mirrored)
    lost = gateway("HTTPRoute", "lost", of_service("blue"), to(nobody=1))
    orphan = gateway("HTTPRoute", "orphan", of_service("nobody"), to(blue=1))
    with applied(mesh, bad, lost, orphan):
        await_reasons(mesh, bad, Accepted="UnsupportedValue", ResolvedRefs="ResolvedRefs")
        await_reasons(mesh, lost, Accepted="Accepted", ResolvedRefs="BackendNotFound")
        await_reasons(mesh, orphan, Accepted="NoMatchingParent", ResolvedRefs="ResolvedRefs")
        assert "RequestMirror" in conditions(mesh, bad)["Accepted"][1]
        assert conditions(mesh, lost)["ResolvedRefs"][1] == "Service not found nobody"
        answering.await_answer(
            mesh, "the lost share fails", lambda one: one.status == 500, "http", "http://blue/"
        )
        (answer,) = answering.ask(mesh, "caller", "http", "http://blue/")
        assert "Service not found nobody" in answer.error
