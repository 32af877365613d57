"""Kubernetes watches that keep the inventory true, and the collector's targets read off it."""

import asyncio
from collections.abc import Mapping

from kit.kube import objects
from kit.kube.client import Client
from kit.kube.objects import Resource
from kit.kube.watch import Gone, Listed, Put, Watch
from kit.lifecycle import Condition, Readiness
from web.stats.collector.memory import Identity
from web.stats.inventory import Inventory
from web.stats.kinds import Kind

RESOURCES: dict[Kind, Resource] = {
    Kind.CRON_JOB: objects.CRON_JOBS,
    Kind.DAEMON_SET: objects.DAEMON_SETS,
    Kind.DEPLOYMENT: objects.DEPLOYMENTS,
    Kind.JOB: objects.JOBS,
    Kind.NAMESPACE: objects.NAMESPACES,
    Kind.POD: objects.PODS,
    Kind.REPLICA_SET: objects.REPLICA_SETS,
    Kind.SERVICE: objects.SERVICES,
    Kind.STATEFUL_SET: objects.STATEFUL_SETS,
}


class Sources:
    """One watch for each kind. Ready when every kind has been listed."""

    def __init__(self, client: Client, inventory: Inventory, readiness: Readiness) -> None:
        self._client = client
        self._inventory = inventory
        self._conditions = {
            kind: readiness.require(f"{resource.plural} listed")
            for kind, resource in RESOURCES.items()
        }
        self._listed: set[Kind] = set()
        self.listed = asyncio.Event()
        """The inventory has been complete once; from then on it is at most late."""

    async def run(self) -> None:
        """Follows the cluster until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind, condition in self._conditions.items():
                group.create_task(self._follow(kind, condition))

    async def _follow(self, kind: Kind, condition: Condition) -> None:
        async for event in Watch(self._client, RESOURCES[kind]).events():
            match event:
                case Put(obj):
                    self._inventory.put(kind, obj)
                case Gone(key):
                    self._inventory.remove(kind, key)
                case Listed():
                    condition.meet()
                    self._listed.add(kind)
                    if len(self._listed) == len(RESOURCES):
                        self.listed.set()


def targets(inventory: Inventory) -> Mapping[Identity, Mapping[str, str]]:
    """The proxies of running meshed pods, with the labels that say whose they are."""
    return {
        Identity(pod.uid, pod.address, pod.admin_port): inventory.belonging(pod)
        for pod in inventory.pods()
        if pod.is_scraped
    }
