"""Where series live: the interface that the embedded collector and Prometheus both stand behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from web.stats.links import Link, LinkSelection, Security
from web.stats.selection import Selection
from web.stats.tallies import TallySelection


class Group(NamedTuple):
    """One row's worth of series. `namespace` is empty when rows have none."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds; None when nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class TcpTotals:
    """Connections open now; bytes over the window."""

    open_connections: float = 0.0
    read_bytes: float = 0.0
    write_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one group's series say of a window."""

    success: float = 0.0
    failure: float = 0.0
    latency: Latency = Latency()
    tcp: TcpTotals | None = None
    """None when not asked for, or when no series of the group counts connections."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An answer, and over how many seconds of the window it was really watched."""

    traffic: Mapping[Group, Traffic]
    observed: float


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes over one link, and what its proxies say of how its connections are secured."""

    traffic: Traffic
    security: frozenset[Security] = frozenset()


@dataclass(frozen=True, slots=True)
class MeasuredLinks:
    """Links, and over how many seconds of the window they were really watched."""

    flows: Mapping[Link, Flow]
    observed: float


@dataclass(frozen=True, slots=True)
class Tallied:
    """Requests by group of labels, and over how many seconds of the window they were watched."""

    traffic: Mapping[tuple[str, ...], Traffic]
    observed: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where numbers come from."""

    backend: str
    """`embedded` or `prometheus`."""
    since: float | None = None
    """Epoch seconds since when it has been this one; None before the first number."""
    fallback_reason: str = ""
    """Why it is not the Prometheus that is configured; empty when it is, or none is."""


class Sample(NamedTuple):
    """Answered requests of one window in the past."""

    success: float
    failure: float


@dataclass(frozen=True, slots=True)
class History:
    """How it was: for every group a sample at each moment. Moments are seconds before now, rising."""

    moments: Sequence[float]
    samples: Mapping[Group, Sequence[Sample]]


class BackendError(Exception):
    """The backend could not answer; the message says why and what to look at."""


class Backend(Protocol):
    """What both backends promise; `web.stats.tests.backend_contract` holds them to it."""

    @property
    def provenance(self) -> Provenance:
        """Where the last answer came from."""

    @property
    def max_window(self) -> float:
        """Seconds the backend remembers."""

    async def measure(self, selection: Selection, window: float) -> Measured:
        """Traffic by group over the last `window` seconds. Raises BackendError.

        A group is there when the backend knows a series of it that was asked for, even if nothing
        moved in the window.
        """

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        """Links known in the last `window` seconds. Raises BackendError.

        Security is of connections that are open now, or, where none is, of those that were.
        """

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        """Requests by group over the last `window` seconds. Raises BackendError.

        A group is there when the backend knows a series of it, even if nothing moved in the window.
        """

    async def history(self, selection: Selection, window: float, step: float) -> History:
        """What `measure` would have found at every `step` seconds of the past. Raises BackendError."""

    @property
    def age(self) -> float | None:
        """Seconds since the newest number was measured; None before the first."""
