"""Which columns a kind has."""

from collections.abc import Sequence

from sandbox.apiserver import kinds
from sandbox.apiserver.kinds import Kind, StorageKey
from sandbox.apiserver.tables import cluster, events, network, pods, workloads
from sandbox.apiserver.tables.columns import AGE, NAME, Column

_COLUMNS: dict[StorageKey, Sequence[Column]] = {
    kinds.POD.key: pods.COLUMNS,
    kinds.DEPLOYMENT.key: workloads.DEPLOYMENT,
    kinds.REPLICA_SET.key: workloads.REPLICA_SET,
    kinds.REPLICATION_CONTROLLER.key: workloads.REPLICATION_CONTROLLER,
    kinds.STATEFUL_SET.key: workloads.STATEFUL_SET,
    kinds.DAEMON_SET.key: workloads.DAEMON_SET,
    kinds.JOB.key: workloads.JOB,
    kinds.CRON_JOB.key: workloads.CRON_JOB,
    kinds.SERVICE.key: network.SERVICE,
    kinds.ENDPOINTS.key: network.ENDPOINTS,
    kinds.ENDPOINT_SLICE.key: network.ENDPOINT_SLICE,
    kinds.INGRESS.key: network.INGRESS,
    kinds.NETWORK_POLICY.key: network.NETWORK_POLICY,
    kinds.NAMESPACE.key: cluster.NAMESPACE,
    kinds.NODE.key: cluster.NODE,
    kinds.CONFIG_MAP.key: cluster.CONFIG_MAP,
    kinds.SECRET.key: cluster.SECRET,
    kinds.SERVICE_ACCOUNT.key: cluster.SERVICE_ACCOUNT,
    kinds.ROLE.key: cluster.ROLE,
    kinds.CLUSTER_ROLE.key: cluster.ROLE,
    kinds.ROLE_BINDING.key: cluster.BINDING,
    kinds.CLUSTER_ROLE_BINDING.key: cluster.BINDING,
    kinds.MUTATING_WEBHOOK_CONFIGURATION.key: cluster.WEBHOOKS,
    kinds.VALIDATING_WEBHOOK_CONFIGURATION.key: cluster.WEBHOOKS,
    kinds.CUSTOM_RESOURCE_DEFINITION.key: cluster.CUSTOM_RESOURCE_DEFINITION,
    kinds.API_SERVICE.key: cluster.API_SERVICE,
    kinds.LEASE.key: cluster.LEASE,
    kinds.PRIORITY_CLASS.key: cluster.PRIORITY_CLASS,
    kinds.POD_DISRUPTION_BUDGET.key: cluster.DISRUPTION_BUDGET,
    kinds.EVENT.key: events.COLUMNS,
    kinds.EVENT_V1.key: events.COLUMNS,
}


def columns_of(kind: Kind) -> Sequence[Column]:
    """The columns of a built-in kind; NAME and AGE for one that has no others."""
    return _COLUMNS.get(kind.key, (NAME, AGE))
