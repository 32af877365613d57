"""What series of one group or link say, added up as they come. Both backends add here."""

from dataclasses import dataclass, field

from web.stats.backend import Latency, TcpTotals, Traffic
from web.stats.links import Security
from web.stats.quantile import quantile
from web.stats.tallies import FAILURE, SUCCESS

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(slots=True)
class Sums:
    """One group's numbers."""

    success: float = 0.0
    failure: float = 0.0
    buckets: dict[float, float] = field(default_factory=dict)
    """Cumulative counts by upper bound in milliseconds."""
    has_tcp: bool = False
    open_connections: float = 0.0
    read_bytes: float = 0.0
    write_bytes: float = 0.0

    def count(self, classification: str, grown: float) -> None:
        """Answered requests; what is neither success nor failure counts as neither."""
        if classification == SUCCESS:
            self.success += grown
        elif classification == FAILURE:
            self.failure += grown

    def bucket(self, bound: float, grown: float) -> None:
        self.buckets[bound] = self.buckets.get(bound, 0.0) + grown

    def traffic(self, *, tcp: bool) -> Traffic:
        return Traffic(
            self.success,
            self.failure,
            Latency(*(quantile(q, self.buckets) for q in QUANTILES)),
            TcpTotals(self.open_connections, self.read_bytes, self.write_bytes)
            if tcp and self.has_tcp
            else None,
        )


@dataclass(slots=True)
class Secured:
    """What is said of one link's connections: those open now, or else those that were."""

    open: set[Security] = field(default_factory=set)
    closed: set[Security] = field(default_factory=set)

    def add(self, said: Security, *, is_open: bool) -> None:
        (self.open if is_open else self.closed).add(said)

    @property
    def known(self) -> frozenset[Security]:
        return frozenset(self.open or self.closed)
