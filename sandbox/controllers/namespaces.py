"""What every namespace holds, and how it ends."""

from collections.abc import Sequence

from sandbox.controllers.actions import Action, Create, Delete, Update
from sandbox.controllers.objects import Object, deleting, name, spec, with_spec

FINALIZER = "kubernetes"
ROOT_CA = "kube-root-ca.crt"
ROOT_CA_NOTE = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal"
    " endpoints such as the internal service IP or kubernetes.default.svc. No other usage is"
    " guaranteed across distributions of Kubernetes clusters."
)


def decide_service_account(namespace: Object, present: Object | None) -> list[Action]:
    if deleting(namespace) or present is not None:
        return []
    return [
        Create(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": name(namespace)},
            }
        )
    ]


def decide_root_ca(namespace: Object, present: Object | None, bundle: str) -> list[Action]:
    """The ConfigMap through which pods come to trust the API server."""
    if deleting(namespace):
        return []
    data = {"ca.crt": bundle}
    if present is None:
        made: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": ROOT_CA,
                "namespace": name(namespace),
                "annotations": {"kubernetes.io/description": ROOT_CA_NOTE},
            },
            "data": data,
        }
        return [Create(made)]
    return [] if present.get("data") == data else [Update({**present, "data": data})]


def decide_finalization(namespace: Object, contents: Sequence[Object]) -> list[Action]:
    """Delete what is in it; when nothing is left, let it go."""
    if not deleting(namespace):
        return []
    if contents:
        return [Delete(obj) for obj in contents if not deleting(obj)]
    finalizers = spec(namespace).get("finalizers") or []
    if FINALIZER not in finalizers:
        return []
    return [Update(with_spec(namespace, finalizers=[f for f in finalizers if f != FINALIZER]))]
