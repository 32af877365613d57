"""The shape of what is added to a pod."""

from dataclasses import replace

import pytest

from proxy_injector.annotations import apply_annotations
from proxy_injector.defaults import ControlPlane, Tracing
from proxy_injector.environment import proxy_environment, whole_cores
from proxy_injector.pod import Json, inbound_ports
from proxy_injector.sidecar import (
    Owner,
    opaque_among,
    pod_labels,
    redirect_arguments,
    resolve_ports,
    supports_native,
)
from proxy_injector.tests.examples import ANCHORS, MESH, SETTINGS, pod, sidecar
from weft import labels


def environment(container: Json) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container["env"]}


def test_the_proxys_environment_is_linkerds() -> None:
    found = environment(sidecar().proxy)
    proxy = {name.removeprefix("LINKERD2_PROXY_"): value for name, value in found.items()}
    suffix = "serviceaccount.identity.weft.cluster.local"
    expected = {
        "LOG": "warn,[{headers}]=off,[{request}]=off",
        "LOG_FORMAT": "plain",
        "IDENTITY_SVC_ADDR": "weft-identity-headless.weft.svc.cluster.local.:8080",
        "IDENTITY_SVC_NAME": f"weft-identity.weft.{suffix}",
        "DESTINATION_SVC_ADDR": "weft-dst-headless.weft.svc.cluster.local.:8086",
        "DESTINATION_SVC_NAME": f"weft-destination.weft.{suffix}",
        "POLICY_SVC_ADDR": "weft-policy.weft.svc.cluster.local.:8090",
        "POLICY_SVC_NAME": f"weft-destination.weft.{suffix}",
        "POLICY_WORKLOAD": '{"ns":"$(_pod_ns)","pod":"$(_pod_name)"}',
        "DESTINATION_CONTEXT": '{"ns":"$(_pod_ns)","nodeName":"$(_pod_nodeName)","pod":"$(_pod_name)"}',
        "IDENTITY_LOCAL_NAME": f"$(_pod_sa).$(_pod_ns).{suffix}",
        "IDENTITY_TRUST_ANCHORS": ANCHORS,
        "IDENTITY_TOKEN_FILE": "/var/run/secrets/tokens/linkerd-identity-token",
        "INBOUND_LISTEN_ADDR": "0.0.0.0:4143",
        "OUTBOUND_LISTEN_ADDRS": "127.0.0.1:4140",
        "ADMIN_LISTEN_ADDR": "0.0.0.0:4191",
        "INBOUND_PORTS": "3306,8080,9000",
        "INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION": "25,3306",
        "INBOUND_DEFAULT_POLICY": "all-unauthenticated",
        "DESTINATION_PROFILE_SUFFIXES": "svc.cluster.local.",
    }
    assert {name: proxy.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("web", "web"),
        ("a" * 70, "a" * 63),
        ("a" * 62 + "-b", "a" * 62),
        ("a" * 61 + ".-b", "a" * 61),
        ("pi-", "pi"),  # as `mesh inject --manual` takes it from generateName
    ],
)
def test_the_owner_is_a_label_the_api_server_takes(name: str, value: str) -> None:
    found = pod_labels(MESH, "shop", Owner("job", name))
    assert found["linkerd.io/proxy-job"] == value


@pytest.mark.parametrize(
    ("identity", "disabled", "expected"),
    [("", False, None), ("tap.weft", False, "tap.weft"), ("tap.weft", True, None)],
)
def test_who_may_tap(identity: str, disabled: bool, expected: str | None) -> None:
    variables = proxy_environment(
        replace(MESH, tap_identity=identity),
        replace(SETTINGS, disable_tap=disabled),
        ControlPlane.services(MESH),
        inbound_ports="",
        opaque_ports="",
    )
    found = {one["name"]: one.get("value") for one in variables}
    assert found.get("LINKERD2_PROXY_TAP_SVC_NAME") == expected


TRACING = Tracing("collector:4317", "collector.id", "linkerd-proxy", (("team", "a"),))


