"""Small pure modules: paths, media types, names, quantities of nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.apiserver.authz import Access, allows
from sandbox.apiserver.builtin import protobuf
from sandbox.apiserver.builtin.check import examine, shown, without
from sandbox.apiserver.crds import version_rank
from sandbox.apiserver.errors import ApiError, BadRequestError
from sandbox.apiserver.kinds import BUILT_IN, POD, Registry
from sandbox.apiserver.media import Form, patch_type, wanted_form
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.request import ResourcePath, parse_path
from sandbox.apiserver.streams import containers
from sandbox.apiserver.streams.proxy import ProxyName, parse_name, pod_target
from sandbox.apiserver.tests.conftest import pod
from sandbox.apiserver.validate import names


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", ResourcePath("", "v1", "pods")),
        ("/api/v1/namespaces", ResourcePath("", "v1", "namespaces")),
        ("/api/v1/namespaces/n", ResourcePath("", "v1", "namespaces", name="n")),
        ("/api/v1/namespaces/n/status", ResourcePath("", "v1", "namespaces", "", "n", "status")),
        ("/api/v1/namespaces/n/finalize", ResourcePath("", "v1", "namespaces", "", "n", "finalize")),
        ("/api/v1/namespaces/n/pods", ResourcePath("", "v1", "pods", "n")),
        ("/api/v1/namespaces/n/pods/p/log", ResourcePath("", "v1", "pods", "n", "p", "log")),
        ("/apis/apps/v1/deployments", ResourcePath("apps", "v1", "deployments")),
        ("/apis/apps/v1/namespaces/n/deployments/d/scale", ResourcePath("apps", "v1", "deployments", "n", "d", "scale")),
        ("/api/v1/namespaces/n/services/s:http/proxy", ResourcePath("", "v1", "services", "n", "s:http", "proxy")),
        ("/api/v1/namespaces/n/services/s:80/proxy/a/b/", ResourcePath("", "v1", "services", "n", "s:80", "proxy", "/a/b/")),
        ("/api/v1/namespaces/n/pods/p/log/more", None),
        ("/api/v1", None),
        ("/apis/apps", None),
        ("/apis/apps/v1", None),
        ("/version", None),
        ("/", None),
    ],
)  # fmt: skip
def test_paths(path: str, expected: ResourcePath | None) -> None:
    assert parse_path(path) == expected


@given(st.text())
def test_any_path_is_a_resource_or_none(path: str) -> None:
    found = parse_path(path)
    assert found is None or found.plural is not None


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.OBJECT),
        ("*/*", Form.OBJECT),
        ("application/json", Form.OBJECT),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Form.TABLE),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", Form.OBJECT),
        ("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", Form.PARTIAL),
        ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", Form.DISCOVERY),
        ("application/vnd.kubernetes.protobuf,application/json", Form.OBJECT),
    ],
)  # fmt: skip
def test_the_form_wanted(accept: str, form: Form) -> None:
    assert wanted_form(accept) is form


def test_patch_types() -> None:
    assert patch_type("application/merge-patch+json; charset=utf-8") == "merge"
    with pytest.raises(ApiError, match="unknown format"):
        patch_type("application/json")


@pytest.mark.parametrize("good", ["a", "a-b", "0", "a" * 63])
def test_labels_of_dns(good: str) -> None:
    assert names.dns_label(good) is None


@pytest.mark.parametrize("bad", ["", "-a", "a-", "A", "a.b", "a_b", "a" * 64, "é", "a\n"])
def test_what_is_no_label_of_dns(bad: str) -> None:
    assert names.dns_label(bad)


@pytest.mark.parametrize(
    ("key", "fits"),
    [("app", True), ("example.com/app", True), ("A_b.c", True), ("/app", False), ("a/b/c", False),
     ("app/", False), ("", False), ("x" * 64, False), ("Example.com/a", False), ("a b", False)],
)  # fmt: skip
def test_label_keys(key: str, fits: bool) -> None:
    assert (names.qualified_name(key) is None) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("", True),
        ("web", True),
        ("a.b_c-d", True),
        ("-a", False),
        ("a b", False),
        ("x" * 64, False),
    ],
)
def test_label_values(value: str, fits: bool) -> None:
    assert (names.label_value(value) is None) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("http", True),
        ("h2c-1", True),
        ("80", False),
        ("a--b", False),
        ("x" * 16, False),
        ("A", False),
    ],
)
def test_port_names(value: str, fits: bool) -> None:
    assert (names.port_name(value) is None) is fits


def test_versions_are_ranked() -> None:
    found = sorted(
        ["v1alpha1", "v1", "foo", "v2", "v1beta2", "v1beta1", "v2alpha1"], key=version_rank
    )
    assert found == ["v2", "v1", "v1beta2", "v1beta1", "v2alpha1", "v1alpha1", "foo"]


RULE: Obj = {
    "verbs": ["get", "list"],
    "apiGroups": ["apps"],
    "resources": ["deployments", "deployments/scale"],
}


@pytest.mark.parametrize(
    ("rule", "access", "allowed"),
    [
        (RULE, Access("get", "apps", "deployments"), True),
        (RULE, Access("get", "apps", "deployments", "scale"), True),
        (RULE, Access("get", "apps", "deployments", "status"), False),
        (RULE, Access("create", "apps", "deployments"), False),
        (RULE, Access("get", "", "deployments"), False),
        ({**RULE, "resources": ["*"]}, Access("get", "apps", "x", "y"), True),
        ({**RULE, "resources": ["*/scale"]}, Access("get", "apps", "x", "scale"), True),
        ({**RULE, "resourceNames": ["a"]}, Access("get", "apps", "deployments", name="a"), True),
        ({**RULE, "resourceNames": ["a"]}, Access("get", "apps", "deployments", name="b"), False),
        ({**RULE, "resourceNames": ["a"]}, Access("list", "apps", "deployments"), False),
        (
            {"verbs": ["*"], "nonResourceURLs": ["/metrics", "/x/*"]},
            Access("get", path="/x/y"),
            True,
        ),
        ({"verbs": ["*"], "nonResourceURLs": ["/metrics"]}, Access("get", path="/x"), False),
        (RULE, Access("get", path="/x"), False),
    ],
)
def test_rules(rule: Obj, access: Access, allowed: bool) -> None:
    assert allows(rule, access) is allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", ProxyName("http", "web", "")),
        ("web:80", ProxyName("http", "web", "80")),
        ("https:web:443", ProxyName("https", "web", "443")),
        ("http:web:", ProxyName("http", "web", "")),
    ],
)
def test_proxy_names(text: str, expected: ProxyName) -> None:
    assert parse_name(text) == expected


@pytest.mark.parametrize("text", ["ftp:web:1", "a:b:c:d"])
def test_what_is_no_proxy_name(text: str) -> None:
    with pytest.raises(BadRequestError):
        parse_name(text)


def test_where_a_pod_is_reached() -> None:
    ports = [{"name": "admin", "containerPort": 4191}]
    one = {**pod(containers=[{"name": "a", "ports": ports}]), "status": {"podIP": "10.0.0.1"}}
    assert pod_target(one, "").port == 4191
    assert pod_target(one, "admin").port == 4191
    assert pod_target(one, "99").port == 99
    with pytest.raises(BadRequestError, match='no port called "x"'):
        pod_target(one, "x")


def test_which_container_is_meant() -> None:
    two = pod(containers=[{"name": "a"}, {"name": "b"}], initContainers=[{"name": "i"}])
    assert containers.chosen(two, "b", "log") == "b"
    assert containers.chosen(two, "i", "log") == "i"
    assert containers.chosen(two, "", "exec") == "a"
    with pytest.raises(
        BadRequestError, match=r"choose one of: \[a b\] or one of the init containers: \[i\]"
    ):
        containers.chosen(two, "", "log")
    with pytest.raises(BadRequestError, match="container x is not valid for pod web-1"):
        containers.chosen(two, "x", "log")
    two["metadata"]["annotations"] = {containers.DEFAULT_CONTAINER: "b"}
    assert containers.chosen(two, "", "log") == "b"


def test_unknown_and_mistyped_fields() -> None:
    obj = pod(
        containers=[{"name": "a", "imagee": "x", "ports": [{"containerPort": "80"}], "env": "no"}],
        odd=1,
    )
    found = examine(POD, obj)
    assert [shown(one) for one in found.unknown] == ["spec.containers[0].imagee", "spec.odd"]
    assert found.mistyped == [
        "spec.containers[0].ports[0].containerPort: cannot unmarshal string into a field of type integer",
        "spec.containers[0].env: cannot unmarshal string into a field of type array",
    ]
    without(obj, found.unknown)
    assert examine(POD, obj).unknown == []


# What `kubectl create namespace demo` of v1.37.1 sends.
NAMESPACE_BODY = bytes.fromhex(
    "6b387300 0a0f 0a027631 12094e616d657370616365 121c 0a14 0a0464656d6f"
    "1200 1a00 2200 2a00 3200 3800 4200 1200 1a02 0a00 1a00 2200"
)


def test_a_namespace_in_protobuf() -> None:
    assert protobuf.decode(NAMESPACE_BODY) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "demo"},
    }


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    type_meta = field(1, api_version.encode()) + field(2, kind.encode())
    return protobuf.MAGIC + field(1, type_meta) + field(2, raw)


def test_pointers_keep_their_zero_and_others_do_not() -> None:
    spec = field(1, 0) + field(5, 0) + field(7, 0)
    found = protobuf.decode(body("apps/v1", "Deployment", field(2, spec)))
    assert found["spec"] == {"replicas": 0}


def test_maps_lists_quantities_and_embedded_messages() -> None:
    limits = field(1, b"cpu") + field(2, field(1, b"100m"))
    target = field(1, 0) + field(2, 8080) + field(3, b"")
    probe = field(1, field(2, field(1, b"/live") + field(2, target)))
    container = field(1, b"web") + field(8, field(1, limits)) + field(10, probe)
    volume = field(1, b"v") + field(2, field(2, b""))
    meta = field(1, b"p") + field(11, field(1, b"app") + field(2, b"web"))
    raw = field(1, meta) + field(2, field(1, volume) + field(2, container))
    assert protobuf.decode(body("v1", "Pod", raw)) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"app": "web"}},
        "spec": {
            "volumes": [{"name": "v", "emptyDir": {}}],
            "containers": [
                {
                    "name": "web",
                    "resources": {"limits": {"cpu": "100m"}},
                    "livenessProbe": {"httpGet": {"path": "/live", "port": 8080}},
                }
            ],
        },
    }


@pytest.mark.parametrize("cut", range(4, len(NAMESPACE_BODY)))
def test_a_body_that_ends_early_is_refused_or_smaller(cut: int) -> None:
    try:
        found = protobuf.decode(NAMESPACE_BODY[:cut])
    except ApiError:
        return
    assert found["kind"] == "Namespace"


@given(st.binary(max_size=64))
def test_any_bytes_are_an_object_or_refused(data: bytes) -> None:
    try:
        protobuf.decode(protobuf.MAGIC + data)
    except ApiError:
        return


def test_the_registry_finds_every_kind() -> None:
    registry = Registry.built_in()
    for kind in BUILT_IN:
        assert registry.by_plural(kind.group, kind.version, kind.plural) is kind
        assert registry.by_kind(kind.api_version, kind.kind) is kind
