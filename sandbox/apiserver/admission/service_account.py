"""ServiceAccount admission: every pod has an account and, unless it declines, its token mounted.

The volume is the real one: a projected bound token of an hour and seven seconds, the root CA, and
the namespace, under `/var/run/secrets/kubernetes.io/serviceaccount`.
"""

from sandbox.apiserver.admission.attributes import Attributes
from sandbox.apiserver.errors import ForbiddenError
from sandbox.apiserver.kinds import POD, SERVICE_ACCOUNT
from sandbox.apiserver.objects import Obj, annotations_of, containers_of, random_suffix
from sandbox.apiserver.store import Store

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
TOKEN_SECONDS = 3607
ROOT_CA_CONFIG_MAP = "kube-root-ca.crt"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


def admit(store: Store, write: Attributes) -> None:
    """Completes a pod that is being created. ForbiddenError when its account does not exist."""
    pod = write.object
    if write.kind.key != POD.key or write.operation != "CREATE" or write.subresource or pod is None:
        return
    if MIRROR_ANNOTATION in annotations_of(pod):
        return
    spec = pod["spec"]
    name = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = store.find(SERVICE_ACCOUNT, write.namespace, name)
    if account is None:
        why = f'error looking up service account {write.namespace}/{name}: serviceaccount "{name}" not found'
        raise ForbiddenError.on(POD, write.name, why)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(one) for one in account["imagePullSecrets"]]
    if _wants_token(spec, account):
        _mount_token(spec)


def _wants_token(spec: Obj, account: Obj) -> bool:
    for holder in (spec, account):
        if holder.get("automountServiceAccountToken") is not None:
            return bool(holder["automountServiceAccountToken"])
    return True


def _mount_token(spec: Obj) -> None:
    volumes = spec.get("volumes") or []
    present = [one["name"] for one in volumes if str(one.get("name")).startswith(VOLUME_PREFIX)]
    name = present[0] if present else VOLUME_PREFIX + random_suffix()
    mounted = False
    for container in containers_of(spec):
        mounts = container.get("volumeMounts") or []
        if any(mount.get("mountPath") == MOUNT_PATH for mount in mounts):
            continue
        mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
        container["volumeMounts"] = [*mounts, mount]
        mounted = True
    if mounted and not present:
        spec["volumes"] = [*volumes, token_volume(name)]


def token_volume(name: str) -> Obj:
    token = {"expirationSeconds": TOKEN_SECONDS, "path": "token"}
    certificate = {"name": ROOT_CA_CONFIG_MAP, "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    namespace_field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    namespace = {"items": [{"path": "namespace", "fieldRef": namespace_field}]}
    sources: list[Obj] = [
        {"serviceAccountToken": token},
        {"configMap": certificate},
        {"downwardAPI": namespace},
    ]
    return {"name": name, "projected": {"defaultMode": 0o644, "sources": sources}}
