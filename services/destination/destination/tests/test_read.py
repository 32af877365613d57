"""Kubernetes objects as values: what is kept, and what people write wrongly."""

import logging

import pytest

from destination import read
from destination.model import Probe, ProxyPorts, ServicePort
from destination.tests.cluster import endpoint, endpoint_slice, node, pod, service
from kit.kube.objects import Key, Object
from weft.labels import (
    DEFAULT_INBOUND_POLICY,
    OPAQUE_PORTS,
    REMOTE_GATEWAY_IDENTITY,
    REMOTE_SERVICE,
    SKIP_INBOUND_PORTS,
)


def test_a_service() -> None:
    made = read.service(
        service(
            ports={"http": 80, "db": 5432},
            annotations={OPAQUE_PORTS: "db,90-91", "retry.linkerd.io/http": "5xx", "other": "x"},
            clusterIPs=["10.96.0.1", "FD00::1"],
            internalTrafficPolicy="Local",
        )
    )
    assert made.key == Key("ns", "web")
    assert made.cluster_ips == ("10.96.0.1", "fd00::1")
    assert made.ports == (ServicePort("http", 80), ServicePort("db", 5432))
    assert made.opaque_ports is not None
    assert list(made.opaque_ports) == [5432, 90, 91]
    assert made.local_traffic
    assert made.annotations == {"retry.linkerd.io/http": "5xx"}


def test_headless_external_and_udp() -> None:
    assert read.service(service(ip=None)).cluster_ips == ()
    assert read.service(service(type="ExternalName")).external_name
    obj = service()
    obj["spec"]["ports"].append({"port": 53, "protocol": "UDP"})
    assert [one.port for one in read.service(obj).ports] == [80]
    assert read.service({"metadata": {"name": "x"}, "spec": {}}).ports == ()


def test_an_empty_opaque_list_is_not_an_absent_one() -> None:
    assert read.service(service(annotations={OPAQUE_PORTS: ""})).opaque_ports is not None
    assert read.service(service()).opaque_ports is None


def test_a_bad_entry_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = read.service(service(annotations={OPAQUE_PORTS: "80, nonsense, 9-1, 90000, 81"}))
    assert made.opaque_ports is not None
    assert list(made.opaque_ports) == [80, 81]
    assert len(caplog.records) == 3
    assert all("annotation" in record.message for record in caplog.records)


def test_a_slice() -> None:
    made = read.endpoint_slice(
        endpoint_slice(
            endpoint("10.244.0.1", "web-1", hostname="web-1", zone="east"),
            endpoint("10.244.0.2", conditions={"ready": False}),
            endpoint("10.244.0.3", conditions={}, hints={"forZones": [{"name": "west"}]}),
            {"addresses": []},
        )
    )
    assert made is not None
    assert made.service == Key("ns", "web")
    first, second, third = made.endpoints
    assert (first.pod, first.hostname, first.zone, first.ready) == (
        Key("ns", "web-1"),
        "web-1",
        "east",
        True,
    )
    assert not second.ready
    assert second.pod is None
    assert third.ready, "absent means ready"
    assert third.hint_zones == ("west",)


@pytest.mark.parametrize("annotation", [REMOTE_SERVICE, REMOTE_GATEWAY_IDENTITY])
def test_names_in_another_cluster_are_names(annotation: str) -> None:
    made = read.endpoint_slice(
        endpoint_slice(endpoint("10.9.9.9"), annotations={annotation: "Web.NS.svc.east.example."})
    )
    assert made is not None
    said = made.endpoints[0].elsewhere
    assert said is not None
    assert said.service + said.gateway == "web.ns.svc.east.example"
    wrong = endpoint_slice(endpoint("10.9.9.9"), annotations={annotation: "web ns:80"})
    with pytest.raises(ValueError, match=f"annotation {annotation}: 'web ns:80' is not a DNS name"):
        read.endpoint_slice(wrong)


