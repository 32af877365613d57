"""What a probe asks and when its answers count. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

Kind: TypeAlias = Literal["liveness", "readiness", "startup"]


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """One probe of a container, with Kubernetes' defaults where the manifest is silent. Seconds."""

    kind: Kind
    handler: Mapping[str, Any]
    """The probe object itself: exactly one of httpGet, tcpSocket, exec, grpc is in it."""
    initial_delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    successes: int = 1
    failures: int = 3
    grace: float | None = None
    """Overrides the pod's grace period when this probe ends the container."""

    @classmethod
    def of(cls, container: Mapping[str, Any], kind: Kind) -> Self | None:
        found = container.get(f"{kind}Probe")
        if not found:
            return None
        grace = found.get("terminationGracePeriodSeconds")
        return cls(
            kind,
            found,
            initial_delay=float(found.get("initialDelaySeconds") or 0),
            period=float(found.get("periodSeconds") or 10),
            timeout=float(found.get("timeoutSeconds") or 1),
            successes=int(found.get("successThreshold") or 1),
            failures=int(found.get("failureThreshold") or 3),
            grace=None if grace is None else float(grace),
        )


class Thresholds:
    """Counts answers in a row; an answer becomes the verdict when enough of its kind came."""

    def __init__(self, successes: int, failures: int, verdict: bool | None = None) -> None:
        """`verdict` is what holds before the first answer counts."""
        self._needed = {True: successes, False: failures}
        self._last: bool | None = None
        self._run = 0
        self.verdict = verdict

    def __repr__(self) -> str:
        return f"<Thresholds {self.verdict} after {self._run} x {self._last}>"

    def count(self, good: bool) -> bool | None:
        """Take one answer; return the verdict that now holds."""
        self._run = self._run + 1 if good is self._last else 1
        self._last = good
        if self._run >= self._needed[good]:
            self.verdict = good
        return self.verdict


class HandlerError(ValueError):
    """A handler that cannot be carried out as written."""


def port_of(handler: Mapping[str, Any], container: Mapping[str, Any]) -> int:
    """The number of a handler's `port`, which may be a name of the container's. Raises HandlerError."""
    port = handler.get("port")
    if isinstance(port, int) or (isinstance(port, str) and port.isdigit()):
        return int(port)
    for one in container.get("ports") or ():
        if one.get("name") == port:
            return int(one["containerPort"])
    raise HandlerError(f'couldn\'t find port: "{port}"')
