"""Statuses of routes, EgressNetworks and rate limits, kept true by the one replica that leads.

It is level-triggered: after a change, what every status should say is worked out from the index and
compared with what it says; only differences are written, from the version that was seen, since others
write into the same statuses. A write that fails is tried again with the next look. Nothing here decides
about traffic.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from destination.index import Fact, Index, Reader
from destination.metrics import Metrics
from destination.policy import status
from destination.rounds import rounds
from destination.sources import route_tables
from kit.kube import errors, objects
from kit.kube.client import Client
from kit.kube.lease import Leadership
from kit.kube.objects import EGRESS_NETWORKS, RATE_LIMIT_POLICIES, Key, Object, Resource
from weft.addresses import IPNetwork

log = logging.getLogger(__name__)

Found = tuple[Resource, Key]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a status says, in which version of the object, and the version of its kind that the
    cluster has."""

    served: Resource
    version: str
    status: Object


class StatusWriter:
    """Hears of objects as they are (`saw`, `gone`) and of facts that changed (`touched`)."""

    def __init__(
        self,
        client: Client,
        index: Index,
        leadership: Leadership,
        cluster: tuple[IPNetwork, ...],
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._index = index
        self._leadership = leadership
        self._cluster = cluster
        self._metrics = metrics
        self._routes = route_tables(index)
        self._ours = {EGRESS_NETWORKS, RATE_LIMIT_POLICIES, *(one for one, _ in self._routes)}
        self._said: dict[Found, _Said] = {}
        self._facts: frozenset[Fact] = frozenset()
        self._changed = asyncio.Event()

    def saw(self, resource: Resource, obj: Object) -> None:
        if resource in self._ours:
            self._keep((resource, objects.key(obj)), _as_served(resource, obj), obj)
            self._changed.set()

    def gone(self, resource: Resource, key: Key) -> None:
        self._said.pop((resource, key), None)

    def touched(self, facts: Iterable[Fact]) -> None:
        if not self._facts.isdisjoint(facts):
            self._changed.set()

    async def run(self, listed: asyncio.Event) -> None:
        """Writes until cancelled, once the picture is whole and while this replica leads."""
        async with aclosing(rounds(self._leadership, self._changed, listed)) as each:
            async for _ in each:
                for found, wanted in self._differences():
                    if not self._leadership.held:
                        break
                    await self._write(found, wanted)

    def _differences(self) -> list[tuple[Found, Object]]:
        """Every status that does not say what it should, and what it should say."""
        reader = Reader(self._index)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = [(at, wanted) for at, wanted in self._wanted(reader, now) if wanted is not None]
        self._facts = frozenset(reader.facts)
        return found

    def _wanted(self, reader: Reader, now: str) -> Iterator[tuple[Found, Object | None]]:
        for resource, table in self._routes:
            for route in table.all():
                at = resource, route.key
                entries = status.route_conditions(reader, route, self._cluster)
                yield at, status.route_status(entries, self._current(at), now)
        for network in self._index.egress_networks.all():
            at = EGRESS_NETWORKS, network.key
            conditions = status.egress_conditions(network, self._cluster)
            yield at, status.own_status(conditions, self._current(at), now)
        for limit in self._index.rate_limits.all():
            at = RATE_LIMIT_POLICIES, limit.key
            conditions = status.limit_conditions(reader, limit)
            target: Any = {
                "group": limit.target.group,
                "kind": limit.target.kind,
                "name": limit.target.name,
            }
            current = self._current(at)
            yield at, status.own_status(conditions, current, now, targetRef=target)

    def _current(self, at: Found) -> Object:
        return self._said[at].status if at in self._said else {}

    def _keep(self, at: Found, served: Resource, obj: Object) -> None:
        self._said[at] = _Said(served, objects.resource_version(obj), dict(objects.status(obj)))

    async def _write(self, at: Found, wanted: Object) -> None:
        said = self._said.get(at, _Said(at[0], "", {}))
        name, namespace = at[1].name, at[1].namespace
        body: Object = {"status": wanted}
        if said.version:
            body["metadata"] = {"resourceVersion": said.version}
        try:
            written = await self._client.patch(said.served, name, body, namespace, sub="status")
        except (errors.NotFound, errors.Conflict):
            return  # gone or changed meanwhile, as its watch will say
        except errors.KubeError as error:
            self._metrics.status_patches.labels("failed").inc()
            about = {"kind": at[0].kind, "object": str(at[1]), "why": str(error)}
            log.warning("a status could not be written", extra=about)
            return
        self._metrics.status_patches.labels("written").inc()
        if at in self._said:
            self._keep(at, said.served, written)


def _as_served(resource: Resource, obj: Object) -> Resource:
    """The resource in the version that the cluster has."""
    version = str(obj.get("apiVersion") or "").rpartition("/")[2]
    return replace(resource, version=version or resource.version, older=())
