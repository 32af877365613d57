"""NamespaceLifecycle: nothing is created where there is no namespace, or one that is going."""

from sandbox.apiserver.admission.attributes import Attributes
from sandbox.apiserver.errors import ForbiddenError, NotFoundError
from sandbox.apiserver.kinds import LOCAL_SUBJECT_ACCESS_REVIEW, NAMESPACE
from sandbox.apiserver.objects import dig, is_deleting
from sandbox.apiserver.store import Store

IMMORTAL = ("default", "kube-system", "kube-public")


def admit(store: Store, write: Attributes) -> None:
    if write.kind.key == NAMESPACE.key:
        if write.operation == "DELETE" and write.name in IMMORTAL:
            raise ForbiddenError.on(NAMESPACE, write.name, "this namespace may not be deleted")
        return
    if write.operation != "CREATE" or not write.kind.namespaced:
        return
    if write.kind == LOCAL_SUBJECT_ACCESS_REVIEW:
        return
    namespace = store.find(NAMESPACE, "", write.namespace)
    if namespace is None:
        raise NotFoundError.of(NAMESPACE, write.namespace)
    if is_deleting(namespace) or dig(namespace, "status", "phase") == "Terminating":
        why = (
            f"unable to create new content in namespace {write.namespace} because it is being"
            " terminated"
        )
        refusal = ForbiddenError.on(write.kind, write.name, why)
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {write.namespace} is being terminated",
            "field": "metadata.namespace",
        }
        refusal.details = {**(refusal.details or {}), "causes": [cause]}
        raise refusal