def test_where_spans_go_and_what_they_say_of_their_pod() -> None:
    off = environment(sidecar().proxy)
    assert not [name for name in off if "TRACE" in name]
    found = environment(sidecar(settings=replace(SETTINGS, tracing=TRACING)).proxy)
    assert found["LINKERD2_PROXY_TRACE_COLLECTOR_SVC_ADDR"] == "collector:4317"
    assert found["LINKERD2_PROXY_TRACE_COLLECTOR_SVC_NAME"] == "collector.id"
    assert found["LINKERD2_PROXY_TRACE_SERVICE_NAME"] == "linkerd-proxy"
    lines = found["LINKERD2_PROXY_TRACE_EXTRA_ATTRIBUTES"].splitlines()
    assert lines[0] == "k8s.pod.name=$(_pod_name)"
    assert lines[-1] == "team=a"
    assert any(line.startswith("k8s.deployment.name=") for line in lines)


def test_variables_come_before_those_that_refer_to_them() -> None:
    names = [one["name"] for one in sidecar().proxy["env"]]
    for variable in sidecar().proxy["env"]:
        text = variable.get("value", "")
        for referred in ("_pod_name", "_pod_ns", "_pod_nodeName", "_pod_sa"):
            if f"$({referred})" in text:
                assert names.index(referred) < names.index(variable["name"])


def test_additional_environment_replaces_in_place_and_adds_at_the_end() -> None:
    extra = (
        '{"name":"LINKERD2_PROXY_LOG","value":"trace"}',
        '{"name":"NEW","value":"1"}',
        '{"name":"NEW","value":"2"}',
    )
    changed = sidecar(replace(SETTINGS, additional_env=extra)).proxy["env"]
    assert [one["name"] for one in changed][:-1] == [one["name"] for one in sidecar().proxy["env"]]
    assert environment({"env": changed})["LINKERD2_PROXY_LOG"] == "trace"
    assert changed[-1] == {"name": "NEW", "value": "2"}


def test_settings_reach_the_environment() -> None:
    changed = replace(
        SETTINGS,
        ingress=True, gateway=True, external_profiles=True, access_log="json", shutdown_grace_period="9s",
        no_inbound_detect_timeout=True, no_outbound_detect_timeout=True, hostname_labels=True,
        require_identity_ports="80", log_http_headers="insecure", cpu_ratio_limit="0.5", pod_inbound_ports="1,2",
    )  # fmt: skip
    found = environment(sidecar(changed).proxy)
    expected = {
        "INGRESS_MODE": "true", "INBOUND_GATEWAY_SUFFIXES": "svc.cluster.local.", "DESTINATION_PROFILE_SUFFIXES": ".",
        "ACCESS_LOG": "json", "SHUTDOWN_GRACE_PERIOD": "9s", "INBOUND_DETECT_TIMEOUT": "365d",
        "OUTBOUND_DETECT_TIMEOUT": "365d", "OUTBOUND_METRICS_HOSTNAME_LABELS": "true",
        "INBOUND_PORTS_REQUIRE_IDENTITY": "80", "LOG": "warn", "CORES_MAX_RATIO": "0.5", "INBOUND_PORTS": "1,2",
    }  # fmt: skip
    assert {name: found.get(f"LINKERD2_PROXY_{name}") for name in expected} == expected


@pytest.mark.parametrize(
    ("annotation", "suffixes"),
    [(None, None), ("false", None), ("true", "svc.cluster.local.")],
)
def test_a_pods_annotation_makes_its_proxy_a_gateway(
    annotation: str | None, suffixes: str | None
) -> None:
    said = {} if annotation is None else {labels.ENABLE_GATEWAY: annotation}
    found = environment(sidecar(apply_annotations(SETTINGS, {}, said)).proxy)
    assert found.get("LINKERD2_PROXY_INBOUND_GATEWAY_SUFFIXES") == suffixes


def test_the_control_planes_own_proxies_ask_their_pod_over_loopback() -> None:
    identity = ControlPlane.seen_from("weft-identity", MESH)
    assert identity.identity == "localhost.:8080"
    assert identity.destination.startswith("weft-dst-headless.")
    destination = ControlPlane.seen_from("weft-destination", MESH)
    assert (destination.destination, destination.policy) == ("localhost.:8086", "localhost.:8090")
    assert destination.identity.startswith("weft-identity-headless.")
    assert ControlPlane.seen_from("weft-web", MESH) == ControlPlane.services(MESH)


def test_a_native_sidecar_restarts_and_holds_the_application_back_by_its_probe() -> None:
    proxy = sidecar(native=True).proxy
    assert proxy["restartPolicy"] == "Always"
    assert proxy["startupProbe"]["failureThreshold"] == 120
    assert "lifecycle" not in proxy
    assert "startupProbe" not in sidecar(replace(SETTINGS, await_ready=False)).proxy


