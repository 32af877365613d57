"""`config.linkerd.io/*` annotations of a namespace and a pod, turned into the settings of one proxy.

One table says for each annotation which setting it changes, how its text is read and what is
allowed. The pod's annotation wins over the namespace's. A value outside what is allowed raises
AnnotationError: a proxy that quietly ran with another policy or another port than its owner wrote
would be worse than one that does not start.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from proxy_injector.defaults import ProxySettings
from weft import images, labels, log_filter
from weft.addresses import parse_networks
from weft.conntrack import LONGEST_CLOSE_WAIT
from weft.cpu import check_cpu_ratio
from weft.durations import parse_duration, parse_go_duration
from weft.ports import is_port_name, parse_port, parse_port_set
from weft.quantities import QuantityError, check_amount, parse_quantity
from weft.variables import VariableError, check_variables

STABLE_PREFIX = "config.linkerd.io/"
EARLY_PREFIXES = ("config.alpha.linkerd.io/", "config.beta.linkerd.io/")


class AnnotationError(ValueError):
    """A value that is not allowed; the message names annotation, value and what is allowed."""

    def __init__(self, annotation: str, value: str, allowed: str, why: str = "") -> None:
        refused = f'annotation {annotation}: "{value}" is not allowed' + (f": {why}" if why else "")
        super().__init__(f"{refused}; allowed: {allowed}")
        self.annotation = annotation
        self.value = value
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Rule:
    """How one annotation is read."""

    setting: str
    """Field of ProxySettings, or `resources.<field>`."""
    parse: Callable[[str], Any]
    """Raises ValueError when the text is not allowed."""
    allowed: str
    """For the error and the reference."""


# -- readers ------------------------------------------------------------------------------------


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(text)
        return text

    return read


def _flag(text: str) -> bool:
    words = {"true": True, "false": False}
    if text not in words:
        raise ValueError(text)
    return words[text]


def _switch(text: str) -> bool:
    words = {"enabled": True, "disabled": False}
    if text not in words:
        raise ValueError(text)
    return words[text]


def _switch_or_flag(text: str) -> bool:
    words = {"enabled": True, "disabled": False, "true": True, "false": False}
    if text not in words:
        raise ValueError(text)
    return words[text]


def _ports(text: str) -> str:
    return str(parse_port_set(text))


def _ports_or_names(text: str) -> str:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        if not is_port_name(part):
            parse_port_set(part)
    return ",".join(parts)


def _networks(text: str) -> str:
    return ",".join(str(network) for network in parse_networks(text))


def _duration(text: str) -> str:
    parse_duration(text)
    return text.strip()


def _close_wait(text: str) -> int:
    trimmed = text.strip()
    seconds = float(trimmed) if trimmed.isascii() and trimmed.isdigit() else parse_go_duration(text)
    if seconds > LONGEST_CLOSE_WAIT or seconds != int(seconds):  # in this order: inf has no int
        raise ValueError(text)
    return int(seconds)


def _number(first: int, last: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not first <= int(text) <= last:
            raise ValueError(text)
        return int(text)

    return read


def _refuse(constant: str) -> None:
    """NaN and the infinities, which Python's JSON has and no other."""
    raise ValueError(constant)


def read_environment(text: str) -> tuple[str, ...]:
    """A JSON list of EnvVar objects, each as canonical JSON. Raises ValueError, or VariableError saying which is wrong."""
    try:
        listed = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(text) from None
    if not isinstance(listed, list):
        raise ValueError(text)
    check_variables(listed)
    return tuple(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in listed)


# -- the table ----------------------------------------------------------------------------------
_PORT = "a port from 1 to 65535"
_PORTS = 'ports and ranges separated by commas, such as "25,4000-4010"'
_QUANTITIES = 'a Kubernetes quantity, such as "100m" or "64Mi"'
_DURATIONS = 'a number and ms, s, m, h or d, such as "300ms"'
_CLOSE_WAIT = f'whole seconds, at most {LONGEST_CLOSE_WAIT}, such as "60" or "1m"'
_BOOLEAN = '"true" or "false"'
_SWITCH = '"enabled" or "disabled"'
_PULL = '"Always", "IfNotPresent" or "Never"'
_IMAGES = "the name of an image, without a tag"
_VERSIONS = "the tag of an image"
_pull_policy = _one_of("Always", "IfNotPresent", "Never")
_image, _tag = _matching(images.NAME), _matching(images.TAG)

