"""What the proxy-injector tells Kubernetes: events on the workload a pod belongs to."""

import logging
from dataclasses import dataclass

from kit.kube.events import Recorder, Subject
from kit.kube.objects import PODS
from proxy_injector.owners import OWNERS, Parent

log = logging.getLogger(__name__)

INJECTED = "Linkerd sidecar proxy injected"
SKIPPED = "Linkerd sidecar proxy injection skipped: "
"""Linkerd's words, which alerts and scripts look for."""


@dataclass(frozen=True, slots=True)
class KubernetesObserver:
    """Turns what happened into events and log lines."""

    recorder: Recorder

    def injected(self, namespace: str, parent: Parent) -> None:
        """Normal event `Injected`."""
        self.recorder.record_nowait(subject_of(namespace, parent), "Normal", "Injected", INJECTED)
        log.info(
            "injected", extra={"namespace": namespace, "owner": f"{parent.kind}/{parent.name}"}
        )

    def skipped(self, namespace: str, parent: Parent, why: str) -> None:
        """Normal event `InjectionSkipped`."""
        self.recorder.record_nowait(
            subject_of(namespace, parent), "Normal", "InjectionSkipped", SKIPPED + why
        )
        log.info(
            "skipped",
            extra={"namespace": namespace, "owner": f"{parent.kind}/{parent.name}", "why": why},
        )

    def unending(self, namespace: str, parent: Parent, why: str) -> None:
        """Warning event `InjectedPodNeverEnds`: who makes a Job does not see the webhook's own warning."""
        self._warn(namespace, parent, "InjectedPodNeverEnds", "will not end", why)

    def refused(self, namespace: str, parent: Parent, why: str) -> None:
        """Warning event `InjectionRefused`."""
        self._warn(namespace, parent, "InjectionRefused", "refused", why)

    def _warn(self, namespace: str, parent: Parent, reason: str, said: str, why: str) -> None:
        self.recorder.record_nowait(subject_of(namespace, parent), "Warning", reason, why)
        log.warning(
            said,
            extra={"namespace": namespace, "owner": f"{parent.kind}/{parent.name}", "why": why},
        )


def subject_of(namespace: str, parent: Parent) -> Subject:
    """What an event about a workload is attached to."""
    return Subject(OWNERS.get(parent.kind, PODS), namespace, parent.name, parent.uid)
