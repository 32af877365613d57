"""The kinds of resource a row may be about, and how metrics name them."""

from enum import StrEnum


class Kind(StrEnum):
    """Values are Kubernetes' kinds in lower case, which are also the label names of metrics."""

    DAEMON_SET = "daemonset"
    DEPLOYMENT = "deployment"
    JOB = "job"
    NAMESPACE = "namespace"
    POD = "pod"
    REPLICA_SET = "replicaset"
    SERVICE = "service"
    STATEFUL_SET = "statefulset"


ALL = "all"
"""In a request: every kind but namespace."""

IN_ALL = tuple(kind for kind in Kind if kind is not Kind.NAMESPACE)
OWNERS = (Kind.DAEMON_SET, Kind.DEPLOYMENT, Kind.JOB, Kind.REPLICA_SET, Kind.STATEFUL_SET)
"""Kinds that own pods by a controller reference."""

NAMESPACE_LABEL = "namespace"
DST = "dst_"
"""Prefix of the labels that say whom an outbound request went to."""

ALIASES = {"k8s_job": "job", "dst_k8s_job": "dst_job"}
"""Prometheus reserves `job` for itself, so Linkerd's series spell that one label otherwise."""
