"""Every annotation: what is read, what is refused, and that the error says both."""

import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_injector.annotations import (
    RULES,
    AnnotationError,
    apply_annotations,
    settings_in,
    unknown_annotations,
)
from proxy_injector.defaults import ProxySettings, Resources, Tracing
from proxy_injector.tests.examples import SETTINGS
from weft import labels

# annotation, a value that is allowed, the setting it makes, values that are not allowed
TABLE: list[tuple[str, str, Any, tuple[str, ...]]] = [
    (labels.PROXY_IMAGE, "registry:5000/x/proxy", "registry:5000/x/proxy", ("", "a b", "/x", "a;b")),
    (labels.PROXY_VERSION, "1.2.3-rc1", "1.2.3-rc1", ("", "a b", ".1", "a" * 200)),
    (labels.IMAGE_PULL_POLICY, "Always", "Always", ("", "always", "Sometimes")),
    (labels.CONTROL_PORT, "1", 1, ("", "0", "65536", "-1", "x", "1.5", "١")),
    (labels.ADMIN_PORT, "65535", 65535, ("", "0", "65536")),
    (labels.INBOUND_PORT, "5143", 5143, ("", "0", "65536")),
    (labels.OUTBOUND_PORT, "5140", 5140, ("", "0", "65536")),
    (labels.POD_INBOUND_PORTS, "80,443", "80,443", ("80;443", "0", "80-")),
    (labels.SKIP_INBOUND_PORTS, "80, 90-100", "80,90-100", ("100-90", "x", "70000")),
    (labels.SKIP_OUTBOUND_PORTS, "", "", ("mysql", "1-2-3")),
    (labels.SKIP_SUBNETS, "10.0.0.0/8,192.168.1.0/24", "10.0.0.0/8,192.168.1.0/24", ("10.0.0.1/8", "x")),
    (labels.OPAQUE_PORTS, "3306, mysql,9-10", "3306,mysql,9-10", ("70000", "My_Sql", "a.b", "9-8")),
    (labels.PROXY_CPU_REQUEST, ".5", ".5", ("", "100 m", "-1", "1Q", "abc")),
    (labels.PROXY_CPU_LIMIT, "1.5", "1.5", ("", "1,5", "9" * 5000)),
    (labels.PROXY_CPU_RATIO_LIMIT, "0.5", "0.5", ("", "0", "1.1", "x", "-1")),
    (labels.PROXY_MEMORY_REQUEST, "64Mi", "64Mi", ("", "64MiB")),
    (labels.PROXY_MEMORY_LIMIT, "1e9", "1e9", ("", "1GB")),
    (labels.PROXY_EPHEMERAL_STORAGE_REQUEST, "1Gi", "1Gi", ("", "lots")),
    (labels.PROXY_EPHEMERAL_STORAGE_LIMIT, "2Gi", "2Gi", ("", "lots")),
    (labels.PROXY_UID, "1000", 1000, ("", "0", "-1", "root")),
    (labels.PROXY_GID, "0", 0, ("", "-1", "2147483648")),
    (labels.PROXY_ADMIN_SHUTDOWN, "enabled", True, ("", "true", "Enabled")),
    (labels.PROXY_LOG_LEVEL, "warn,linkerd=debug", "warn,linkerd=debug", ("", "warn;x", "a\nb", "dbug", "linkerd=inf")),
    (labels.PROXY_LOG_FORMAT, "json", "json", ("", "JSON", "xml")),
    (labels.PROXY_LOG_HTTP_HEADERS, "insecure", "insecure", ("", "on")),
    (labels.ENABLE_EXTERNAL_PROFILES, "true", True, ("", "yes", "1", "True")),
    (labels.REQUIRE_IDENTITY_INBOUND_PORTS, "80", "80", ("all",)),
    (labels.PROXY_METRICS_HOSTNAME_LABELS, "true", True, ("", "on")),
    (labels.PROXY_OUTBOUND_CONNECT_TIMEOUT, "2s", "2s", ("", "2", "2 s", "1h30m", "-1s")),
    (labels.PROXY_INBOUND_CONNECT_TIMEOUT, "0", "0", ("", "fast")),
    (labels.PROXY_OUTBOUND_DISCOVERY_CACHE_UNUSED_TIMEOUT, "1m", "1m", ("", "x")),
    (labels.PROXY_INBOUND_DISCOVERY_CACHE_UNUSED_TIMEOUT, "1d", "1d", ("", "x")),
    (labels.PROXY_DISABLE_OUTBOUND_DETECT_TIMEOUT, "true", True, ("", "x")),
    (labels.PROXY_DISABLE_INBOUND_DETECT_TIMEOUT, "false", False, ("", "x")),
    (labels.ENABLE_GATEWAY, "true", True, ("", "enabled")),
    (labels.ENABLE_DEBUG_SIDECAR, "true", True, ("", "enabled")),
    (labels.DEBUG_IMAGE, "example/tools", "example/tools", ("", "a b")),
    (labels.DEBUG_IMAGE_VERSION, "v1", "v1", ("", "a b")),
    (labels.DEBUG_IMAGE_PULL_POLICY, "Never", "Never", ("", "never")),
    (labels.CLOSE_WAIT_TIMEOUT, "1m", 60, ("", "1.5s", "x", "-1", "2147484", "600h", "9" * 400)),
    (labels.PROXY_AWAIT, "disabled", False, ("", "false")),
    (labels.DEFAULT_INBOUND_POLICY, "deny", "deny", ("", "allow", "Deny", "denny")),
    (labels.ACCESS_LOG, "apache", "apache", ("", "nginx")),
    (labels.SHUTDOWN_GRACE_PERIOD, "30s", "30s", ("", "30")),
    (labels.PROXY_ENABLE_NATIVE_SIDECAR, "false", False, ("", "maybe")),
    (labels.PROXY_WAIT_BEFORE_EXIT_SECONDS, "10", 10, ("", "-1", "3601", "10s")),
    (
        labels.PROXY_ADDITIONAL_ENV,
        '[{"name":"A","value":"1"}]',
        ('{"name":"A","value":"1"}',),
        ("", "{}", "[1]", "[{}]", '[{"name":1}]', '[{"name":"A","value":1}]', '[{"name":"A","x":1}]',
         '[{"name":"A","valueFrom":"x"}]', "[" * 100_000,
         '[{"name":"A=B"}]', '[{"name":"A","valueFrom":{"x":NaN}}]', '[{"name":"A","value":"\\ud800"}]',
         '[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"x","y":1e999}}}]',
         '[{"name":"A","value":"1","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}}]',
         '[{"name":"A","valueFrom":' + '{"a":' * 950 + "1" + "}" * 951 + "]"),
    ),
]  # fmt: skip


