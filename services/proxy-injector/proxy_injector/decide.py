"""Is this pod to be injected, and if not, why.

Linkerd's rule: `linkerd.io/inject` on the pod wins over the namespace's; only `enabled` and
`ingress` inject; some pods are never injected whatever the annotation says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from proxy_injector.pod import container_ports, containers, init_containers
from weft import labels


class Reason(Enum):
    """Why a pod is left alone: the metric's label and a sentence for the event."""

    HOST_NETWORK = ("host_network_enabled", "hostNetwork is enabled")
    SIDECAR_EXISTS = ("sidecar_already_exists", "pod has a sidecar injected already")
    UNSUPPORTED = ("unsupported_resource", "this resource kind is unsupported")
    NOT_ENABLED = (
        "injection_enable_annotation_absent",
        f'neither the namespace nor the pod have the annotation "{labels.INJECT}:{labels.INJECT_ENABLED}"',
    )
    DISABLED = (
        "injection_disable_annotation_present",
        f'pod has the annotation "{labels.INJECT}:{labels.INJECT_DISABLED}"',
    )
    INVALID_AT_WORKLOAD = (
        "invalid_inject_annotation_at_workload",
        f'invalid value for annotation "{labels.INJECT}" at workload',
    )
    INVALID_AT_NAMESPACE = (
        "invalid_inject_annotation_at_ns",
        f'invalid value for annotation "{labels.INJECT}" at namespace',
    )

    def __init__(self, label: str, sentence: str) -> None:
        self.label = label
        self.sentence = sentence


SIDECAR_NAMES = frozenset({"linkerd-proxy", "linkerd-init", "istio-proxy", "istio-init"})
SIDECAR_IMAGES = (
    "cr.l5d.io/linkerd/proxy:",
    "cr.l5d.io/linkerd/proxy-init:",
    "gcr.io/istio-release/proxyv2:",
    "gcr.io/istio-release/proxy_init:",
)
_INJECTING = (labels.INJECT_ENABLED, labels.INJECT_INGRESS)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a pod. Injected exactly when there is no reason against it."""

    reasons: tuple[Reason, ...]
    annotation_at: str
    """`workload` or `namespace`, whichever `linkerd.io/inject` spoke; empty when neither did."""
    udp: bool = False
    """The pod declares UDP ports, which bypass the proxy: worth a warning, no reason."""

    @property
    def inject(self) -> bool:
        """Whether the proxy is added."""
        return not self.reasons

    def __str__(self) -> str:
        if self.inject:
            return "inject"
        return "skip: " + ", ".join(reason.label for reason in self.reasons)


def decide(
    spec: Mapping[str, Any],
    pod_annotations: Mapping[str, str],
    namespace_annotations: Mapping[str, str],
) -> Decision:
    """Decides for a pod's spec. Raises MalformedObject when the spec is none."""
    reasons = []
    if spec.get("hostNetwork") is True:
        reasons.append(Reason.HOST_NETWORK)
    if has_sidecar(spec):
        reasons.append(Reason.SIDECAR_EXISTS)
    against, annotation_at = _annotation(pod_annotations, namespace_annotations)
    if against is not None:
        reasons.append(against)
    udp = any(protocol == "UDP" for _, _, protocol in container_ports(spec))
    return Decision(tuple(reasons), annotation_at, udp)


def _annotation(pod: Mapping[str, str], namespace: Mapping[str, str]) -> tuple[Reason | None, str]:
    if labels.INJECT in pod:
        value, where, invalid = pod[labels.INJECT], "workload", Reason.INVALID_AT_WORKLOAD
    elif labels.INJECT in namespace:
        value, where, invalid = namespace[labels.INJECT], "namespace", Reason.INVALID_AT_NAMESPACE
    else:
        return Reason.NOT_ENABLED, ""
    if value in _INJECTING:
        return None, where
    if value == labels.INJECT_DISABLED:
        return Reason.DISABLED if where == "workload" else Reason.NOT_ENABLED, where
    return invalid, where


def has_sidecar(spec: Mapping[str, Any]) -> bool:
    """Whether a proxy of this or another mesh is there already."""
    return any(
        container.get("name") in SIDECAR_NAMES
        or str(container.get("image", "")).startswith(SIDECAR_IMAGES)
        for container in containers(spec) + init_containers(spec)
    )
