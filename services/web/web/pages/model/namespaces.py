"""The front page: every namespace."""

from web.pages import rows
from web.stats.answer import Answer, answer
from web.stats.backend import Backend
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.query import Query, Question, Ref

QUERIES = (Query(Ref(Kind.NAMESPACE)),)


def names(inventory: Inventory) -> list[str]:
    """Of all namespaces, to choose from."""
    return sorted(one.key.name for one in inventory.select(QUERIES[0]))


async def namespaces(inventory: Inventory, backend: Backend) -> tuple[Answer, rows.Json]:
    """Raises BackendError."""
    found = await answer(Question(Kind.NAMESPACE.value, tcp=True), inventory, backend)
    return found, {"rows": [rows.row(one) for one in found.rows]}