RULES: dict[str, Rule] = {
    labels.PROXY_IMAGE: Rule("image", _image, _IMAGES),
    labels.PROXY_VERSION: Rule("version", _tag, _VERSIONS),
    labels.IMAGE_PULL_POLICY: Rule("pull_policy", _pull_policy, _PULL),
    labels.CONTROL_PORT: Rule("control_port", parse_port, _PORT),
    labels.ADMIN_PORT: Rule("admin_port", parse_port, _PORT),
    labels.INBOUND_PORT: Rule("inbound_port", parse_port, _PORT),
    labels.OUTBOUND_PORT: Rule("outbound_port", parse_port, _PORT),
    labels.POD_INBOUND_PORTS: Rule("pod_inbound_ports", _ports, _PORTS),
    labels.SKIP_INBOUND_PORTS: Rule("skip_inbound_ports", _ports, _PORTS),
    labels.SKIP_OUTBOUND_PORTS: Rule("skip_outbound_ports", _ports, _PORTS),
    labels.SKIP_SUBNETS: Rule("skip_subnets", _networks, 'networks separated by commas, such as "10.0.0.0/8"'),
    labels.OPAQUE_PORTS: Rule("opaque_ports", _ports_or_names, _PORTS + ", and names of container ports"),
    labels.PROXY_CPU_REQUEST: Rule("resources.cpu_request", check_amount, _QUANTITIES),
    labels.PROXY_CPU_LIMIT: Rule("resources.cpu_limit", check_amount, _QUANTITIES),
    labels.PROXY_CPU_RATIO_LIMIT: Rule("cpu_ratio_limit", check_cpu_ratio, "a number above 0, at most 1"),
    labels.PROXY_MEMORY_REQUEST: Rule("resources.memory_request", check_amount, _QUANTITIES),
    labels.PROXY_MEMORY_LIMIT: Rule("resources.memory_limit", check_amount, _QUANTITIES),
    labels.PROXY_EPHEMERAL_STORAGE_REQUEST: Rule("resources.storage_request", check_amount, _QUANTITIES),
    labels.PROXY_EPHEMERAL_STORAGE_LIMIT: Rule("resources.storage_limit", check_amount, _QUANTITIES),
    labels.PROXY_UID: Rule("uid", _number(1, 2**31 - 1), "a user id from 1 to 2147483647"),
    labels.PROXY_GID: Rule("gid", _number(0, 2**31 - 1), "a group id from 0 to 2147483647"),
    labels.PROXY_ADMIN_SHUTDOWN: Rule("shutdown_endpoint", _switch, _SWITCH),
    labels.PROXY_LOG_LEVEL: Rule("log_level", log_filter.check, 'filter directives, such as "warn,linkerd=info"'),
    labels.PROXY_LOG_FORMAT: Rule("log_format", _one_of("plain", "json"), '"plain" or "json"'),
    labels.PROXY_LOG_HTTP_HEADERS: Rule("log_http_headers", _one_of("off", "insecure"), '"off" or "insecure"'),
    labels.ENABLE_EXTERNAL_PROFILES: Rule("external_profiles", _flag, _BOOLEAN),
    labels.REQUIRE_IDENTITY_INBOUND_PORTS: Rule("require_identity_ports", _ports, _PORTS),
    labels.PROXY_METRICS_HOSTNAME_LABELS: Rule("hostname_labels", _flag, _BOOLEAN),
    labels.PROXY_OUTBOUND_CONNECT_TIMEOUT: Rule("outbound_connect_timeout", _duration, _DURATIONS),
    labels.PROXY_INBOUND_CONNECT_TIMEOUT: Rule("inbound_connect_timeout", _duration, _DURATIONS),
    labels.PROXY_OUTBOUND_DISCOVERY_CACHE_UNUSED_TIMEOUT: Rule("outbound_discovery_idle", _duration, _DURATIONS),
    labels.PROXY_INBOUND_DISCOVERY_CACHE_UNUSED_TIMEOUT: Rule("inbound_discovery_idle", _duration, _DURATIONS),
    labels.PROXY_DISABLE_OUTBOUND_DETECT_TIMEOUT: Rule("no_outbound_detect_timeout", _flag, _BOOLEAN),
    labels.PROXY_DISABLE_INBOUND_DETECT_TIMEOUT: Rule("no_inbound_detect_timeout", _flag, _BOOLEAN),
    labels.ENABLE_GATEWAY: Rule("gateway", _flag, _BOOLEAN),
    labels.ENABLE_DEBUG_SIDECAR: Rule("debug", _flag, _BOOLEAN),
    labels.DEBUG_IMAGE: Rule("debug_image", _image, _IMAGES),
    labels.DEBUG_IMAGE_VERSION: Rule("debug_version", _tag, _VERSIONS),
    labels.DEBUG_IMAGE_PULL_POLICY: Rule("debug_pull_policy", _pull_policy, _PULL),
    labels.CLOSE_WAIT_TIMEOUT: Rule("close_wait_timeout", _close_wait, _CLOSE_WAIT),
    labels.PROXY_AWAIT: Rule("await_ready", _switch, _SWITCH),
    labels.DEFAULT_INBOUND_POLICY: Rule("default_inbound_policy", _one_of(*labels.DEFAULT_POLICIES), ", ".join(labels.DEFAULT_POLICIES)),
    labels.ACCESS_LOG: Rule("access_log", _one_of("apache", "json"), '"apache" or "json"'),
    labels.SHUTDOWN_GRACE_PERIOD: Rule("shutdown_grace_period", _duration, _DURATIONS),
    labels.PROXY_ENABLE_NATIVE_SIDECAR: Rule("native_sidecar", _switch_or_flag, _BOOLEAN),
    labels.PROXY_ADDITIONAL_ENV: Rule("additional_env", read_environment, 'a JSON list of {"name", "value"} or {"name", "valueFrom"} objects'),
    labels.PROXY_WAIT_BEFORE_EXIT_SECONDS: Rule("wait_before_exit_seconds", _number(0, 3600), "whole seconds from 0 to 3600"),
}  # fmt: skip

