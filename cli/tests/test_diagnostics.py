"""`mesh diagnostics`: what the destination service and the admin ports say, as people type it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cli.cluster import admin_ports, client, destination
from cli.cluster.admin_ports import AdminPort, Answered, controller_ports, proxy_port
from cli.cluster.errors import ClusterError
from cli.cluster.workloads import pods_of
from cli.commands.diagnostics import metrics, policy
from cli.commands.diagnostics.messages import as_json
from cli.diagnosis import gather
from cli.tests.fake_cluster import FakeCluster, meshed_pod
from cli.tests.golden import compare_text
from cli.tests.run_mesh import mesh
from testkit.control_plane import ControlPlane
from weftapi.proxy import destination_pb2, inbound_pb2, net_pb2, outbound_pb2

WEB = "web-svc.emojivoto.svc.cluster.local:80"


def address(last: int) -> net_pb2.TcpAddress:
    return net_pb2.TcpAddress(ip=net_pb2.IPAddress(ipv4=(10 << 24) + last), port=8080)


def endpoint(last: int, pod: str) -> destination_pb2.WeightedAddr:
    made = destination_pb2.WeightedAddr(
        addr=address(last), weight=10_000, metric_labels={"pod": pod, "deployment": "web"}
    )
    made.tls_identity.dns_like_identity.name = "web.emojivoto.example"
    made.protocol_hint.h2.SetInParent()
    return made


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as started:
        added = destination_pb2.WeightedAddrSet(
            addrs=[endpoint(2, "web-b"), endpoint(1, "web-a")],
            metric_labels={"service": "web-svc", "namespace": "emojivoto"},
        )
        started.endpoints(WEB).show(destination_pb2.Update(add=added))
        started.endpoints("empty:80").show(
            destination_pb2.Update(no_endpoints=destination_pb2.NoEndpoints(exists=True))
        )
        yield started


def ask(plane: ControlPlane, *arguments: str) -> Any:
    return mesh("diagnostics", *arguments, "--api-addr", plane.address)


@pytest.mark.parametrize("width", [80, 160])
def test_endpoints_as_a_table(plane: ControlPlane, width: int) -> None:
    found = mesh("diagnostics", "endpoints", WEB, "--api-addr", plane.address, env={"COLUMNS": str(width)})  # fmt: skip
    assert found.code == 0
    compare_text("endpoints", found.out)


def test_endpoints_as_json(plane: ControlPlane) -> None:
    found = ask(plane, "ep", "-o", "json", WEB)
    compare_text("endpoints-json", found.out)


def test_an_endpoint_that_is_no_pod(plane: ControlPlane) -> None:
    machine = destination_pb2.WeightedAddr(addr=address(9))
    machine.metric_labels["external_workload"] = "vm-1"
    added = destination_pb2.WeightedAddrSet(addrs=[machine])
    plane.endpoints("machines:80").show(destination_pb2.Update(add=added))
    assert "externalworkload/vm-1" in ask(plane, "endpoints", "machines:80").out
    (row,) = json.loads(ask(plane, "endpoints", "-o", "json", "machines:80").out)
    assert (row["pod"], row["labels"]) == ("", {"external_workload": "vm-1"})


def test_no_endpoints(plane: ControlPlane) -> None:
    found = ask(plane, "endpoints", "empty:80")
    assert (found.code, found.out, found.err) == (0, "", "No endpoints found.\n")
    assert json.loads(ask(plane, "endpoints", "-o", "json", "empty:80").out) == []


def test_a_refusal_is_a_sentence(plane: ControlPlane) -> None:
    import grpc

    plane.endpoints("none:80").refuse(grpc.StatusCode.NOT_FOUND, "there is no Service none")
    found = ask(plane, "endpoints", "none:80")
    assert found.code == 1
    assert found.err.startswith("Error: Destination API error: NOT_FOUND: there is no Service none")


def test_nobody_answers() -> None:
    found = mesh("diagnostics", "endpoints", WEB, "--api-addr", "127.0.0.1:1")
    assert found.code == 1
    assert "the destination service does not answer" in found.err
    assert "mesh check" in found.err


def test_a_profile_shows_addresses_people_can_read(plane: ControlPlane) -> None:
    profile = destination_pb2.DestinationProfile(
        fully_qualified_name="web-svc.emojivoto.svc.cluster.local", endpoint=endpoint(1, "web-a")
    )
    plane.profile("10.0.0.1:8080").show(profile)
    found = json.loads(ask(plane, "profile", "10.0.0.1:8080").out)
    assert found["fully_qualified_name"] == "web-svc.emojivoto.svc.cluster.local"
    assert found["endpoint"]["addr"] == {"ip": "10.0.0.1", "port": 8080}


def test_ipv6_addresses() -> None:
    message = net_pb2.TcpAddress(
        ip=net_pb2.IPAddress(ipv6=net_pb2.IPv6(first=0xFD00 << 48, last=1)), port=80
    )
    assert as_json(message) == {"ip": "fd00::1", "port": 80}


def test_the_policy_of_a_workload_and_of_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Api:
        def inbound_policy(self, request: Any) -> Any:
            asked.append(request)
            return inbound_pb2.Server(labels={"name": "all"})

        def outbound_policy(self, request: Any) -> Any:
            asked.append(request)
            return outbound_pb2.OutboundPolicy()

    @contextmanager
    def connected(*_: object) -> Iterator[Api]:
        yield Api()

    monkeypatch.setattr(destination, "connect_destination", connected)
    monkeypatch.setattr(policy, "cluster_domain", lambda chosen: "example.org")
    found = mesh("diagnostics", "policy", "-n", "emojivoto", "po/web-a", "8080", "-o", "json")
    assert json.loads(found.out) == {"labels": {"name": "all"}}
    assert json.loads(asked[0].workload) == {"ns": "emojivoto", "pod": "web-a"}
    assert asked[0].port == 8080
    assert mesh("diagnostics", "policy", "-n", "emojivoto", "externalworkload/vm-1", "80").code == 0
    assert json.loads(asked[1].workload) == {"ns": "emojivoto", "external_workload": "vm-1"}
    assert mesh("diagnostics", "policy", "-n", "emojivoto", "svc/web-svc", "80").code == 0
    request = asked[2]
    assert request.authority == "web-svc.emojivoto.svc.example.org:80"
    assert request.source_workload == "default:diagnostics"


@pytest.mark.parametrize(
    "arguments",
    [["policy", "deploy/web", "80"], ["policy", "po/web", "0"], ["endpoints"], ["why", "deploy/web", "--since", "0"], ["why", "deploy/web", "--since", "soon"]],
)  # fmt: skip
def test_wrong_usage(arguments: list[str]) -> None:
    assert mesh("diagnostics", *arguments).code == 2


def test_a_mistyped_command_is_suggested() -> None:
    found = mesh("diagnostics", "endpoint")
    assert found.code == 2
    assert "endpoints" in found.err


# --- admin ports --------------------------------------------------------------------------------


def pod(name: str = "web-1") -> dict[str, Any]:
    made = meshed_pod(name, "1")
    made["spec"]["initContainers"][0]["ports"] = [{"name": "linkerd-admin", "containerPort": 4191}]
    return made


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    made = FakeCluster()
    monkeypatch.setattr(client, "connect", lambda chosen: made)
    return made


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[int, bytes]]) -> None:
    """What each path answers, of every pod or of one (`web-1/errors`); others cannot be reached."""

    def ask(cluster: object, port: AdminPort, path: str, seconds: float) -> Answered:
        found = answers.get(port.pod + path) or answers.get(path)
        return Answered(port, *found) if found else Answered(port, problem="connection refused")

    monkeypatch.setattr(admin_ports, "ask", ask)


SERIES = b'response_total{direction="outbound",authority="web:80",dst_pod="web-1"} 3\n'


def test_metrics_of_proxies(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.put(pod("web-1"))
    answering(monkeypatch, {"/metrics": (200, SERIES)})
    found = mesh("metrics", "po/web-1", "-n", "shop")
    assert found.out == "#\n# POD web-1 (1 of 1)\n#\n" + SERIES.decode()
    hidden = mesh("diagnostics", "proxy-metrics", "po/web-1", "-n", "shop", "--obfuscate").out
    assert 'response_total{direction="outbound",authority="' in hidden
    assert "web" not in hidden, "neither in labels nor above them"


def test_metrics_of_a_proxy_that_does_not_answer(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.put(pod("web-1"))
    answering(monkeypatch, {})
    found = mesh("metrics", "po/web-1", "-n", "shop")
    assert (found.code, "# ERROR connection refused" in found.out) == (1, True)


def test_metrics_of_what_has_no_proxy_or_no_pods(cluster: FakeCluster) -> None:
    cluster.put(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain", "namespace": "shop"}}
    )
    found = mesh("metrics", "po/plain", "-n", "shop")
    assert (found.code, "has a proxy" in found.err) == (1, True)
    found = mesh("metrics", "deploy/none", "-n", "shop")
    assert "deployment/none in namespace shop has no pods, or does not exist" in found.err


def test_metrics_of_the_control_plane(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pod("weft-web-1")
    made["metadata"]["namespace"] = "weft"
    made["metadata"]["labels"]["linkerd.io/control-plane-component"] = "web"
    made["spec"]["containers"][0]["ports"] = [{"name": "web-admin", "containerPort": 9990}]
    assert [one.port for one in controller_ports(made)] == [9990]
    answering(monkeypatch, {"/metrics": (200, b"up 1")})
    monkeypatch.setattr(cluster, "_below", lambda *_: [made])
    found = mesh("diagnostics", "cp-metrics")
    assert found.out == "#\n# POD weft-web-1 (1 of 1)\n# CONTAINER web\n#\nup 1\n"


def test_hashes_of_equal_values_are_equal() -> None:
    text = 'a{authority="x"} 1\nb{authority="x",client_id="y\\"z"} 1\n'
    hidden = metrics.obfuscated(text)
    assert hidden.count(hidden.split('"')[1]) == 2
    assert "z" not in hidden


def test_labels_that_nobody_has_thought_of_are_hidden() -> None:
    text = '# HELP a of which b="c"\na_bucket{dst_new="shop",tls="true",sni="",le="0.5"} 1\n'
    hidden = metrics.obfuscated(text)
    assert "shop" not in metrics.obfuscated('a{rt_route="x\u2028#shop"} 1\n')
    assert hidden == text.replace("shop", metrics._hash("shop"))


def test_pods_of_a_deployment_belong_to_its_replica_sets(cluster: FakeCluster) -> None:
    def owned(made: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
        made["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "controller": True}]
        return made

    rs = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-5f", "namespace": "shop"}}  # fmt: skip
    cluster.put(owned(rs, "Deployment", "web"))
    cluster.put(owned(pod("web-5f-b"), "ReplicaSet", "web-5f"))
    cluster.put(owned(pod("web-5f-a"), "ReplicaSet", "web-5f"))
    cluster.put(owned(pod("other"), "ReplicaSet", "other-7"))
    found = pods_of(cluster, "shop", "deployment", "web")
    assert [one["metadata"]["name"] for one in found] == ["web-5f-a", "web-5f-b"]
    with pytest.raises(ClusterError):
        pods_of(cluster, "shop", "deployment", "webs")


# --- why ----------------------------------------------------------------------------------------

ERRORS: list[dict[str, Any]] = [
    {"time": "2999-01-01T00:00:00.000Z", "side": "outbound", "peer": "10.96.0.7:80", "route": "default",
     "endpoint": "", "number": 3001, "error": "failfast", "cause": "service in fail-fast"},
    {"not": "an error"},
]  # fmt: skip


def test_why_reads_the_proxies_and_ends_with_1(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.put(pod("web-1"))
    counted = b"control_identity_cert_expiration_timestamp_seconds 32503680000\n"
    answering(monkeypatch, {"/ready": (200, b"ready"), "/errors": (200, json.dumps(ERRORS).encode()), "/metrics": (200, counted)})  # fmt: skip
    found = mesh("diagnostics", "why", "web-1", "-n", "shop", "-o", "json")
    said = json.loads(found.out)
    assert found.code == 1
    assert [one["number"] for one in said["findings"]] == [3001]
    assert said["pods"][0]["proxyReady"] is True


def test_why_is_content_and_ends_with_0(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.put(pod("web-1"))
    counted = b"control_identity_cert_expiration_timestamp_seconds 32503680000\n"
    answering(monkeypatch, {"/ready": (200, b"ready"), "/errors": (200, b"[]"), "/metrics": (200, counted)})  # fmt: skip
    found = mesh("diagnostics", "why", "po/web-1", "-n", "shop", "--since", "1h30m")
    assert (found.code, found.out) == (0, "pod/web-1 in namespace shop: 1 pod, 1 meshed. No failure in the last 1h30m.\n")  # fmt: skip


def test_a_workload_is_named_by_its_deployment() -> None:
    made = pod("web-5f7c9d-x2x5k")
    made["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web-5f7c9d", "controller": True}]  # fmt: skip
    made["metadata"]["labels"]["pod-template-hash"] = "5f7c9d"
    assert gather.workload_of(made) == "deploy/web"
    assert proxy_port(made) == AdminPort("shop", "web-5f7c9d-x2x5k", "linkerd-proxy", 4191)


def test_why_asks_the_pods_on_the_other_side(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, caller, far, unrelated = pod("web-1"), pod("caller"), pod("far"), pod("unrelated")
    ours["status"]["podIP"] = "10.244.0.7"
    far["metadata"]["namespace"] = unrelated["metadata"]["namespace"] = "elsewhere"
    far["spec"]["serviceAccountName"] = "robot"
    for one in (ours, caller, far, unrelated):
        cluster.put(one)
    told = [{**ERRORS[0], "peer": "10.96.0.9:80", "endpoint": "10.244.0.7:8080", "number": 2003, "error": "connection-lost"}]  # fmt: skip
    told_far = [{**told[0], "number": 2001, "error": "connect-refused"}]
    counted = (
        b"control_identity_cert_expiration_timestamp_seconds 32503680000\n"
        b'response_total{direction="inbound",client_id="robot.elsewhere.serviceaccount.identity.weft.cluster.local"} 1\n'
    )
    answering(
        monkeypatch,
        {
            "/ready": (200, b"ready"),
            "/metrics": (200, counted),
            "web-1/errors": (200, b"[]"),
            "caller/errors": (200, json.dumps(told).encode()),
            "far/errors": (200, json.dumps(told_far).encode()),
            "unrelated/errors": (200, json.dumps([{**told[0], "number": 2002}]).encode()),
        },
    )
    said = json.loads(mesh("diagnostics", "why", "web-1", "-n", "shop", "-o", "json").out)
    found = {one["number"]: one["pods"] for one in said["findings"]}
    assert found == {2001: ["elsewhere/far"], 2003: ["shop/caller"]}


def test_pods_that_are_ending_are_not_asked(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = pod("web-1")
    ending["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:00Z"
    cluster.put(ending)
    answering(monkeypatch, {})
    found = mesh("diagnostics", "why", "web-1", "-n", "shop")
    assert "pod/web-1 in namespace shop has no pods" in found.err
