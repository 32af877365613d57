"""What is known about a workload when it is asked why it fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

INBOUND = "inbound"
OUTBOUND = "outbound"
IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of a proxy's `/errors`: faults that are alike, counted."""

    at: datetime
    """When it happened last."""
    side: str
    """`inbound`, `outbound` or `identity`."""
    peer: str
    """Inbound: the client's address, and its identity if it proved one. Outbound: where the
    application wanted to go, as `ip:port`."""
    route: str
    endpoint: str
    """`ip:port`; empty when the request was sent nowhere."""
    number: int
    name: str
    cause: str
    first: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class Proxy:
    """What a pod's proxy said about itself."""

    problem: str = ""
    """Why it could not be asked; the rest says nothing then."""
    ready: bool = False
    certificate_refreshed: datetime | None = None
    certificate_expires: datetime | None = None
    """None: it has none."""
    faults: tuple[Fault, ...] = ()
    """The newest first."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the workload, or one that talks to it."""

    namespace: str
    name: str
    workload: str
    """`deploy/web`; `po/web-1` for a pod of its own."""
    ip: str
    proxy: Proxy | None
    """None when it is not meshed."""
    unmeshed_because: str = ""
    unmeshed_advice: str = ""
    troubles: tuple[str, ...] = ()
    """Of its containers but for the proxy: a sentence for each that should be ready and is not."""
    ports: frozenset[int] = frozenset()
    """What the application's containers declare."""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """A Service that somebody asked for, or that is the workload's own."""

    namespace: str
    name: str
    ips: frozenset[str]
    ports: Mapping[int, str]
    """Port -> target port, as the Service writes it."""
    selector: Mapping[str, str]
    """Empty: its endpoints are kept by hand."""
    pods: int
    ready: int
    """How many of the pods it selects are ready."""

    def selects(self, pod: Pod) -> bool:
        return (
            bool(self.selector)
            and self.namespace == pod.namespace
            and self.selector.items() <= pod.labels.items()
        )

    def __str__(self) -> str:
        return f"svc/{self.name}.{self.namespace}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything, at one moment."""

    now: datetime
    said: str
    """The workload as people say it: `deployment/web`."""
    namespace: str
    pods: tuple[Pod, ...]
    """Of the workload."""
    others: tuple[Pod, ...] = ()
    """Every other pod that is known, its faults included if it was asked."""
    services: tuple[Service, ...] = ()
    identity_troubles: tuple[str, ...] = ()
    """What is wrong with the identity service's pods."""
    not_asked: int = 0
    """Pods that may talk to the workload and were not asked, because they are too many."""