def test_a_classic_sidecar_holds_the_application_back_by_its_hook() -> None:
    for found in (sidecar(native=False), sidecar(replace(SETTINGS, native_sidecar=False))):
        assert not found.native
        assert "restartPolicy" not in found.proxy
        assert "postStart" in found.proxy["lifecycle"]
    waiting = sidecar(
        replace(SETTINGS, await_ready=False, wait_before_exit_seconds=7), native=False
    )
    pause = ["/usr/bin/python3", "-c", "import time; time.sleep(7)"]
    assert waiting.proxy["lifecycle"] == {"preStop": {"exec": {"command": pause}}}


def test_only_the_init_container_holds_capabilities() -> None:
    found = sidecar()
    assert found.init["securityContext"]["capabilities"] == {
        "add": ["NET_ADMIN", "NET_RAW"],
        "drop": ["ALL"],
    }
    security = found.proxy["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]


def test_the_redirect_leaves_the_proxys_own_and_the_skipped_ports_alone() -> None:
    changed = replace(
        SETTINGS, skip_inbound_ports="80", skip_outbound_ports="3306", skip_subnets="10.1.0.0/16", gid=7, close_wait_timeout=60
    )  # fmt: skip
    assert " ".join(redirect_arguments(MESH, changed)) == (
        "--ipv6=false --incoming-proxy-port 4143 --outgoing-proxy-port 4140 --proxy-uid 2102 --proxy-gid 7 "
        "--inbound-ports-to-ignore 4190,4191,80 --outbound-ports-to-ignore 3306 "
        "--subnets-to-ignore 10.1.0.0/16 --timeout-close-wait-secs 60"
    )


def test_resources_are_written_only_where_asked() -> None:
    asked = replace(SETTINGS.resources, cpu_limit="1500m", memory_request="32Mi")
    found = sidecar(replace(SETTINGS, resources=asked)).proxy
    assert found["resources"] == {"limits": {"cpu": "1500m"}, "requests": {"memory": "32Mi"}}
    assert environment(found)["LINKERD2_PROXY_CORES"] == "2"


def test_ports_of_probes_and_containers_are_inbound_ports() -> None:
    spec = pod()["spec"]
    spec["containers"][0]["livenessProbe"] = {"tcpSocket": {"port": "http"}}
    spec["containers"][0]["startupProbe"] = {"grpc": {"port": 9001}}
    spec["initContainers"] = [
        {"name": "n", "restartPolicy": "Always", "ports": [{"containerPort": 7}]},
        {"name": "i", "ports": [{"containerPort": 8}]},
    ]
    assert inbound_ports(spec) == (7, 3306, 8080, 9000, 9001)


@pytest.mark.parametrize(
    ("quantity", "cores"),
    [
        ("", 1),
        ("100m", 1),
        ("1", 1),
        ("1001m", 2),
        ("2.5", 3),
        ("4", 4),
        ("junk", 1),
        ("1e1", 10),
        ("256", 256),
        ("1k", 256),
        ("1e999", 256),
    ],
)
def test_cpu_quantities_become_whole_cores(quantity: str, cores: int) -> None:
    assert whole_cores(quantity) == cores


@pytest.mark.parametrize(
    ("version", "native"),
    [(None, False), ((1, 28), False), ((1, 29), True), ((1, 34), True), ((2, 0), True)],
)
def test_native_sidecars_need_a_server_that_has_them(
    version: tuple[int, int] | None, native: bool
) -> None:
    assert supports_native(version) is native


def test_opaque_ports_may_be_named_and_are_limited_to_the_objects_own() -> None:
    ports = [("http", 80), ("db", 3306), ("", 5000)]
    assert opaque_among("db,4000-6000,25", ports) == "3306,5000"
    assert opaque_among("", ports) == ""
    assert resolve_ports("25,db,ghost,9-10", {"db": 3306}) == "25,3306,9-10"


def test_the_debug_container_sees_packets_and_rules_and_no_more() -> None:
    assert sidecar(SETTINGS).debug is None
    found = sidecar(replace(SETTINGS, debug=True), native=False).debug
    assert found is not None
    assert "restartPolicy" not in found
    assert (found["image"], found["imagePullPolicy"]) == ("example/debug:1.2.3", "Never")
    context = found["securityContext"]
    assert context["capabilities"] == {
        "add": ["NET_ADMIN", "NET_RAW", "SETGID", "SETUID"],
        "drop": ["ALL"],
    }
    assert (context["runAsUser"], context["runAsNonRoot"]) == (0, False)
