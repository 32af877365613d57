"""Defaults of namespaces, secrets, role bindings, webhooks and CRDs."""

import base64
from typing import Any

from sandbox.apiserver.objects import Obj, dig, name_of

NAME_LABEL = "kubernetes.io/metadata.name"
RBAC_GROUP = "rbac.authorization.k8s.io"


def namespace(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if not dig(obj, "metadata", "deletionTimestamp"):
        spec.setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")
    if name_of(obj):
        labels = obj["metadata"].get("labels") or {}
        obj["metadata"]["labels"] = {**labels, NAME_LABEL: name_of(obj)}


def node(obj: Obj) -> None:
    obj.setdefault("spec", {})
    obj.setdefault("status", {})


def secret(obj: Obj) -> None:
    obj.setdefault("type", "Opaque")
    _encode_string_data(obj)


def _encode_string_data(obj: Obj) -> None:
    """`stringData` is write-only: it ends up in `data`, base64."""
    for key, value in (obj.pop("stringData", None) or {}).items():
        encoded = base64.b64encode(str(value).encode()).decode()
        obj.setdefault("data", {})[key] = encoded


def binding(obj: Obj) -> None:
    reference = obj.get("roleRef")
    if isinstance(reference, dict):
        reference.setdefault("apiGroup", RBAC_GROUP)
    for subject in obj.get("subjects") or []:
        if isinstance(subject, dict) and subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", RBAC_GROUP)


def validating_webhooks(obj: Obj) -> None:
    for webhook in _dicts(obj.get("webhooks")):
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("matchPolicy", "Equivalent")
        webhook.setdefault("timeoutSeconds", 10)
        for selector in ("namespaceSelector", "objectSelector"):
            if webhook.get(selector) is None:
                webhook[selector] = {}
        for rule in _dicts(webhook.get("rules")):
            rule.setdefault("scope", "*")
        service = dig(webhook, "clientConfig", "service")
        if isinstance(service, dict):
            service.setdefault("port", 443)


def mutating_webhooks(obj: Obj) -> None:
    validating_webhooks(obj)
    for webhook in _dicts(obj.get("webhooks")):
        webhook.setdefault("reinvocationPolicy", "Never")


def custom_resource_definition(obj: Obj) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    names = spec.get("names")
    if isinstance(names, dict) and isinstance(names.get("kind"), str):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    if spec.get("conversion") is None:
        spec["conversion"] = {"strategy": "None"}
    stored = [one.get("name") for one in _dicts(spec.get("versions")) if one.get("storage")]
    if obj.get("status") is None:
        nothing = {"kind": "", "plural": ""}
        obj["status"] = {"conditions": None, "acceptedNames": nothing, "storedVersions": stored}


def api_service(obj: Obj) -> None:
    service = dig(obj, "spec", "service")
    if isinstance(service, dict):
        service.setdefault("port", 443)
    obj.setdefault("status", {})


def volume(obj: Obj) -> None:
    spec = obj.get("spec")
    if isinstance(spec, dict):
        spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
        spec.setdefault("volumeMode", "Filesystem")
        if isinstance(spec.get("hostPath"), dict):
            spec["hostPath"].setdefault("type", "")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def storage_class(obj: Obj) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def priority_class(obj: Obj) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def limit_range(obj: Obj) -> None:
    """A container's limit that nobody gave a request is its request as well."""
    for limit in _dicts(dig(obj, "spec", "limits")):
        if limit.get("type") == "Container" and limit.get("default"):
            limit["defaultRequest"] = {**limit["default"], **(limit.get("defaultRequest") or {})}


def resource_quota(obj: Obj) -> None:
    obj.setdefault("status", {})


def _dicts(items: Any) -> list[Obj]:
    return [item for item in items or [] if isinstance(item, dict)]