LONG = st.builds(
    lambda digit, times, end: digit * times + end,
    st.sampled_from("09.[-,"),
    st.sampled_from([400, 5000]),
    st.sampled_from(["", "s", "m", "Gi", "]"]),
)


def setting_of(annotation: str, settings: Any) -> Any:
    for part in RULES[annotation].setting.split("."):
        settings = getattr(settings, part)
    return settings


def test_every_annotation_of_the_vocabulary_is_read_and_tested() -> None:
    assert set(RULES) == set(labels.INJECTION_ANNOTATIONS)
    assert {row[0] for row in TABLE} == set(RULES)


@pytest.mark.parametrize(("annotation", "text", "value", "_refused"), TABLE)
def test_allowed_values_change_the_setting(
    annotation: str, text: str, value: Any, _refused: tuple[str, ...]
) -> None:
    changed = apply_annotations(SETTINGS, {}, {annotation: text})
    assert setting_of(annotation, changed) == value


@pytest.mark.parametrize(("annotation", "text"), [(row[0], bad) for row in TABLE for bad in row[3]])
def test_other_values_are_refused_with_annotation_value_and_what_is_allowed(
    annotation: str, text: str
) -> None:
    with pytest.raises(AnnotationError) as caught:
        apply_annotations(SETTINGS, {}, {annotation: text})
    assert annotation in str(caught.value)
    assert f'"{text}"' in str(caught.value)
    assert RULES[annotation].allowed in str(caught.value)


@pytest.mark.parametrize("annotation", sorted(RULES))
@given(text=st.text(max_size=12) | LONG)
def test_any_text_is_read_or_refused_and_never_anything_else(annotation: str, text: str) -> None:
    with suppress(AnnotationError):
        apply_annotations(SETTINGS, {}, {annotation: text})


def test_the_pod_wins_over_the_namespace_and_the_namespace_over_the_mesh() -> None:
    namespace = {labels.PROXY_LOG_LEVEL: "info", labels.PROXY_UID: "3000"}
    changed = apply_annotations(SETTINGS, namespace, {labels.PROXY_LOG_LEVEL: "debug"})
    assert changed == replace(SETTINGS, log_level="debug", uid=3000)


def test_the_variable_that_is_wrong_is_named() -> None:
    text = '[{"name":"A"},{"name":"B=C"}]'
    with pytest.raises(
        AnnotationError, match=r"not allowed: number 1 needs a name .* 'B=C'; allowed: a JSON list"
    ):
        apply_annotations(SETTINGS, {}, {labels.PROXY_ADDITIONAL_ENV: text})


def test_additional_environment_adds_up_in_order() -> None:
    changed = apply_annotations(
        SETTINGS,
        {labels.PROXY_ADDITIONAL_ENV: '[{"name":"A","value":"ns"}]'},
        {labels.PROXY_ADDITIONAL_ENV: '[{"name":"A","value":"pod"}]'},
    )
    assert changed.additional_env == ('{"name":"A","value":"ns"}', '{"name":"A","value":"pod"}')


@pytest.mark.parametrize(
    "prefix", ["config.alpha.linkerd.io/", "config.beta.linkerd.io/", "config.linkerd.io/"]
)
def test_early_and_stable_spellings_of_a_setting_are_the_same(prefix: str) -> None:
    for name in ("proxy-enable-native-sidecar", "proxy-wait-before-exit-seconds"):
        assert len(settings_in({prefix + name: "1"})) == 1


