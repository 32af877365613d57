"""Priority and DefaultTolerationSeconds: small things every pod of a real cluster carries."""

from sandbox.apiserver.admission.attributes import Attributes
from sandbox.apiserver.errors import ForbiddenError
from sandbox.apiserver.kinds import POD, PRIORITY_CLASS
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.store import Store

TOLERATION_SECONDS = 300
TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit(store: Store, write: Attributes) -> None:
    pod = write.object
    if write.kind.key != POD.key or write.operation != "CREATE" or write.subresource or pod is None:
        return
    _prioritise(store, write, pod["spec"])
    _tolerate(pod["spec"])


def _prioritise(store: Store, write: Attributes, spec: Obj) -> None:
    name = spec.get("priorityClassName")
    value, policy = 0, "PreemptLowerPriority"
    if name:
        found = store.find(PRIORITY_CLASS, "", name)
        if found is None:
            raise ForbiddenError.on(POD, write.name, f"no PriorityClass with name {name} was found")
        value, policy = found.get("value", 0), found.get("preemptionPolicy", policy)
    spec["priority"] = value
    spec.setdefault("preemptionPolicy", policy)


def _tolerate(spec: Obj) -> None:
    tolerations = list(spec.get("tolerations") or [])
    for taint in TAINTS:
        if not any(_covers(one, taint) for one in tolerations):
            tolerations.append(
                {
                    "key": taint,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": TOLERATION_SECONDS,
                }
            )
    spec["tolerations"] = tolerations


def _covers(toleration: Obj, taint: str) -> bool:
    return toleration.get("key") in (None, "", taint) and toleration.get("effect") in (
        None,
        "",
        "NoExecute",
    )
