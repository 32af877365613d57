"""The patch: its order, its bytes, and the pod it makes."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonpatch import JsonPatch

from proxy_injector.patch import encode, escape, opaque_patch, pod_patch
from proxy_injector.tests.examples import SETTINGS, pod, sidecar
from weft import labels


def patched(
    target: dict[str, Any], namespace: dict[str, str] | None = None, *, native: bool = True
) -> dict[str, Any]:
    operations: Any = pod_patch(target, sidecar(native=native), SETTINGS, namespace or {})
    result: Any = JsonPatch(operations).apply(target)
    assert isinstance(result, dict)
    return result


def test_operations_come_in_the_documented_order() -> None:
    bare = {"spec": pod()["spec"]}
    paths = [one["path"] for one in pod_patch(bare, sidecar(), SETTINGS, {})]
    assert paths == [
        "/metadata",
        "/metadata/annotations",
        "/metadata/labels",
        "/metadata/annotations/config.linkerd.io~1opaque-ports",
        "/metadata/annotations/linkerd.io~1created-by",
        "/metadata/annotations/linkerd.io~1proxy-version",
        "/metadata/annotations/linkerd.io~1trust-root-sha256",
        "/metadata/labels/linkerd.io~1control-plane-ns",
        "/metadata/labels/linkerd.io~1proxy-deployment",
        "/metadata/labels/linkerd.io~1workload-ns",
        "/spec/volumes",
        "/spec/initContainers",
        "/spec/volumes/-",
        "/spec/volumes/-",
        "/spec/volumes/-",
        "/spec/initContainers/0",
        "/spec/initContainers/1",
    ]


def test_a_native_sidecar_stands_before_all_other_init_containers() -> None:
    target = pod()
    target["spec"]["initContainers"] = [{"name": "migrate"}]
    names = [one["name"] for one in patched(target)["spec"]["initContainers"]]
    assert names == ["linkerd-init", "linkerd-proxy", "migrate"]


def test_a_native_debug_container_is_there_before_the_proxy_is_ready() -> None:
    target = pod()
    target["spec"]["initContainers"] = [{"name": "migrate"}]
    settings = replace(SETTINGS, debug=True)
    operations: Any = pod_patch(target, sidecar(settings), settings, {})
    spec: Any = JsonPatch(operations).apply(target)["spec"]
    assert [(one["name"], one.get("restartPolicy")) for one in spec["initContainers"]] == [
        ("linkerd-init", None),
        ("linkerd-debug", "Always"),
        ("linkerd-proxy", "Always"),
        ("migrate", None),
    ]
    assert [one["name"] for one in spec["containers"]] == ["web"]


def test_a_classic_sidecar_redirects_after_all_other_init_containers() -> None:
    target = pod()
    target["spec"]["initContainers"] = [{"name": "migrate"}]
    spec = patched(target, native=False)["spec"]
    assert [one["name"] for one in spec["initContainers"]] == ["migrate", "linkerd-init"]
    assert [one["name"] for one in spec["containers"]] == ["linkerd-proxy", "web"]


def test_a_classic_sidecar_nobody_waits_for_stands_last() -> None:
    settings = replace(SETTINGS, await_ready=False, debug=True)
    operations: Any = pod_patch(pod(), sidecar(settings, native=False), settings, {})
    result: Any = JsonPatch(operations).apply(pod())
    assert [one["name"] for one in result["spec"]["containers"]] == [
        "web",
        "linkerd-debug",
        "linkerd-proxy",
    ]


def test_the_pod_says_what_its_namespace_said() -> None:
    target = pod(**{labels.PROXY_LOG_LEVEL: "debug"})
    namespace = {labels.PROXY_LOG_LEVEL: "info", labels.PROXY_UID: "7", "example.com/team": "a"}
    annotations = patched(target, namespace)["metadata"]["annotations"]
    assert annotations[labels.PROXY_LOG_LEVEL] == "debug"
    assert annotations[labels.PROXY_UID] == "7"
    assert "example.com/team" not in annotations


def test_a_pod_is_told_which_of_its_own_ports_are_opaque() -> None:
    assert patched(pod())["metadata"]["annotations"][labels.OPAQUE_PORTS] == "3306"
    own = patched(pod(**{labels.OPAQUE_PORTS: "9"}))["metadata"]["annotations"]
    assert own[labels.OPAQUE_PORTS] == "9"


names = st.text("abc/~.", min_size=1, max_size=6)


@settings(max_examples=40)
@given(st.dictionaries(names, names), st.dictionaries(names, names), st.booleans())
def test_the_same_pod_gives_the_same_bytes_in_whatever_order_it_was_written(
    annotations: dict[str, str], pod_labels: dict[str, str], native: bool
) -> None:
    def make(reverse: bool) -> dict[str, Any]:
        def order(entries: dict[str, str]) -> dict[str, str]:
            return dict(sorted(entries.items(), reverse=reverse))

        target = pod()
        target["metadata"] = {"annotations": order(annotations), "labels": order(pod_labels)}
        return target

    namespace = {labels.PROXY_UID: "7", labels.PROXY_LOG_LEVEL: "info"}
    backwards = dict(reversed(namespace.items()))
    first = encode(pod_patch(make(False), sidecar(native=native), SETTINGS, namespace))
    second = encode(pod_patch(make(True), sidecar(native=native), SETTINGS, backwards))
    assert first == second
    applied: Any = JsonPatch(json.loads(first)).apply(make(False))
    assert annotations.items() <= applied["metadata"]["annotations"].items()
    assert pod_labels.items() <= applied["metadata"]["labels"].items()


def test_pointers_are_escaped() -> None:
    assert escape("a/b~c") == "a~1b~0c"


@pytest.mark.parametrize(
    ("ports", "namespace", "expected"),
    [
        ([{"port": 3306}], {}, "3306"),
        ([{"port": 80, "targetPort": 3306}], {}, "80"),
        ([{"port": 80, "targetPort": 8080}], {}, None),
        ([{"port": 80, "name": "db"}], {labels.OPAQUE_PORTS: "db"}, "80"),
        ([{"port": 3306}], {labels.OPAQUE_PORTS: "80"}, None),
        ([{"port": 10000}, {"port": 9}], {labels.OPAQUE_PORTS: "1-20000"}, "9,10000"),
        ([], {}, None),
        ([{"port": "x"}], {}, None),
    ],
)
def test_services_are_told_their_opaque_ports(
    ports: list[Any], namespace: dict[str, str], expected: str | None
) -> None:
    operations = opaque_patch(
        "Service", {"metadata": {}, "spec": {"ports": ports}}, "25,3306", namespace
    )
    if expected is None:
        assert operations == []
    else:
        assert [one["path"] for one in operations] == [
            "/metadata/annotations",
            "/metadata/annotations/config.linkerd.io~1opaque-ports",
        ]
        assert operations[-1]["value"] == expected


def test_what_an_object_says_itself_is_left_alone() -> None:
    service = {
        "metadata": {"annotations": {labels.OPAQUE_PORTS: "80"}},
        "spec": {"ports": [{"port": 3306}]},
    }
    assert opaque_patch("Service", service, "3306", {}) == []
    assert [one["value"] for one in opaque_patch("Pod", pod(), "3306", {})] == ["3306"]


@pytest.mark.parametrize("named", ["dns-tcp", "dns"])
def test_both_names_of_one_number_may_be_opaque(named: str) -> None:
    """As those of the cluster's DNS."""
    tcp, udp = {"name": "dns-tcp", "protocol": "TCP"}, {"name": "dns", "protocol": "UDP"}
    service = {"spec": {"ports": [{**one, "port": 53} for one in (tcp, udp)]}}
    ports = [{**one, "containerPort": 53} for one in (tcp, udp)]
    target = {"spec": {"containers": [{"name": "dns", "ports": ports}]}}
    for kind, made in (("Service", service), ("Pod", target)):
        *_, last = opaque_patch(kind, made, "25", {labels.OPAQUE_PORTS: named})
        assert last["value"] == "53"