def test_slices_of_no_service_or_of_names_are_no_concern() -> None:
    orphan = endpoint_slice()
    orphan["metadata"]["labels"] = {}
    assert read.endpoint_slice(orphan) is None
    assert read.endpoint_slice(endpoint_slice(family="FQDN")) is None


@pytest.mark.parametrize(
    ("owner", "template", "expected"),
    [
        (("ReplicaSet", "web-5d4"), "5d4", ("deployment", "web")),
        (("ReplicaSet", "web-of-5d4-x"), "5d4", ("replicaset", "web-of-5d4-x")),
        (("ReplicaSet", "alone"), "", ("replicaset", "alone")),
        (("StatefulSet", "db"), "", ("statefulset", "db")),
        (("DaemonSet", "agent"), "", ("daemonset", "agent")),
        (("Job", "once"), "", ("job", "once")),
        (None, "", None),
    ],
)
def test_owners(
    owner: tuple[str, str] | None, template: str, expected: tuple[str, str] | None
) -> None:
    labels = {"pod-template-hash": template} if template else {}
    made = read.pod(pod(owner=owner, labels=labels))
    assert made is not None
    assert made.owner == expected


def test_a_reference_that_does_not_control_is_no_owner() -> None:
    obj = pod(owner=("ReplicaSet", "web"))
    obj["metadata"]["ownerReferences"][0]["controller"] = False
    made = read.pod(obj)
    assert made is not None
    assert made.owner is None


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_is_over_has_no_address(phase: str) -> None:
    assert read.pod(pod(phase=phase)) is None


def test_ports_probes_and_proxy() -> None:
    app: Object = {
        "name": "app",
        "ports": [
            {"name": "http", "containerPort": 8080, "hostPort": 80},
            {"name": "http", "containerPort": 8081},
            {"containerPort": 9},
        ],
        "livenessProbe": {"httpGet": {"port": "http", "path": "/live?deep=1"}},
        "readinessProbe": {"httpGet": {"port": 8080}},
        "startupProbe": {"tcpSocket": {"port": 8080}},
    }
    proxy: Object = {
        "name": "linkerd-proxy",
        "restartPolicy": "Always",
        "env": [
            {"name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": "0.0.0.0:5143"},
            {"name": "LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "valueFrom": {}},
            {"name": "LINKERD2_PROXY_CONTROL_LISTEN_ADDR", "value": "0.0.0.0:99999999999"},
        ],
    }
    init: Object = {"name": "init", "ports": [{"name": "http", "containerPort": 1}]}
    made = read.pod(pod(containers=[app], initContainers=[init, proxy]))
    assert made is not None
    assert made.numbers("http") == (8080, 8081)
    assert made.numbers("none") == ()
    assert made.numbers(7) == (7,)
    assert made.host_ports == ((80, 8080),)
    assert made.probes == (Probe(8080, "/live"), Probe(8081, "/live"), Probe(8080, "/"))
    assert made.proxy == ProxyPorts(5143, 4191, 4190)


def test_annotations_of_a_pod(caplog: pytest.LogCaptureFixture) -> None:
    made = read.pod(
        pod(annotations={SKIP_INBOUND_PORTS: "25,100-101", DEFAULT_INBOUND_POLICY: "deny"})
    )
    assert made is not None
    assert list(made.skip_inbound_ports) == [25, 100, 101]
    assert made.default_policy == "deny"
    bad = read.pod(pod(annotations={DEFAULT_INBOUND_POLICY: "open"}))
    assert bad is not None
    assert bad.default_policy == ""
    assert "annotation" in caplog.text


def test_a_status_that_does_not_matter_is_no_change() -> None:
    one, two = pod(), pod()
    two["status"]["conditions"] = [{"type": "Ready", "lastProbeTime": "now"}]
    two["metadata"]["resourceVersion"] = "9"
    assert read.pod(one) == read.pod(two)


def test_nodes() -> None:
    assert read.node(node("a", "east")).zone == "east"
    assert read.node(node("a", "")).zone == ""
    assert read.node({"metadata": {"name": "a", "labels": None}}).zone == ""
