import base64
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.node.downward import Facts, FieldError, field_value, resource_value
from sandbox.node.env import ConfigError, Sources, environment, expand, service_variables

FACTS = Facts(
    "sandbox", "10.244.0.1", "10.244.0.9", {"cpu": Decimal(2), "memory": Decimal(8 * 1024**3)}
)
POD: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u-1",
        "labels": {"app": "web", "tier": "front"},
        "annotations": {"note": 'a "quoted"\nline'},
    },
    "spec": {
        "serviceAccountName": "web",
        "containers": [{"name": "main"}, {"name": "other", "resources": {"limits": {"cpu": "1"}}}],
    },
}
MAPS = {"settings": {"data": {"COLOUR": "red", "empty": ""}}}
SECRETS = {"keys": {"data": {"TOKEN": base64.b64encode(b"s3cret").decode()}}}


def sources(*services: dict[str, Any]) -> Sources:
    return Sources(MAPS.get, SECRETS.get, services)


def env_of(*entries: dict[str, Any], **container: Any) -> dict[str, str]:
    return environment(POD, {"name": "main", "env": list(entries), **container}, sources(), FACTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$(A)", "1"),
        ("$(A)$(B)", "12"),
        ("x$(A)y", "x1y"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$(A)", "$$(A)"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$(A", "$(A"),
        ("$A", "$A"),
        ("$", "$"),
        ("$$", "$"),
        ("a$", "a$"),
        ("$()", "$()"),
        ("$(EMPTY)|", "|"),
        ("$($(A))", "$($(A))"),
    ],
)
def test_expansion_follows_kubernetes(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2", "EMPTY": ""}) == expected


@given(st.text(alphabet="$()AB x", max_size=12))
def test_expansion_without_dollars_changes_nothing_and_never_fails(text: str) -> None:
    if "$" not in text:
        assert expand(text, {"A": "1"}) == text
    expand(text, {"A": "1", "B": "2"})


def test_a_variable_may_use_those_before_it_only() -> None:
    found = env_of(
        {"name": "LATE", "value": "$(HOST)"},
        {"name": "HOST", "value": "db"},
        {"name": "URL", "value": "http://$(HOST):$(PORT)"},
    )
    assert found == {"LATE": "$(HOST)", "HOST": "db", "URL": "http://db:$(PORT)"}


def test_values_from_objects_and_fields() -> None:
    found = env_of(
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}},
        {"name": "S", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "TOKEN"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {
            "name": "M",
            "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
        },
        {"name": "U", "value": "$(IP)/$(S)"},
    )
    assert found == {
        "C": "red",
        "S": "s3cret",
        "IP": "10.244.0.9",
        "M": "8192",
        "U": "10.244.0.9/s3cret",
    }


def test_env_from_with_prefix_and_later_ones_win() -> None:
    found = env_of(
        {"name": "A_COLOUR", "value": "blue"},
        envFrom=[
            {"prefix": "A_", "configMapRef": {"name": "settings"}},
            {"secretRef": {"name": "keys"}},
            {"secretRef": {"name": "absent", "optional": True}},
        ],
    )
    assert found == {"A_COLOUR": "blue", "A_empty": "", "TOKEN": "s3cret"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"configMapKeyRef": {"name": "absent", "key": "k"}}, 'configmap "absent" not found'),
        ({"secretKeyRef": {"name": "absent", "key": "k"}}, 'secret "absent" not found'),
        (
            {"configMapKeyRef": {"name": "settings", "key": "k"}},
            "couldn't find key k in ConfigMap shop/settings",
        ),
        ({"secretKeyRef": {"name": "keys", "key": "k"}}, "couldn't find key k in Secret shop/keys"),
        ({"fileKeyRef": {}}, "allowed in valueFrom are"),
    ],
)
def test_what_is_missing_is_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        env_of({"name": "X", "valueFrom": entry})


@pytest.mark.parametrize("kind", ["configMapKeyRef", "secretKeyRef"])
def test_optional_ones_are_left_out(kind: str) -> None:
    absent = {kind: {"name": "absent", "key": "k", "optional": True}}
    assert env_of({"name": "X", "valueFrom": absent}) == {}


def test_service_variables() -> None:
    service = {
        "metadata": {"name": "my-db", "namespace": "shop"},
        "spec": {
            "clusterIP": "10.96.0.7",
            "ports": [
                {"name": "sql", "port": 5432},
                {"name": "admin-ui", "port": 80, "protocol": "TCP"},
            ],
        },
    }
    found = service_variables([service], links=True, namespace="shop")
    assert found["MY_DB_SERVICE_HOST"] == "10.96.0.7"
    assert found["MY_DB_SERVICE_PORT"] == "5432"
    assert found["MY_DB_SERVICE_PORT_ADMIN_UI"] == "80"
    assert found["MY_DB_PORT"] == "tcp://10.96.0.7:5432"
    assert found["MY_DB_PORT_80_TCP_ADDR"] == "10.96.0.7"
    assert found["MY_DB_PORT_5432_TCP_PROTO"] == "tcp"


def test_only_the_api_server_is_told_without_links() -> None:
    own = {
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"clusterIP": "10.96.0.7", "ports": [{"port": 1}]},
    }
    master = {
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443}]},
    }
    headless = {
        "metadata": {"name": "h", "namespace": "shop"},
        "spec": {"clusterIP": "None", "ports": [{"port": 1}]},
    }
    found = service_variables([own, master, headless], links=False, namespace="shop")
    assert {one.partition("_")[0] for one in found} == {"KUBERNETES"}
    assert found["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert found["KUBERNETES_SERVICE_PORT_HTTPS"] == "443"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['absent']", ""),
        ("metadata.annotations['note']", 'a "quoted"\nline'),
        ("metadata.labels", 'app="web"\ntier="front"'),
        ("metadata.annotations", 'note="a \\"quoted\\"\\nline"'),
        ("spec.nodeName", "sandbox"),
        ("spec.serviceAccountName", "web"),
        ("status.hostIP", "10.244.0.1"),
        ("status.podIP", "10.244.0.9"),
        ("status.podIPs", "10.244.0.9"),
    ],
)
def test_every_field(path: str, value: str) -> None:
    assert field_value(POD, path, FACTS) == value


def test_unknown_fields_are_refused_with_the_known_ones() -> None:
    with pytest.raises(FieldError, match=r"unsupported fieldPath: spec.volumes: allowed are"):
        field_value(POD, "spec.volumes", FACTS)


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"resource": "limits.cpu"}, "2"),
        ({"resource": "limits.cpu", "containerName": "other"}, "1"),
        ({"resource": "limits.cpu", "containerName": "other", "divisor": "1m"}, "1000"),
        ({"resource": "requests.cpu"}, "0"),
        ({"resource": "limits.memory", "divisor": "1Gi"}, "8"),
    ],
)
def test_resource_fields(reference: dict[str, str], value: str) -> None:
    assert resource_value(POD, POD["spec"]["containers"][0], reference, FACTS) == value


def test_a_resource_field_of_nobody() -> None:
    with pytest.raises(FieldError, match="container nobody not found"):
        resource_value(POD, {}, {"resource": "limits.cpu", "containerName": "nobody"}, FACTS)
    with pytest.raises(FieldError, match="unsupported resource"):
        resource_value(POD, {}, {"resource": "cpu"}, FACTS)
