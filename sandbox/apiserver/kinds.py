"""The kinds the server knows: built-in ones as constants, those of CRDs added while it runs.

`Kind` is one served version of a resource. All versions of a resource share one storage, found by
`Kind.key`. `Registry` answers discovery's and the router's questions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CREATE_ONLY = ("create",)

StorageKey = tuple[str, str]
"""(group, plural): what identifies a resource's objects, whatever version they are read in."""


@dataclass(frozen=True, slots=True)
class Kind:
    group: str
    """"" for the core group."""
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    """`status`, `scale`, `log`, ... as they stand in the path."""
    verbs: tuple[str, ...] = ALL_VERBS
    generation: bool = False
    """Whether `metadata.generation` counts the changes of the specification."""
    singular: str = ""
    list_kind: str = ""
    custom: bool = False
    """Defined by a CustomResourceDefinition."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "singular", self.singular or self.kind.lower())
        object.__setattr__(self, "list_kind", self.list_kind or f"{self.kind}List")

    def __repr__(self) -> str:
        return f"<{self.api_version} {self.kind}>"

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> StorageKey:
        return (self.group, self.plural)

    @property
    def resource(self) -> str:
        """`deployments.apps`, as error messages and `kubectl -o name` write it; core: `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def root(self) -> str:
        """The path under which the version is served: `/api/v1` or `/apis/apps/v1`."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    @property
    def storable(self) -> bool:
        """False for kinds that are only a question, like TokenReview."""
        return "get" in self.verbs

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        parts = [self.root]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


def _subs(*names: str) -> frozenset[str]:
    return frozenset(names)


ALL = ("all",)
STATUS = _subs("status")
WORKLOAD = _subs("status", "scale")

POD = Kind(
    "", "v1", "Pod", "pods", short_names=("po",), categories=ALL, generation=True,
    subresources=_subs(
        "status", "log", "exec", "attach", "portforward", "proxy", "eviction", "binding",
        "ephemeralcontainers", "resize",
    ),
)  # fmt: skip
SERVICE = Kind(
    "", "v1", "Service", "services", short_names=("svc",), categories=ALL,
    subresources=_subs("status", "proxy"),
)  # fmt: skip
NAMESPACE = Kind(
    "", "v1", "Namespace", "namespaces", namespaced=False, short_names=("ns",),
    subresources=_subs("status", "finalize"),
)  # fmt: skip
NODE = Kind(
    "", "v1", "Node", "nodes", namespaced=False, short_names=("no",),
    subresources=_subs("status", "proxy"),
)  # fmt: skip
SERVICE_ACCOUNT = Kind(
    "", "v1", "ServiceAccount", "serviceaccounts", short_names=("sa",), subresources=_subs("token")
)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", short_names=("cm",))
SECRET = Kind("", "v1", "Secret", "secrets")
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints", short_names=("ep",), singular="endpoints",
                 list_kind="EndpointsList")  # fmt: skip
EVENT = Kind("", "v1", "Event", "events", short_names=("ev",))
LIMIT_RANGE = Kind("", "v1", "LimitRange", "limitranges", short_names=("limits",))
RESOURCE_QUOTA = Kind(
    "", "v1", "ResourceQuota", "resourcequotas", short_names=("quota",), subresources=STATUS
)
PERSISTENT_VOLUME = Kind(
    "", "v1", "PersistentVolume", "persistentvolumes", namespaced=False, short_names=("pv",),
    subresources=STATUS,
)  # fmt: skip
PERSISTENT_VOLUME_CLAIM = Kind(
    "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short_names=("pvc",),
    subresources=STATUS,
)  # fmt: skip
REPLICATION_CONTROLLER = Kind(
    "", "v1", "ReplicationController", "replicationcontrollers", short_names=("rc",),
    categories=ALL, subresources=WORKLOAD, generation=True,
)  # fmt: skip

DEPLOYMENT = Kind(
    "apps", "v1", "Deployment", "deployments", short_names=("deploy",), categories=ALL,
    subresources=WORKLOAD, generation=True,
)  # fmt: skip
REPLICA_SET = Kind(
    "apps", "v1", "ReplicaSet", "replicasets", short_names=("rs",), categories=ALL,
    subresources=WORKLOAD, generation=True,
)  # fmt: skip
STATEFUL_SET = Kind(
    "apps", "v1", "StatefulSet", "statefulsets", short_names=("sts",), categories=ALL,
    subresources=WORKLOAD, generation=True,
)  # fmt: skip
DAEMON_SET = Kind(
    "apps", "v1", "DaemonSet", "daemonsets", short_names=("ds",), categories=ALL,
    subresources=STATUS, generation=True,
)  # fmt: skip
CONTROLLER_REVISION = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")

JOB = Kind("batch", "v1", "Job", "jobs", categories=ALL, subresources=STATUS, generation=True)
CRON_JOB = Kind(
    "batch", "v1", "CronJob", "cronjobs", short_names=("cj",), categories=ALL,
    subresources=STATUS, generation=True,
)  # fmt: skip
HORIZONTAL_POD_AUTOSCALER = Kind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers",
    short_names=("hpa",), categories=ALL, subresources=STATUS,
)  # fmt: skip
POD_DISRUPTION_BUDGET = Kind(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", short_names=("pdb",),
    subresources=STATUS, generation=True,
)  # fmt: skip

INGRESS = Kind(
    "networking.k8s.io", "v1", "Ingress", "ingresses", short_names=("ing",), subresources=STATUS,
    generation=True,
)  # fmt: skip
INGRESS_CLASS = Kind(
    "networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False, generation=True
)
NETWORK_POLICY = Kind(
    "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short_names=("netpol",),
    generation=True,
)  # fmt: skip
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", generation=True)

ROLE = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False
)
CLUSTER_ROLE_BINDING = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings",
    namespaced=False,
)  # fmt: skip

MUTATING_WEBHOOK_CONFIGURATION = Kind(
    "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations", namespaced=False, generation=True,
    categories=("api-extensions",),
)  # fmt: skip
VALIDATING_WEBHOOK_CONFIGURATION = Kind(
    "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations", namespaced=False, generation=True,
    categories=("api-extensions",),
)  # fmt: skip
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
    namespaced=False, short_names=("crd", "crds"), categories=("api-extensions",),
    subresources=STATUS, generation=True,
)  # fmt: skip
API_SERVICE = Kind(
    "apiregistration.k8s.io", "v1", "APIService", "apiservices", namespaced=False,
    categories=("api-extensions",), subresources=STATUS,
)  # fmt: skip

LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
EVENT_V1 = Kind("events.k8s.io", "v1", "Event", "events", short_names=("ev",))
"""Shares the storage of core `Event`; `convert.py` translates."""
PRIORITY_CLASS = Kind(
    "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False,
    short_names=("pc",), generation=True,
)  # fmt: skip
STORAGE_CLASS = Kind(
    "storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False,
    short_names=("sc",),
)  # fmt: skip

TOKEN_REVIEW = Kind(
    "authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False,
    verbs=CREATE_ONLY,
)  # fmt: skip
SELF_SUBJECT_REVIEW = Kind(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False,
    verbs=CREATE_ONLY,
)  # fmt: skip
SUBJECT_ACCESS_REVIEW = Kind(
    "authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews",
    namespaced=False, verbs=CREATE_ONLY,
)  # fmt: skip
LOCAL_SUBJECT_ACCESS_REVIEW = Kind(
    "authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews",
    verbs=CREATE_ONLY,
)  # fmt: skip
SELF_SUBJECT_ACCESS_REVIEW = Kind(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews",
    namespaced=False, verbs=CREATE_ONLY,
)  # fmt: skip
SELF_SUBJECT_RULES_REVIEW = Kind(
    "authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews",
    namespaced=False, verbs=CREATE_ONLY,
)  # fmt: skip

BUILT_IN: tuple[Kind, ...] = tuple(one for one in list(globals().values()) if isinstance(one, Kind))
"""Every constant above, in order: the order of discovery, hence of kubectl's preference."""


@dataclass(slots=True)
class Registry:
    """The kinds being served. Later versions of one CRD stand in the order of preference."""

    _by_path: dict[tuple[str, str, str], Kind] = field(default_factory=dict)
    _by_kind: dict[tuple[str, str, str], Kind] = field(default_factory=dict)

    @classmethod
    def built_in(cls) -> "Registry":
        registry = cls()
        for kind in BUILT_IN:
            registry.add(kind)
        return registry

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_path.values())

    def add(self, kind: Kind) -> None:
        self._by_path[kind.group, kind.version, kind.plural] = kind
        self._by_kind[kind.group, kind.version, kind.kind] = kind

    def remove(self, key: StorageKey) -> None:
        """Forgets every version of a resource; used when its CRD goes."""
        for kind in [one for one in self if one.key == key]:
            del self._by_path[kind.group, kind.version, kind.plural]
            del self._by_kind[kind.group, kind.version, kind.kind]

    def by_plural(self, group: str, version: str, plural: str) -> Kind | None:
        return self._by_path.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind an object's or owner reference's `apiVersion` and `kind` name."""
        group, _, version = api_version.rpartition("/")
        return self._by_kind.get((group, version, kind))

    def any_version(self, group: str, kind: str) -> Kind | None:
        """The preferred version of a kind, for references that name no version."""
        return next((one for one in self if one.group == group and one.kind == kind), None)

    def by_resource(self, group: str, plural: str) -> Kind | None:
        """The preferred version of a resource, for rules that name only group and plural."""
        return next((one for one in self if one.key == (group, plural)), None)

    def groups(self) -> dict[str, list[str]]:
        """Group -> its versions, preferred first, in discovery's order."""
        found: dict[str, list[str]] = {}
        for kind in self:
            versions = found.setdefault(kind.group, [])
            if kind.version not in versions:
                versions.append(kind.version)
        return found

    def in_version(self, group: str, version: str) -> list[Kind]:
        return [one for one in self if one.group == group and one.version == version]

    def storable(self) -> list[Kind]:
        """One kind per stored resource: what a namespace's emptying or garbage collection walks."""
        seen: dict[StorageKey, Kind] = {}
        for kind in self:
            if kind.storable and kind.key != EVENT_V1.key:
                seen.setdefault(kind.key, kind)
        return list(seen.values())
