"""The one entry point of defaulting: `fill(kind, obj)`."""

from collections.abc import Callable

from sandbox.apiserver import kinds
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
    kinds.NAMESPACE.key: cluster.namespace,
    kinds.NODE.key: cluster.node,
    kinds.SECRET.key: cluster.secret,
    kinds.ROLE_BINDING.key: cluster.binding,
    kinds.CLUSTER_ROLE_BINDING.key: cluster.binding,
    kinds.MUTATING_WEBHOOK_CONFIGURATION.key: cluster.mutating_webhooks,
    kinds.VALIDATING_WEBHOOK_CONFIGURATION.key: cluster.validating_webhooks,
    kinds.CUSTOM_RESOURCE_DEFINITION.key: cluster.custom_resource_definition,
    kinds.API_SERVICE.key: cluster.api_service,
    kinds.POD_DISRUPTION_BUDGET.key: workloads.disruption_budget,
    kinds.HORIZONTAL_POD_AUTOSCALER.key: workloads.autoscaler,
}


def fill(kind: Kind, obj: Obj) -> None:
    """Fills defaults into `obj` in place. Custom resources have theirs in their schema."""
    filler = _FILLERS.get(kind.key)
    if filler is not None and not kind.custom:
        filler(obj)
