"""The entry points of validation: InvalidError with every cause found."""

from collections.abc import Callable, Iterator

from sandbox.apiserver import kinds
from sandbox.apiserver.errors import Cause, InvalidError
from sandbox.apiserver.kinds import Kind, StorageKey
from sandbox.apiserver.objects import Obj, name_of
from sandbox.apiserver.validate import cluster, immutable, metadata, network, workloads

_RULES: dict[StorageKey, Callable[[Obj], Iterator[Cause]]] = {
    kinds.POD.key: workloads.pod,
    kinds.DEPLOYMENT.key: workloads.deployment,
    kinds.REPLICA_SET.key: workloads.workload,
    kinds.STATEFUL_SET.key: workloads.workload,
    kinds.DAEMON_SET.key: workloads.workload,
    kinds.REPLICATION_CONTROLLER.key: workloads.replication_controller,
    kinds.JOB.key: workloads.job,
    kinds.CRON_JOB.key: workloads.cron_job,
    kinds.SERVICE.key: network.service,
    kinds.ENDPOINT_SLICE.key: network.endpoint_slice,
    kinds.ROLE.key: cluster.role,
    kinds.CLUSTER_ROLE.key: cluster.role,
    kinds.ROLE_BINDING.key: cluster.binding,
    kinds.CLUSTER_ROLE_BINDING.key: cluster.binding,
    kinds.MUTATING_WEBHOOK_CONFIGURATION.key: cluster.webhooks,
    kinds.VALIDATING_WEBHOOK_CONFIGURATION.key: cluster.webhooks,
    kinds.CUSTOM_RESOURCE_DEFINITION.key: cluster.custom_resource_definition,
    kinds.POD_DISRUPTION_BUDGET.key: workloads.disruption_budget,
    kinds.SECRET.key: cluster.secret,
    kinds.CONFIG_MAP.key: cluster.config_map,
}


def check_create(kind: Kind, obj: Obj) -> None:
    """InvalidError naming each field that is wrong. Defaults are already filled in."""
    _refuse(kind, obj, _static(kind, obj))


def check_update(kind: Kind, old: Obj, new: Obj) -> None:
    _refuse(kind, new, [*_static(kind, new), *immutable.causes(kind, old, new)])


def _static(kind: Kind, obj: Obj) -> list[Cause]:
    found = list(metadata.causes(kind, obj))
    rules = None if kind.custom else _RULES.get(kind.key)
    return found if rules is None else [*found, *rules(obj)]


def _refuse(kind: Kind, obj: Obj, found: list[Cause]) -> None:
    if found:
        raise InvalidError.of(kind, name_of(obj), found)
