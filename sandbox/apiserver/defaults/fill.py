"""The one entry point of defaulting: `fill(kind, obj)`."""

from collections.abc import Callable

from sandbox.apiserver import kinds
from sandbox.apiserver.builtin.quantities import canonicalize
from sandbox.apiserver.defaults import cluster, network, pods, workloads
from sandbox.apiserver.kinds import Kind, StorageKey
from sandbox.apiserver.objects import Obj

_FILLERS: dict[StorageKey, Callable[[Obj], None]] = {
    kinds.POD.key: pods.pod,
    kinds.DEPLOYMENT.key: workloads.deployment,
    kinds.REPLICA_SET.key: workloads.replica_set,
    kinds.STATEFUL_SET.key: workloads.stateful_set,
    kinds.DAEMON_SET.key: workloads.daemon_set,
    kinds.REPLICATION_CONTROLLER.key: workloads.replication_controller,
    kinds.JOB.key: workloads.job,
    kinds.CRON_JOB.key: workloads.cron_job,
    kinds.SERVICE.key: network.service,
    kinds.ENDPOINTS.key: network.endpoints,
    kinds.ENDPOINT_SLICE.key: network.endpoint_slice,
    kinds.INGRESS.key: network.ingress,
    kinds.NETWORK_POLICY.key: network.network_policy,
    kinds.NAMESPACE.key: cluster.namespace,
    kinds.NODE.key: cluster.node,
    kinds.SECRET.key: cluster.secret,
    kinds.ROLE_BINDING.key: cluster.binding,
    kinds.CLUSTER_ROLE_BINDING.key: cluster.binding,
    kinds.MUTATING_WEBHOOK_CONFIGURATION.key: cluster.mutating_webhooks,
    kinds.VALIDATING_WEBHOOK_CONFIGURATION.key: cluster.validating_webhooks,
    kinds.CUSTOM_RESOURCE_DEFINITION.key: cluster.custom_resource_definition,
    kinds.API_SERVICE.key: cluster.api_service,
    kinds.PERSISTENT_VOLUME.key: cluster.volume,
    kinds.PERSISTENT_VOLUME_CLAIM.key: workloads.volume_claim,
    kinds.STORAGE_CLASS.key: cluster.storage_class,
    kinds.PRIORITY_CLASS.key: cluster.priority_class,
    kinds.LIMIT_RANGE.key: cluster.limit_range,
    kinds.RESOURCE_QUOTA.key: cluster.resource_quota,
    kinds.POD_DISRUPTION_BUDGET.key: workloads.disruption_budget,
    kinds.HORIZONTAL_POD_AUTOSCALER.key: workloads.autoscaler,
}


def fill(kind: Kind, obj: Obj) -> None:
    """Fills defaults into `obj` in place, and writes quantities in their one form. Custom resources
    have their defaults in their schema."""
    if kind.custom:
        return
    canonicalize(kind, obj)
    filler = _FILLERS.get(kind.key)
    if filler is not None:
        filler(obj)
