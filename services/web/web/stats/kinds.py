"""The kinds of resource a row may be about, and how metrics name them."""

from enum import StrEnum


class Kind(StrEnum):
    """Values are Kubernetes' kinds in lower case, which are also the label names of metrics, but for
    objects of policy (see POLICIES); and what requests are addressed to, which is no object of
    Kubernetes."""

    AUTHORITY = "authority"
    AUTHORIZATION_POLICY = "authorizationpolicy"
    CRON_JOB = "cronjob"
    DAEMON_SET = "daemonset"
    DEPLOYMENT = "deployment"
    GRPC_ROUTE = "grpcroute"
    HTTP_ROUTE = "httproute"
    JOB = "job"
    NAMESPACE = "namespace"
    POD = "pod"
    REPLICA_SET = "replicaset"
    SERVER = "server"
    SERVER_AUTHORIZATION = "serverauthorization"
    SERVICE = "service"
    STATEFUL_SET = "statefulset"


ALL = "all"
"""In a request: every kind but namespace, authority and those of policy."""

POLICIES = (
    Kind.AUTHORIZATION_POLICY,
    Kind.GRPC_ROUTE,
    Kind.HTTP_ROUTE,
    Kind.SERVER,
    Kind.SERVER_AUTHORIZATION,
)
"""Objects of policy: proxies name them in what they count where requests arrive. No pod is theirs, and
nothing is sent to them."""
ROUTES = (Kind.GRPC_ROUTE, Kind.HTTP_ROUTE)
STAT_ONLY = (Kind.AUTHORITY, *POLICIES)
"""Kinds that only rows of `mesh stat` are about."""
OBJECTS = tuple(kind for kind in Kind if kind not in STAT_ONLY)
"""Kinds that pods belong to or are, and services: what pods and series are labelled by."""
IN_ALL = tuple(kind for kind in OBJECTS if kind is not Kind.NAMESPACE)
OWNERS = (
    Kind.CRON_JOB,
    Kind.DAEMON_SET,
    Kind.DEPLOYMENT,
    Kind.JOB,
    Kind.REPLICA_SET,
    Kind.STATEFUL_SET,
)
"""Kinds that own pods by a controller reference."""

NAMESPACE_LABEL = "namespace"
DST = "dst_"
"""Prefix of the labels that say whom an outbound request went to."""

ALIASES = {"k8s_job": "job", "dst_k8s_job": "dst_job"}
"""Prometheus reserves `job` for itself, so Linkerd's series spell that one label otherwise."""
