"""One object: its own numbers, who it talks to, and its pods."""

from collections.abc import Iterable

from web.pages import rows
from web.pages.views import Workload
from web.stats.answer import Answer, answer
from web.stats.backend import Backend
from web.stats.edges import Edge, measure_edges
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.links import End, select_neighbours
from web.stats.query import Query, Question, Ref
from weft.names import TrustDomain


def queries(view: Workload) -> tuple[Query, ...]:
    return (
        Query(Ref(view.kind, view.namespace, view.name)),
        Query(Ref(Kind.POD, view.namespace)),
    )


async def workload(
    view: Workload, inventory: Inventory, backend: Backend, identities: TrustDomain
) -> tuple[Answer, rows.Json]:
    """Raises BackendError."""
    ref = Ref(view.kind, view.namespace, view.name)
    found = await answer(
        Question(view.kind.value, view.namespace, view.name, tcp=True), inventory, backend
    )
    pods = await answer(Question(Kind.POD.value, view.namespace, tcp=True), inventory, backend)
    own = {pod.key.name for pod in inventory.pods_of(ref)}
    edges = await measure_edges(
        select_neighbours(ref), found.window, inventory, backend, identities
    )
    return found, {
        "row": rows.row(found.rows[0]) if found.rows else None,
        "pods": [rows.row(one) for one in pods.rows if one.resource.name in own],
        "edges": [rows.edge(one) for one in edges.edges],
        "neighbours": await _neighbours(ref, edges.edges, inventory, backend),
    }


async def _neighbours(
    ref: Ref, edges: Iterable[Edge], inventory: Inventory, backend: Backend
) -> list[rows.Json]:
    """The rows of the edges' other ends."""
    ends = {end for edge in edges for end in (edge.source, edge.target) if end is not None}
    ends.discard(End(ref.kind, ref.namespace, ref.name))
    found = []
    for kind, home in sorted({(end.kind, end.namespace) for end in ends}):
        answered = await answer(Question(kind.value, home, tcp=True), inventory, backend)
        found += [
            rows.row(one)
            for one in answered.rows
            if End(one.resource.kind, one.resource.namespace, one.resource.name) in ends
        ]
    return found
