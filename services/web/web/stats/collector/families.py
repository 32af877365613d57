"""Which series are kept, and which of their labels.

A proxy tells target addresses, status codes, policies and identities apart; rows do not. Series
that differ only in what rows do not ask are added up as they come in.
"""

from dataclasses import dataclass

from web.stats.collector.exposition import ExpositionError, Series
from web.stats.kinds import ALIASES, DST, NAMESPACE_LABEL, Kind
from weft import metrics

RESPONSES = metrics.RESPONSE_TOTAL.name
LATENCY = metrics.RESPONSE_LATENCY_MS.name + "_bucket"
OPEN_CONNECTIONS = metrics.TCP_OPEN_CONNECTIONS.name
READ_BYTES = metrics.TCP_READ_BYTES_TOTAL.name
WRITE_BYTES = metrics.TCP_WRITE_BYTES_TOTAL.name
START_TIME = metrics.PROCESS_START_TIME_SECONDS.name

GAUGES = frozenset({OPEN_CONNECTIONS})
TCP = frozenset({OPEN_CONNECTIONS, READ_BYTES, WRITE_BYTES})
FAMILIES = frozenset({RESPONSES, LATENCY, OPEN_CONNECTIONS, READ_BYTES, WRITE_BYTES})
WANTED = tuple(
    name.encode() + end for name in sorted({*FAMILIES, START_TIME}) for end in (b"{", b" ")
)
"""How the lines begin that are read at all."""

_ROWS = frozenset({NAMESPACE_LABEL, *(kind.value for kind in Kind)})
_KEPT = frozenset({"direction", "peer", "classification"} | {DST + name for name in _ROWS})
_SECURITY = frozenset({"tls", "server_id", "no_tls_reason"})
"""How a connection is secured; kept where links are told, left out where it would multiply buckets."""
_LINKED = frozenset({RESPONSES, OPEN_CONNECTIONS})


@dataclass(frozen=True, slots=True)
class Kept:
    """A series as it is remembered. `bound` is a bucket's upper bound, None outside histograms."""

    family: str
    labels: tuple[tuple[str, str], ...]  # sorted
    bound: float | None = None


def keep(series: Series) -> Kept:
    """What is remembered of a series of FAMILIES. Raises ExpositionError for a bucket without bound."""
    labels = {ALIASES.get(name, name): value for name, value in series.labels}
    bound = None
    if series.name == LATENCY:
        try:
            bound = float(labels["le"])
        except (KeyError, ValueError):
            raise ExpositionError(f"a bucket of {series.name} has no bound `le`") from None
    names = _KEPT | _SECURITY if series.name in _LINKED else _KEPT
    kept = tuple(sorted((name, value) for name, value in labels.items() if name in names))
    return Kept(series.name, kept, bound)
