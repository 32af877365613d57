"""What `mesh stat` says of resources it shows no row of: they do not exist, or nothing of them is meshed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.resources import ALL, AUTHORITY, NAMESPACE, Target, plural

if TYPE_CHECKING:
    from weftapi.stats.v1.stats_pb2 import Row

NO_TRAFFIC = "No traffic found."


def missing(
    targets: Sequence[Target],
    namespace: str,
    selector: str,
    *,
    found: Sequence["Row"],
    shown: Sequence["Row"],
) -> list[str]:
    """A sentence for each target without a row in `shown`; those of a whole kind only if `shown` is empty.

    `found` are all rows the API gave, so what has none there does not exist: its answer has a row for
    every object when no peer was named. An empty `namespace` stands for all.
    """
    return [
        _sentence(target, namespace, selector, _of(target, found))
        for target in targets
        if not _of(target, shown) and (target.name or not shown)
    ]


def _of(target: Target, rows: Sequence["Row"]) -> list["Row"]:
    return [
        row
        for row in rows
        if target.kind in (ALL, row.resource.kind) and target.name in ("", row.resource.name)
    ]


def _sentence(target: Target, namespace: str, selector: str, unmeshed: list["Row"]) -> str:
    if target.kind == AUTHORITY:  # There are no such objects, only requests.
        return NO_TRAFFIC
    place = "" if target.kind == NAMESPACE else _place(namespace)
    labels = f" with labels {selector}" if selector else ""
    if target.name:
        said = f"{target.kind}/{target.name}"
        if unmeshed:
            return (
                f"No pod of {said}{place} is meshed: --unmeshed shows it, `mesh inject` meshes it."
            )
        return f"There is no {said}{labels}{place}."
    kind = "resource" if target.kind == ALL else target.kind
    if unmeshed:
        return (
            f"No {kind}{labels}{place} has a meshed pod: --unmeshed shows them, "
            "`mesh inject` meshes them."
        )
    return f"There are no {plural(kind)}{labels}{place}."


def _place(namespace: str) -> str:
    return f" in namespace {namespace}" if namespace else " in any namespace"
