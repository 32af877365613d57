"""What proxies answered or closed for a fault of late, and what their numbers mean."""

from web.pages import rows
from web.pages.model.namespaces import names
from web.stats.answer import Answer
from web.stats.backend import Backend
from web.stats.faults import Fault, FaultsAnswer, answer_faults
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.query import Question
from weft.errors import CATALOGUE, ErrorKind

MOST = 500


async def errors(
    namespace: str, inventory: Inventory, backend: Backend
) -> tuple[Answer, rows.Json]:
    """Of all namespaces when `namespace` is empty. Asks every proxy."""
    question = Question(Kind.NAMESPACE.value, name=namespace)
    found = await answer_faults(question, MOST, inventory)
    return Answer([], 0.0, 0.0, backend.provenance), {
        "errors": [_error(one) for one in found.faults],
        "kinds": [_kind(one) for one in _kinds(found)],
        "proxies": found.proxies,
        "unanswered": [
            {"pod": rows.ref(one.pod), "reason": one.reason} for one in found.unanswered
        ],
        "namespaces": names(inventory),
    }


def _kinds(found: FaultsAnswer) -> list[ErrorKind]:
    numbers = {fault.number for fault in found.faults}
    return [kind for kind in CATALOGUE if kind.number in numbers]


def _error(found: Fault) -> rows.Json:
    """`at`, the last time, and `first` in epoch seconds."""
    return {
        "pod": rows.ref(found.pod),
        "at": found.at,
        "side": found.side,
        "peer": found.peer,
        "route": found.route,
        "endpoint": found.endpoint,
        "number": found.number,
        "cause": found.cause,
        "first": found.first,
        "count": found.count,
    }


def _kind(found: ErrorKind) -> rows.Json:
    return {
        "number": found.number,
        "name": found.name,
        "meaning": found.meaning,
        "causes": found.causes,
        "advice": found.advice,
    }
