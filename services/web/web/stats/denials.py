"""What policy kept out, by the Server or route at which it was.

What is kept out was let in by no authorization, so authorizations have no such numbers.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from web.stats import tallies
from web.stats.backend import Backend, Group
from web.stats.kinds import NAMESPACE_LABEL, ROUTES, Kind
from web.stats.policies import groups, policy
from web.stats.query import Query
from web.stats.selection import select
from web.stats.tallies import Source, TallySelection

_KINDS = (*ROUTES, Kind.SERVER)
_SERVER = ("srv_kind", "srv_name")


@dataclass(frozen=True, slots=True)
class Denials:
    """What was kept out at one object at which something came in, per second."""

    requests: float = 0.0
    connections: float = 0.0
    """Of ports that are not HTTP."""
    servers: tuple[str, ...] = ()
    """Names of the Servers at which it came in, ordered."""


async def measure(query: Query, backend: Backend) -> Mapping[Group, Denials]:
    """Of each object of the query at which something came in; none of other kinds. Raises BackendError."""
    if query.rows.kind not in _KINDS:
        return {}
    requests = await _tally(tallies.AUTHORIZED, query, backend)
    connections = (
        await _tally(tallies.TCP_AUTHORIZED, query, backend)
        if query.rows.kind is Kind.SERVER
        else _Tallied({}, {})
    )
    return {
        group: Denials(
            requests.rates.get(group, 0.0),
            connections.rates.get(group, 0.0),
            tuple(sorted(requests.servers.get(group, ()))),
        )
        for group in {*requests.rates, *connections.rates}
    }


@dataclass(frozen=True, slots=True)
class _Tallied:
    rates: Mapping[Group, float]
    servers: Mapping[Group, set[str]]


async def _tally(source: Source, query: Query, backend: Backend) -> _Tallied:
    selection = select(query)
    labels = tuple(dict.fromkeys((NAMESPACE_LABEL, selection.name_label, *_SERVER)))
    tallied = await backend.tally(TallySelection(source, selection.match, labels), query.window)
    rates: defaultdict[Group, float] = defaultdict(float)
    servers: defaultdict[Group, set[str]] = defaultdict(set)
    for values, traffic in groups(tallied.traffic, labels):
        group = Group(values[NAMESPACE_LABEL], values[selection.name_label])
        rates[group] += traffic.failure / tallied.observed if tallied.observed > 0 else 0.0
        server = policy(values, "srv")
        if server.kind == Kind.SERVER:
            servers[group].add(server.name)
    return _Tallied(rates, servers)
