"""How every route does: those that clients take to services, and those that workloads serve."""

from web.pages import rows
from web.pages.model.namespaces import names
from web.stats.answer import Answer
from web.stats.backend import Backend
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.query import Query, Question, Ref
from web.stats.routes import answer_routes

KINDS = (Kind.SERVICE, Kind.DEPLOYMENT, Kind.STATEFUL_SET, Kind.DAEMON_SET, Kind.JOB)


async def routes(
    namespace: str, inventory: Inventory, backend: Backend
) -> tuple[Answer, rows.Json]:
    """Of all namespaces when `namespace` is empty. Raises BackendError."""
    window = observed = Query(Ref(Kind.SERVICE)).window
    found = []
    for kind in KINDS:
        if not any(True for _ in inventory.select(Query(Ref(kind, namespace)))):
            continue
        answered = await answer_routes(Question(kind.value, namespace), inventory, backend)
        window, observed = answered.window, min(observed, answered.observed)
        found += [rows.route(one) for one in answered.routes]
    answer = Answer([], window, observed, backend.provenance)
    return answer, {"routes": found, "namespaces": names(inventory)}
