"""Is this a pod that asks for a proxy and runs without one, and would a new one in its place have one?"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy_injector.annotations import AnnotationError
from proxy_injector.decide import Decision, Reason, decide
from proxy_injector.defaults import Installation
from proxy_injector.pod import Json, MalformedObject, mapping_at, strings_at
from proxy_injector.sidecar import Owner
from proxy_injector.verdict import judged, sentence
from weft import labels

log = logging.getLogger(__name__)

NOT_JUDGED = "it could not be judged: "
NOT_SENT_LABELS = (labels.CONTROL_PLANE_COMPONENT_LABEL, labels.CNI_RESOURCE_LABEL)
"""Pods with one of these are never sent to the webhook."""


@dataclass(frozen=True, slots=True)
class Unmeshed:
    """What keeps a pod from its proxy."""

    against: str = ""
    """Why a pod made in its place would have none either, in the injector's words; empty: it would have one."""


def find_unmeshed(pod: Json, namespace: Json, installed: Installation) -> Unmeshed | None:
    """None for a pod that has a proxy or asks for none. Both objects are as the API server has them.

    Never raises: whoever looks through all pods of a cluster must not stop at one, which anybody may have made.
    """
    try:
        return _find(pod, namespace, installed)
    except MalformedObject:
        return None
    except Exception as error:
        metadata = pod.get("metadata") or {}
        about = {"namespace": metadata.get("namespace"), "pod": metadata.get("name")}
        log.exception("a pod could not be judged", extra=about)
        return Unmeshed(f"{NOT_JUDGED}{error!r}")


def _find(pod: Json, namespace: Json, installed: Installation) -> Unmeshed | None:
    """Raises MalformedObject."""
    metadata = mapping_at(pod, "metadata", "object")
    if any(name in strings_at(metadata, "labels", "metadata") for name in NOT_SENT_LABELS):
        return None
    own = strings_at(metadata, "annotations", "metadata")
    within = mapping_at(namespace, "metadata", "object")
    inherited = strings_at(within, "annotations", "metadata")
    decision = decide(mapping_at(pod, "spec", "object"), own, inherited)
    if decision.inject:
        refusal = _refusal(pod, decision, own, inherited, installed)
        return Unmeshed(never_sent(namespace, installed) or refusal)
    return Unmeshed(sentence(decision)) if decision.reasons == (Reason.HOST_NETWORK,) else None


def never_sent(namespace: Json, installed: Installation) -> str:
    """Why the API server does not ask the webhook about pods of this namespace; empty when it does."""
    metadata: Mapping[str, Any] = namespace.get("metadata") or {}
    name = metadata.get("name")
    if (metadata.get("labels") or {}).get(labels.ADMISSION_WEBHOOKS_LABEL) == "disabled":
        return f'namespace {name} has the label "{labels.ADMISSION_WEBHOOKS_LABEL}: disabled"'
    if name in installed.excluded_namespaces:
        return f"namespace {name} is one of proxyInjector.excludedNamespaces"
    return ""


def _refusal(
    pod: Json,
    decision: Decision,
    own: Mapping[str, str],
    inherited: Mapping[str, str],
    installed: Installation,
) -> str:
    metadata = mapping_at(pod, "metadata", "object")
    try:
        judged(
            installed,
            pod,
            decision,
            own,
            inherited,
            namespace=str(metadata.get("namespace") or ""),
            owner=Owner("pod", str(metadata.get("name") or "")),
            native_available=True,
        )
    except AnnotationError as error:
        return str(error)
    return ""
