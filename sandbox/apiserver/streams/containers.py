"""Which container of a pod is meant. Pure."""

from sandbox.apiserver.errors import BadRequestError
from sandbox.apiserver.objects import Obj, annotations_of, name_of, spec_of

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def chosen(pod: Obj, wanted: str, purpose: str) -> str:
    """The container's name. BadRequestError when none is named and there are several, or none so."""
    spec = spec_of(pod)
    ordinary = [one["name"] for one in spec.get("containers") or []]
    initial = [one["name"] for one in spec.get("initContainers") or []]
    if wanted:
        if wanted not in ordinary + initial:
            raise BadRequestError(f"container {wanted} is not valid for pod {name_of(pod)}")
        return wanted
    default = annotations_of(pod).get(DEFAULT_CONTAINER)
    if default is not None and default in ordinary:
        return default
    if len(ordinary) == 1 or purpose != "log":
        return str(ordinary[0])
    listed = " ".join(ordinary)
    also = f" or one of the init containers: [{' '.join(initial)}]" if initial else ""
    raise BadRequestError(
        f"a container name must be specified for pod {name_of(pod)}, choose one of: [{listed}]{also}"
    )