def test_ingress_mode_comes_from_the_inject_annotation() -> None:
    assert apply_annotations(SETTINGS, {labels.INJECT: "ingress"}, {}).ingress
    assert not apply_annotations(
        SETTINGS, {labels.INJECT: "ingress"}, {labels.INJECT: "enabled"}
    ).ingress


@pytest.mark.parametrize(
    ("namespace", "pod", "disabled"),
    [
        (None, None, False),
        ("true", None, True),
        (None, "enabled", True),
        ("true", "false", False),
        ("false", "true", True),
    ],
)
def test_tap_can_be_disabled(namespace: str | None, pod: str | None, disabled: bool) -> None:
    def given(value: str | None) -> dict[str, str]:
        return {} if value is None else {labels.DISABLE_TAP: value}

    assert apply_annotations(SETTINGS, given(namespace), given(pod)).disable_tap is disabled


def test_disabling_tap_half_is_refused() -> None:
    with pytest.raises(AnnotationError, match=r'viz.linkerd.io/disable-tap: "perhaps"'):
        apply_annotations(SETTINGS, {}, {labels.DISABLE_TAP: "perhaps"})


TRACED = replace(SETTINGS, tracing=Tracing("c:1", "id", "proxy", (("a", "mesh"), ("b", "mesh"))))
ATTRIBUTE = "resource.opentelemetry.io/"


def test_attributes_of_spans() -> None:
    namespace = {ATTRIBUTE + "b": "namespace", ATTRIBUTE + "c": "namespace"}
    made = apply_annotations(TRACED, namespace, {ATTRIBUTE + "c": "pod"}).tracing
    assert made is not None
    assert dict(made.attributes) == {"a": "mesh", "b": "namespace", "c": "pod"}
    assert apply_annotations(SETTINGS, namespace, {}).tracing is None


@pytest.mark.parametrize("value", ["two\nlines", "$(_pod_ip)"])
def test_an_attribute_is_one_plain_line(value: str) -> None:
    with pytest.raises(AnnotationError, match="one line of text"):
        apply_annotations(TRACED, {}, {ATTRIBUTE + "a": value})


def test_two_proxy_ports_may_not_be_the_same() -> None:
    with pytest.raises(AnnotationError, match=r"inbound-port.*4191.*admin-port"):
        apply_annotations(SETTINGS, {}, {labels.INBOUND_PORT: "4191"})


RESOURCES = [
    (labels.PROXY_CPU_REQUEST, labels.PROXY_CPU_LIMIT, "cpu"),
    (labels.PROXY_MEMORY_REQUEST, labels.PROXY_MEMORY_LIMIT, "memory"),
    (labels.PROXY_EPHEMERAL_STORAGE_REQUEST, labels.PROXY_EPHEMERAL_STORAGE_LIMIT, "storage"),
]


@pytest.mark.parametrize(("request_of", "limit_of", "kind"), RESOURCES)
def test_a_request_may_not_be_above_the_limit_whoever_says_either(
    request_of: str, limit_of: str, kind: str
) -> None:
    def mesh(name: str, value: str) -> ProxySettings:
        return replace(SETTINGS, resources=replace(Resources(), **{f"{kind}_{name}": value}))

    above = re.escape(f'{request_of}: "2k" is not allowed; allowed: a request up to the limit, 1Ki')
    below = re.escape(
        f'{limit_of}: "1Ki" is not allowed; allowed: a limit not below the request, 2k'
    )
    for settings, namespace, pod, said in (
        (SETTINGS, {}, {request_of: "2k", limit_of: "1Ki"}, above),
        (SETTINGS, {request_of: "2k"}, {limit_of: "1Ki"}, above),
        (mesh("limit", "1Ki"), {}, {request_of: "2k"}, above),
        (mesh("request", "2k"), {limit_of: "1Ki"}, {}, below),
    ):
        with pytest.raises(AnnotationError, match=said):
            apply_annotations(settings, namespace, pod)


@pytest.mark.parametrize(("request_of", "limit_of", "_kind"), RESOURCES)
def test_a_request_up_to_the_limit_is_taken(request_of: str, limit_of: str, _kind: str) -> None:
    namespace = {request_of: "2k", limit_of: "1Ki"}  # the pod says better
    apply_annotations(SETTINGS, namespace, {limit_of: "2000"})
    apply_annotations(SETTINGS, namespace, {request_of: "1024"})


def test_a_typo_is_named_with_what_was_meant() -> None:
    (sentence,) = unknown_annotations(
        [
            "config.linkerd.io/proxy-log-levl",
            labels.PROXY_LOG_LEVEL,
            "example.com/x",
            labels.ADMISSION_WEBHOOKS_LABEL,
        ]
    )
    assert "proxy-log-levl" in sentence
    assert "did you mean config.linkerd.io/proxy-log-level?" in sentence
