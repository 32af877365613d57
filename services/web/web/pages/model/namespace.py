"""A namespace: who talks to whom in it, and everything in it by kind."""

from web.pages import rows
from web.stats.answer import Answer, answer
from web.stats.backend import Backend
from web.stats.edges import measure_edges
from web.stats.inventory import Inventory
from web.stats.kinds import ALL, IN_ALL, Kind
from web.stats.links import select_neighbours
from web.stats.query import Query, Question, Ref
from weft.names import TrustDomain


def queries(name: str) -> tuple[Query, ...]:
    return tuple(Query(Ref(kind, name)) for kind in IN_ALL)


async def namespace(
    name: str, inventory: Inventory, backend: Backend, identities: TrustDomain
) -> tuple[Answer, rows.Json]:
    """Raises BackendError."""
    found = await answer(Question(ALL, name, tcp=True), inventory, backend)
    near = select_neighbours(Ref(Kind.NAMESPACE, name))
    edges = await measure_edges(near, found.window, inventory, backend, identities)
    return found, {
        "rows": [rows.row(one) for one in found.rows],
        "edges": [rows.edge(one) for one in edges.edges],
    }