_NOT_SETTINGS = frozenset({labels.ADMISSION_WEBHOOKS_LABEL})


def canonical(annotation: str) -> str:
    """The table's spelling: settings that are no longer early are accepted under `config.alpha.`
    and `config.beta.`, and the other way round."""
    if annotation in RULES:
        return annotation
    for prefix in (STABLE_PREFIX, *EARLY_PREFIXES):
        if annotation.startswith(prefix):
            name = annotation.removeprefix(prefix)
            for other in (STABLE_PREFIX, *EARLY_PREFIXES):
                if other + name in RULES:
                    return other + name
    return annotation


def settings_in(annotations: Mapping[str, str]) -> dict[str, str]:
    """Only the annotations that shape a proxy, by their canonical names.

    Where both spellings of one setting are given, the canonical one counts.
    """
    found: dict[str, str] = {}
    for name, value in annotations.items():
        known = canonical(name)
        if known in RULES and (name == known or known not in annotations):
            found[known] = value
    return found


def unknown_annotations(annotations: Iterable[str]) -> list[str]:
    """One sentence for each annotation that looks like a setting and is none."""
    sentences = []
    for name in sorted(annotations):
        if not name.startswith((STABLE_PREFIX, *EARLY_PREFIXES)) or name in _NOT_SETTINGS:
            continue
        if canonical(name) not in RULES:
            near = get_close_matches(name, RULES, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            sentences.append(f"annotation {name} is not known and has no effect{meant}")
    return sentences


def apply_annotations(
    settings: ProxySettings, namespace: Mapping[str, str], pod: Mapping[str, str]
) -> ProxySettings:
    """The settings after the namespace's annotations and then the pod's have spoken.

    Additional environment variables add up, later ones replacing earlier ones of the same name;
    everything else replaces. Raises AnnotationError.
    """
    for spoken in (settings_in(namespace), settings_in(pod)):
        for annotation in RULES:  # in this order, so that the first error is always the same one
            if annotation in spoken:
                settings = _apply(settings, annotation, spoken[annotation])
    if pod.get(labels.INJECT, namespace.get(labels.INJECT)) == labels.INJECT_INGRESS:
        settings = replace(settings, ingress=True)
    tap = pod.get(labels.DISABLE_TAP, namespace.get(labels.DISABLE_TAP))
    if tap is not None:
        settings = replace(settings, disable_tap=_disables_tap(tap))
    given = {**settings_in(namespace), **settings_in(pod)}
    _check_ports_differ(settings, given)
    _check_requests_fit(settings, given)
    return _with_attributes(settings, {**namespace, **pod})


def _with_attributes(settings: ProxySettings, annotations: Mapping[str, str]) -> ProxySettings:
    """`resource.opentelemetry.io/NAME` is attribute NAME of the proxy's spans."""
    if settings.tracing is None:
        return settings
    found = dict(settings.tracing.attributes)
    for annotation, value in sorted(annotations.items()):
        if annotation.startswith(labels.TRACE_ATTRIBUTE_PREFIX):
            if "\n" in value or "$(" in value:
                raise AnnotationError(annotation, value, "one line of text without $(")
            found[annotation.removeprefix(labels.TRACE_ATTRIBUTE_PREFIX)] = value
    tracing = replace(settings.tracing, attributes=tuple(found.items()))
    return replace(settings, tracing=tracing)


def _disables_tap(text: str) -> bool:
    try:
        return _switch_or_flag(text)
    except ValueError:
        raise AnnotationError(labels.DISABLE_TAP, text, _BOOLEAN) from None


def _apply(settings: ProxySettings, annotation: str, text: str) -> ProxySettings:
    rule = RULES[annotation]
    try:
        value = rule.parse(text)
    except VariableError as error:
        raise AnnotationError(annotation, text, rule.allowed, str(error)) from None
    except (ValueError, ArithmeticError):
        raise AnnotationError(annotation, text, rule.allowed) from None
    group, dot, field = rule.setting.partition(".")
    if dot:
        return replace(settings, resources=replace(settings.resources, **{field: value}))
    if rule.setting == "additional_env":
        value = (*settings.additional_env, *value)
    return replace(settings, **{group: value})


def _check_ports_differ(settings: ProxySettings, given: Collection[str]) -> None:
    """The error names an annotation that was given, not one of the ports it collides with."""
    ports = {
        labels.CONTROL_PORT: settings.control_port,
        labels.ADMIN_PORT: settings.admin_port,
        labels.INBOUND_PORT: settings.inbound_port,
        labels.OUTBOUND_PORT: settings.outbound_port,
    }
    taken: dict[int, str] = {}
    for annotation in sorted(ports, key=lambda one: one in given):
        port = ports[annotation]
        if port in taken:
            raise AnnotationError(annotation, str(port), f"a port other than that of {taken[port]}")
        taken[port] = annotation


def _check_requests_fit(settings: ProxySettings, given: Collection[str]) -> None:
    """The API server refuses a pod with a request above its limit. The error names an annotation that was
    given; what the mesh says of both was checked when it was installed."""
    has = settings.resources
    for request, asked, limit, most in (
        (labels.PROXY_CPU_REQUEST, has.cpu_request, labels.PROXY_CPU_LIMIT, has.cpu_limit),
        (labels.PROXY_MEMORY_REQUEST, has.memory_request, labels.PROXY_MEMORY_LIMIT, has.memory_limit),
        (labels.PROXY_EPHEMERAL_STORAGE_REQUEST, has.storage_request,
         labels.PROXY_EPHEMERAL_STORAGE_LIMIT, has.storage_limit),
    ):  # fmt: skip
        if {request, limit}.isdisjoint(given) or not _is_above(asked, most):
            continue
        if request in given:
            raise AnnotationError(request, asked, f"a request up to the limit, {most}")
        raise AnnotationError(limit, most, f"a limit not below the request, {asked}")


def _is_above(request: str, limit: str) -> bool:
    """False also where one of them is empty, or is a value of the mesh that somebody broke."""
    try:
        return parse_quantity(request) > parse_quantity(limit)
    except QuantityError:
        return False
