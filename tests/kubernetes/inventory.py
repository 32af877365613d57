"""Every object of a cluster by name, without what comes and goes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster

PASSING = {"events", "events.events.k8s.io", "componentstatuses", "leases.coordination.k8s.io"}
"""Written by every cluster all the time, or no objects."""
_MARK = "|"
_NAME = '{range .items[*]}{.kind}|{.metadata.namespace}|{.metadata.name}{"\\n"}{end}'


def names(cluster: Cluster) -> set[str]:
    """`Kind|namespace|name` of every object that anybody can list."""
    return _lines(cluster, _NAME, "--all-namespaces")


def _lines(cluster: Cluster, template: str, *options: str) -> set[str]:
    found = set()
    for plural in cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split():
        if plural in PASSING:
            continue
        said = cluster.kubectl("get", plural, *options, "-o", f"jsonpath={template}")
        found |= {line for line in said.splitlines() if line.strip(_MARK)}
    return found
