"""Kubernetes watches that keep the table of pods true."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kit.kube import objects
from kit.kube.client import Client
from kit.kube.objects import Key, Resource
from kit.kube.watch import Gone, Listed, Put, Watch
from kit.lifecycle import Readiness
from tap.cluster import Cluster


@dataclass(frozen=True, slots=True)
class _Source:
    resource: Resource
    put: Callable[[dict[str, Any]], None]
    gone: Callable[[Key], None]


class Sources:
    """One watch for each kind. Ready when every kind has been listed."""

    def __init__(self, client: Client, cluster: Cluster, readiness: Readiness) -> None:
        self._client = client
        self._sources = _sources(cluster)
        self._conditions = [
            readiness.require(f"{source.resource.plural} listed") for source in self._sources
        ]

    async def run(self) -> None:
        """Follows the cluster until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source, condition in zip(self._sources, self._conditions, strict=True):
                group.create_task(self._follow(source, condition.meet))

    async def _follow(self, source: _Source, listed: Callable[[], None]) -> None:
        async for event in Watch(self._client, source.resource).events():
            match event:
                case Put(obj):
                    source.put(obj)
                case Gone(key):
                    source.gone(key)
                case Listed():
                    listed()


def _sources(cluster: Cluster) -> list[_Source]:
    def owned(kind: str, resource: Resource) -> _Source:
        return _Source(
            resource,
            lambda obj: cluster.put_owned(kind, obj),
            lambda key: _forget(cluster.owners, (kind, key)),
        )

    return [
        _Source(objects.PODS, cluster.put_pod, cluster.remove_pod),
        _Source(objects.SERVICES, cluster.put_service, lambda key: _forget(cluster.services, key)),
        owned("replicaset", objects.REPLICA_SETS),
        owned("job", objects.JOBS),
        _Source(objects.NODES, cluster.put_node, lambda key: cluster.remove_node(key.name)),
    ]


def _forget(table: dict[Any, Any], key: object) -> None:
    table.pop(key, None)
