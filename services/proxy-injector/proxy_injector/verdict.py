"""What is said about a pod: how it is changed, or why it is not, or why it is refused.

The webhook says it of pods that are created; the search for pods that run unmeshed asks what it would say.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy_injector.annotations import apply_annotations, unknown_annotations
from proxy_injector.decide import Decision
from proxy_injector.defaults import ControlPlane, Installation
from proxy_injector.ending import never_ends
from proxy_injector.patch import Operations, opaque_patch, pod_patch
from proxy_injector.pod import Json, mapping_at
from proxy_injector.sidecar import Owner, build
from weft.version import VERSION

CREATED_BY = f"weft/proxy-injector {VERSION}"
UDP_WARNING = "pod declares UDP ports, whose traffic does not pass the proxy"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say about an object that could be judged."""

    operations: Operations
    warnings: tuple[str, ...] = ()
    never_ends: str = ""
    """Why a pod that is to end will not; it is one of the warnings as well. Empty: it will."""


def judged(
    installed: Installation,
    pod: Json,
    decision: Decision,
    own: Mapping[str, str],
    inherited: Mapping[str, str],
    *,
    namespace: str,
    owner: Owner,
    native_available: bool,
) -> Verdict:
    """Of a pod with these annotations of its own and of its namespace.

    Raises AnnotationError and MalformedObject: the pod is refused.
    """
    if not decision.inject:
        return Verdict(opaque_patch("Pod", pod, installed.settings.opaque_ports, inherited))
    settings = apply_annotations(installed.settings, inherited, own)
    spec = mapping_at(pod, "spec", "object")
    sidecar = build(
        installed.mesh,
        settings,
        spec,
        control_plane=ControlPlane.services(installed.mesh),
        namespace=namespace,
        owner=owner,
        created_by=CREATED_BY,
        native_available=native_available,
    )
    warnings = unknown_annotations(own)
    if decision.udp:
        warnings.append(UDP_WARNING)
    unending = never_ends(spec, settings, native=sidecar.native)
    if unending:
        warnings.append(unending)
    return Verdict(pod_patch(pod, sidecar, settings, inherited), tuple(warnings), unending)


def sentence(decision: Decision) -> str:
    """The reasons of a skipped pod, for people."""
    return "; ".join(reason.sentence for reason in decision.reasons)
