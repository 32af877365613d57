"""Which Server describes a pod's port.

Several may match; the oldest counts, then the first by name, so that adding one never changes what
is already in force.
"""

from destination.index import Reader
from destination.model import Pod
from destination.policy.model import Server


def server_for(reader: Reader, pod: Pod, port: int) -> Server | None:
    """The Server in the pod's namespace that selects the pod and this port."""
    matching = [
        one
        for one in reader.by(reader.index.servers, "namespace", pod.key.namespace)
        if port in pod.numbers(one.port) and one.pods.selects(pod.labels)
    ]
    return min(matching, key=lambda one: (one.created, one.key.name), default=None)
