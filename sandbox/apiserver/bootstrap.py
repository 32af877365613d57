"""What a fresh cluster holds before anybody came: namespaces, roles, the `kubernetes` Service.

Nodes, default service accounts and the root CA ConfigMaps come from the node agent and the
controllers, as in a real cluster.
"""

from collections.abc import Sequence

from sandbox.apiserver import kinds
from sandbox.apiserver.defaults.cluster import RBAC_GROUP
from sandbox.apiserver.defaults.fill import fill
from sandbox.apiserver.identity import AUTHENTICATED, MASTERS, SERVICE_ACCOUNTS, UNAUTHENTICATED
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.store import Store

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
KUBERNETES_ADDRESS = "10.96.0.1"
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
APPLICATION_RESOURCES = [
    ("", ["configmaps", "endpoints", "events", "persistentvolumeclaims", "pods", "pods/log",
          "pods/status", "replicationcontrollers", "serviceaccounts", "services"]),
    ("apps", ["daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets"]),
    ("batch", ["cronjobs", "jobs"]),
    ("autoscaling", ["horizontalpodautoscalers"]),
    ("discovery.k8s.io", ["endpointslices"]),
    ("networking.k8s.io", ["ingresses", "networkpolicies"]),
    ("policy", ["poddisruptionbudgets"]),
]  # fmt: skip
_CLUSTER_BINDINGS = {
    "cluster-admin": [MASTERS],
    "system:basic-user": [AUTHENTICATED],
    "system:discovery": [AUTHENTICATED],
    "system:public-info-viewer": [AUTHENTICATED, UNAUTHENTICATED],
    "system:service-account-issuer-discovery": [SERVICE_ACCOUNTS],
}
PUBLIC_PATHS = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
DISCOVERY_PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *PUBLIC_PATHS]


def populate(store: Store, *, secure_port: int = 6443, address: str = KUBERNETES_ADDRESS) -> None:
    """`address` and `secure_port` are where pods reach the server behind the `kubernetes` Service."""
    for name in NAMESPACES:
        _put(store, kinds.NAMESPACE, {"metadata": {"name": name}})
    for name, rules in _cluster_roles().items():
        _put(store, kinds.CLUSTER_ROLE, {"metadata": _system(name), "rules": rules})
    for name, groups in _CLUSTER_BINDINGS.items():
        reference = {"kind": "ClusterRole", "name": name, "apiGroup": RBAC_GROUP}
        subjects = [{"kind": "Group", "name": group, "apiGroup": RBAC_GROUP} for group in groups]
        body = {"metadata": _system(name), "roleRef": reference, "subjects": subjects}
        _put(store, kinds.CLUSTER_ROLE_BINDING, body)
    for name, value in (
        ("system-cluster-critical", 2_000_000_000),
        ("system-node-critical", 2_000_001_000),
    ):
        _put(store, kinds.PRIORITY_CLASS, {"metadata": {"name": name}, "value": value})
    _kubernetes_service(store, address, secure_port)


def _system(name: str) -> Obj:
    return {
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    }


def _cluster_roles() -> dict[str, list[Obj]]:
    def application(verbs: list[str]) -> list[Obj]:
        return [_rule(group, resources, verbs) for group, resources in APPLICATION_RESOURCES]

    secrets = _rule("", ["secrets", "pods/exec", "pods/portforward", "pods/proxy"], READ + WRITE)
    roles = _rule("rbac.authorization.k8s.io", ["roles", "rolebindings"], READ + WRITE)
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    return {
        "cluster-admin": [_rule("*", ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}],
        "admin": [*application(READ + WRITE), secrets, roles],
        "edit": [*application(READ + WRITE), secrets],
        "view": application(READ),
        "system:basic-user": [
            _rule("authorization.k8s.io", reviews, ["create"]),
            _rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
        ],
        "system:discovery": [{"nonResourceURLs": DISCOVERY_PATHS, "verbs": ["get"]}],
        "system:public-info-viewer": [{"nonResourceURLs": PUBLIC_PATHS, "verbs": ["get"]}],
        "system:service-account-issuer-discovery": [
            {
                "nonResourceURLs": ["/.well-known/openid-configuration", "/openid/v1/jwks"],
                "verbs": ["get"],
            }
        ],
        "system:auth-delegator": [
            _rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
            _rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
        ],
    }


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> Obj:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _kubernetes_service(store: Store, address: str, secure_port: int) -> None:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    meta = {"name": "kubernetes", "namespace": "default", "labels": labels}
    port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": secure_port}
    spec = {
        "clusterIP": KUBERNETES_ADDRESS,
        "clusterIPs": [KUBERNETES_ADDRESS],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [port],
    }
    _put(store, kinds.SERVICE, {"metadata": meta, "spec": spec})
    _put(
        store,
        kinds.ENDPOINT_SLICE,
        {
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": secure_port, "protocol": "TCP"}],
        },
    )


def _put(store: Store, kind: Kind, obj: Obj) -> None:
    fill(kind, obj)
    store.create(kind, obj)
