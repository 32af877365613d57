"""Whether what no traffic is known of is there at all: asked only when there is nothing to show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.options import Globals
from cli.resources import NAMESPACE, Target
from cli.stats.asking import ask
from cli.stats.flags import resource_of
from cli.stats.missing import missing

if TYPE_CHECKING:
    from weftapi.stats.v1.stats_pb2 import Row

PATH = "/api/v1/stat"


def absent(
    chosen: Globals, targets: Sequence[Target], namespace: str, selector: str = ""
) -> list[str]:
    """A sentence for each target that does not exist; none when all do. Raises ClusterError, CommandError."""
    rows = _rows(chosen, targets, namespace, selector)
    said = missing(targets, namespace, selector, found=rows, shown=rows)
    return said if rows or not said else or_namespace(chosen, targets, namespace, said)


def or_namespace(
    chosen: Globals, targets: Sequence[Target], namespace: str, said: list[str]
) -> list[str]:
    """What is said of targets of which nothing was found, or that their namespace itself is not there.

    Raises ClusterError, CommandError.
    """
    if not namespace or any(target.kind == NAMESPACE for target in targets):
        return said
    if _rows(chosen, [Target(NAMESPACE, namespace)], "", ""):
        return said
    return [f"There is no namespace {namespace}."]


def _rows(chosen: Globals, targets: Sequence[Target], namespace: str, selector: str) -> "list[Row]":
    from weftapi.stats.v1.stats_pb2 import StatResponse

    looks = [
        {
            "resource": resource_of(target, namespace),
            "labelSelector": selector,
            "skipTraffic": True,
        }
        for target in targets
    ]
    return [row for answer in ask(chosen, PATH, looks, StatResponse) for row in answer.rows]
