"""Which series are kept, and which of their labels.

A proxy tells target addresses, status codes and identities apart; answers do not. Series that differ
only in what no answer asks are added up as they come in.
"""

from dataclasses import dataclass

from web.stats import tallies
from web.stats.collector.exposition import ExpositionError, Series
from web.stats.kinds import ALIASES, DST, NAMESPACE_LABEL, OBJECTS, Kind
from web.stats.quantile import upper_bound
from web.stats.tallies import CLASSIFICATION, Count, Times
from weft import metrics

RESPONSES = metrics.RESPONSE_TOTAL.name
LATENCY = metrics.RESPONSE_LATENCY_MS.name + "_bucket"
OPEN_CONNECTIONS = metrics.TCP_OPEN_CONNECTIONS.name
READ_BYTES = metrics.TCP_READ_BYTES_TOTAL.name
WRITE_BYTES = metrics.TCP_WRITE_BYTES_TOTAL.name
START_TIME = metrics.PROCESS_START_TIME_SECONDS.name

GAUGES = frozenset({OPEN_CONNECTIONS})
TCP = frozenset({OPEN_CONNECTIONS, READ_BYTES, WRITE_BYTES})
COUNTS: dict[str, Count] = {
    count.family: count for source in tallies.SOURCES for count in source.counts
}
TIMES: dict[str, Times] = {
    times.family: times for source in tallies.SOURCES for times in source.times
}
FAMILIES = frozenset({*COUNTS, *TIMES, *TCP})
WANTED = tuple(
    name.encode() + end for name in sorted({*FAMILIES, START_TIME}) for end in (b"{", b" ")
)
"""How the lines begin that are read at all."""

_ROWS = frozenset({NAMESPACE_LABEL, *(kind.value for kind in OBJECTS)})
_PEERS = frozenset({"direction", "peer", Kind.AUTHORITY.value} | {DST + name for name in _ROWS})
_SECURITY = frozenset({"tls", "server_id", "no_tls_reason"})
"""How a connection is secured; kept where links are told, left out where it would multiply buckets."""
_LINKED = frozenset({RESPONSES, OPEN_CONNECTIONS})
_POLICY = frozenset(
    {"srv_kind", "srv_name", "srv_port", "route_kind", "route_name", "authz_kind", "authz_name"}
    | {"route_namespace", "parent_kind", "parent_namespace", "parent_name", "parent_port"}
    | {"dst", "rt_route"}
)
"""What routes and authorizations are told apart by."""
_GUARD = frozenset({"srv_kind", "srv_name"})
"""What connections are told apart by."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A series as it is remembered. `bound` is a bucket's upper bound in milliseconds, None outside
    histograms."""

    family: str
    labels: tuple[tuple[str, str], ...]  # sorted
    bound: float | None = None


def keep(series: Series) -> Kept:
    """What is remembered of a series of FAMILIES. Raises ExpositionError for a bucket without a bound.

    What a count says of success is worked out here: `classification` is all that is kept of it.
    """
    labels = {ALIASES.get(name, name): value for name, value in series.labels}
    names = _PEERS | (_GUARD if series.name in TCP else _POLICY)
    if series.name in _LINKED:
        names |= _SECURITY
    kept = {name: value for name, value in labels.items() if name in names}
    bound = None
    if times := TIMES.get(series.name):
        said_bound = upper_bound(labels.get("le", ""))
        if said_bound is None:
            raise ExpositionError(f"a bucket of {series.name} has no bound `le` from 0 to +Inf")
        bound = said_bound * times.milliseconds
    elif count := COUNTS.get(series.name):
        said = count.verdict.classify(labels)
        kept |= {CLASSIFICATION: said} if said else {}
    return Kept(series.name, tuple(sorted(kept.items())), bound)
