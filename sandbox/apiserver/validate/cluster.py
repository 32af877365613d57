"""RBAC, webhook configurations, CRDs, secrets and ConfigMaps."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from sandbox.apiserver.errors import Cause, invalid, not_supported, required, wrong_type
from sandbox.apiserver.objects import Obj, dig, name_of
from sandbox.apiserver.schema import problems
from sandbox.apiserver.validate import names

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
RULE_SCOPES = ("Cluster", "Namespaced", "*")
FAILURE_POLICIES = ("Fail", "Ignore")
SIDE_EFFECTS = ("None", "NoneOnDryRun")
SUBJECT_KINDS = ("Group", "ServiceAccount", "User")


def role(obj: Obj) -> Iterator[Cause]:
    for at, rule in enumerate(obj.get("rules") or []):
        path = f"rules[{at}]"
        if not rule.get("verbs"):
            yield required(f"{path}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{path}.resources", "resource rules must supply at least one resource")


def binding(obj: Obj) -> Iterator[Cause]:
    reference = obj.get("roleRef") or {}
    if reference.get("kind") not in ("Role", "ClusterRole"):
        yield not_supported("roleRef.kind", reference.get("kind"), ("Role", "ClusterRole"))
    if not reference.get("name"):
        yield required("roleRef.name")
    for at, subject in enumerate(obj.get("subjects") or []):
        path = f"subjects[{at}]"
        if subject.get("kind") not in SUBJECT_KINDS:
            yield not_supported(f"{path}.kind", subject.get("kind"), SUBJECT_KINDS)
        if not subject.get("name"):
            yield required(f"{path}.name")
        if subject.get("kind") == "ServiceAccount" and not (
            subject.get("namespace") or dig(obj, "metadata", "namespace")
        ):
            yield required(f"{path}.namespace")


def webhooks(obj: Obj) -> Iterator[Cause]:
    for at, webhook in enumerate(obj.get("webhooks") or []):
        path = f"webhooks[{at}]"
        name = webhook.get("name")
        if not name:
            yield required(f"{path}.name")
        elif str(name).count(".") < 2:
            yield invalid(
                f"{path}.name",
                name,
                "should be a domain with at least three segments separated by dots",
            )
        elif wrong := names.dns_subdomain(str(name)):
            yield invalid(f"{path}.name", name, wrong)
        if webhook.get("failurePolicy", "Fail") not in FAILURE_POLICIES:
            yield not_supported(f"{path}.failurePolicy", webhook["failurePolicy"], FAILURE_POLICIES)
        if webhook.get("sideEffects") not in SIDE_EFFECTS:
            yield not_supported(f"{path}.sideEffects", webhook.get("sideEffects"), SIDE_EFFECTS)
        if "v1" not in (webhook.get("admissionReviewVersions") or []):
            yield invalid(
                f"{path}.admissionReviewVersions",
                webhook.get("admissionReviewVersions"),
                "must include at least one of v1, v1beta1",
            )
        yield from _timeout(webhook.get("timeoutSeconds", 10), f"{path}.timeoutSeconds")
        yield from _client(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
        for number, rule in enumerate(webhook.get("rules") or []):
            yield from _rule(rule, f"{path}.rules[{number}]")


def _timeout(seconds: Any, path: str) -> Iterator[Cause]:
    if not isinstance(seconds, int) or not 1 <= seconds <= 30:
        yield invalid(path, seconds, "the timeout value must be between 1 and 30 seconds")


def _client(config: Obj, path: str) -> Iterator[Cause]:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif isinstance(url, str) and not url.startswith("https://"):
        yield invalid(f"{path}.url", url, "'https' is the only allowed URL scheme")
    elif isinstance(service, dict):
        for key in ("namespace", "name"):
            if not service.get(key):
                yield required(f"{path}.service.{key}")


def _rule(rule: Obj, path: str) -> Iterator[Cause]:
    for key in ("apiGroups", "apiVersions", "resources", "operations"):
        if not rule.get(key):
            yield required(f"{path}.{key}")
    if rule.get("scope", "*") not in RULE_SCOPES:
        yield not_supported(f"{path}.scope", rule["scope"], RULE_SCOPES)


def custom_resource_definition(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    group, crd_names = spec.get("group"), spec.get("names") or {}
    if not group:
        yield required("spec.group")
    for key in ("plural", "kind"):
        if not crd_names.get(key):
            yield required(f"spec.names.{key}")
    wanted = f"{crd_names.get('plural')}.{group}"
    if group and crd_names.get("plural") and name_of(obj) != wanted:
        yield invalid(
            "metadata.name", name_of(obj), f'must be spec.names.plural+"."+spec.group: {wanted}'
        )
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        yield not_supported("spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    versions = spec.get("versions") or []
    if not versions:
        yield required("spec.versions", "must have at least one version")
    elif sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid(
            "spec.versions", versions, "must have exactly one version marked as storage version"
        )
        stored = dig(obj, "status", "storedVersions")
        yield invalid("status.storedVersions", stored, "must be the one storage version")
    for at, version in enumerate(versions):
        found = dig(version, "schema", "openAPIV3Schema")
        if not found:
            yield required(f"spec.versions[{at}].schema.openAPIV3Schema", "schemas are required")
        else:
            # Where all versions have one schema, the server speaks of it in its old place.
            yield from _structural(found, "spec.validation.openAPIV3Schema")


def _structural(schema: Any, path: str) -> Iterator[Cause]:
    """Every value says its type, and a default is a value that the schema allows."""
    if not isinstance(schema, dict):
        return
    if not schema.get("type") and not any(schema.get(name) for name in _UNTYPED):
        yield required(f"{path}.type", "must not be empty for specified object fields")
    if "default" in schema:
        alone = {"type": "object", "properties": {"value": schema}}
        for problem in problems(alone, {"value": schema["default"]}):
            yield invalid(f"{path}.default", schema["default"], problem.message)
    for name, below in (schema.get("properties") or {}).items():
        yield from _structural(below, f"{path}.properties[{name}]")
    if isinstance(schema.get("items"), dict):
        yield from _structural(schema["items"], f"{path}.items")


_UNTYPED = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")


def secret(obj: Obj) -> Iterator[Cause]:
    yield from _base64_data(obj, "data")
    data = obj.get("data") or {}
    if obj.get("type") == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in data:
                yield required(f"data[{key}]")


def config_map(obj: Obj) -> Iterator[Cause]:
    for key, value in (obj.get("data") or {}).items():
        if not isinstance(value, str):
            yield wrong_type(f"data[{key}]", value, "must be a string")
        if not _KEY.fullmatch(key):
            why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
            yield invalid(f"data[{key}]", key, why)
    yield from _base64_data(obj, "binaryData")


def _base64_data(obj: Obj, field: str) -> Iterator[Cause]:
    for key, value in (obj.get(field) or {}).items():
        try:
            base64.b64decode(value or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            yield invalid(f"{field}[{key}]", value, "must be base64")
