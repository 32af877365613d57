"""What the identity service tells Kubernetes: events on its Deployment and on service accounts."""

from dataclasses import dataclass

from identity.authority import Issued
from identity.issuer import Change, Updated
from identity.metrics import Metrics
from kit.kube.events import Recorder, Subject
from kit.kube.objects import DEPLOYMENTS, SERVICE_ACCOUNTS
from weft.names import IDENTITY_COMPONENT, Workload


@dataclass(frozen=True)
class KubernetesObserver:
    """Turns what happened into events and counts."""

    recorder: Recorder
    metrics: Metrics
    namespace: str

    def issued(self, workload: Workload, issued: Issued) -> None:
        self.recorder.record_nowait(
            Subject(SERVICE_ACCOUNTS, workload.namespace, workload.service_account),
            "Normal",
            "IssuedLeafCertificate",
            f"issued certificate for {workload} until {issued.valid_until.isoformat()}, "
            f"serial {issued.leaf.serial_number}",
        )

    def issuer_invalid(self, why: str) -> None:
        self.recorder.record_nowait(self._deployment, "Warning", "IssuerValidationFailed", why)

    def issuer_changed(self, change: Change) -> None:
        if isinstance(change, Updated):
            self.metrics.reloads.labels("updated").inc()
            message = f"the issuer is now {change.issuer!r}"
            self.recorder.record_nowait(self._deployment, "Normal", "IssuerUpdated", message)
        else:
            self.metrics.reloads.labels("skipped").inc()
            message = f"the changed issuer is not used: {change.why}"
            self.recorder.record_nowait(self._deployment, "Warning", "IssuerUpdateSkipped", message)

    @property
    def _deployment(self) -> Subject:
        return Subject(DEPLOYMENTS, self.namespace, IDENTITY_COMPONENT)
