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
from web.stats.kinds import POLICIES, Kind

RESOURCES: dict[Resource, Kind] = {
    objects.CRON_JOBS: Kind.CRON_JOB,
    objects.DAEMON_SETS: Kind.DAEMON_SET,
    objects.DEPLOYMENTS: Kind.DEPLOYMENT,
    objects.JOBS: Kind.JOB,
    objects.NAMESPACES: Kind.NAMESPACE,
    objects.PODS: Kind.POD,
    objects.REPLICA_SETS: Kind.REPLICA_SET,
    objects.SERVICES: Kind.SERVICE,
    objects.STATEFUL_SETS: Kind.STATEFUL_SET,
    objects.AUTHORIZATION_POLICIES: Kind.AUTHORIZATION_POLICY,
    objects.GRPC_ROUTES: Kind.GRPC_ROUTE,
    objects.HTTP_ROUTES: Kind.HTTP_ROUTE,
    objects.POLICY_HTTP_ROUTES: Kind.HTTP_ROUTE,
    objects.SERVERS: Kind.SERVER,
    objects.SERVER_AUTHORIZATIONS: Kind.SERVER_AUTHORIZATION,
}
"""What is watched. A cluster may lack what is of POLICIES."""


class Sources:
    """One watch for each resource. Ready when every one has been listed."""

    def __init__(self, client: Client, inventory: Inventory, readiness: Readiness) -> None:
        self._client = client
        self._inventory = inventory
        self._conditions = {
            resource: readiness.require(f"{resource} listed") for resource in RESOURCES
        }
        self._listed: set[Resource] = set()
        self.listed = asyncio.Event()
        """The inventory has been complete once; from then on it is at most late."""

    async def run(self) -> None:
        """Follows the cluster until cancelled."""
        async with asyncio.TaskGroup() as group:
            for resource, condition in self._conditions.items():
                group.create_task(self._follow(resource, condition))

    async def _follow(self, resource: Resource, condition: Condition) -> None:
        kind = RESOURCES[resource]
        watch = Watch(self._client, resource, optional=kind in POLICIES)
        async for event in watch.events():
            match event:
                case Put(obj):
                    self._inventory.put(kind, obj, resource.group)
                case Gone(key):
                    self._inventory.remove(kind, key, resource.group)
                case Listed():
                    condition.meet()
                    self._listed.add(resource)
                    if len(self._listed) == len(RESOURCES):
                        self.listed.set()


def targets(inventory: Inventory) -> Mapping[Identity, Mapping[str, str]]:
    """The proxies of running meshed pods, with the labels that say whose they are."""
    return {
        Identity(pod.uid, pod.address, pod.admin_port): inventory.belonging(pod)
        for pod in inventory.pods()
        if pod.is_scraped
    }
