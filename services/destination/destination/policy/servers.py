"""Which Server describes a workload's port.

Several may match; the oldest counts, then the first by name, so that adding one never changes what
is already in force.
"""

from destination.index import Reader
from destination.model import Pod, Workload
from destination.policy.model import Server


def server_for(reader: Reader, workload: Workload, port: int) -> Server | None:
    """The Server in the workload's namespace that selects it and this port."""
    matching = [
        one
        for one in reader.by(reader.index.servers, "namespace", workload.key.namespace)
        if port in workload.numbers(one.port) and _selects(one, workload)
    ]
    return min(matching, key=lambda one: (one.created, one.key.name), default=None)


def _selects(server: Server, workload: Workload) -> bool:
    selector = server.pods if isinstance(workload, Pod) else server.external_workloads
    return selector is not None and selector.selects(workload.labels)
