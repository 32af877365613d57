"""The cluster as it comes in: one watch per kind, each feeding one table of the index."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from destination import read
from destination.external import read as external
from destination.index import Fact, Index, Table
from destination.metrics import Metrics
from destination.policy import read as policy
from destination.policy import read_routes
from destination.policy.fields import MALFORMED
from destination.policy.route import Route
from kit.kube import objects
from kit.kube.client import Client
from kit.kube.objects import Key, Object, Resource
from kit.kube.watch import Gone, Listed, Put, Watch
from kit.lifecycle import Condition, Readiness

log = logging.getLogger(__name__)

V = TypeVar("V")
Touched = Callable[[Iterable[Fact]], None]

_BREATH = 256  # objects of a list taken in one go before others get a turn


@dataclass(frozen=True)
class Source(Generic[V]):
    """A kind of object, how to understand it, and where it goes."""

    resource: Resource
    read: Callable[[Object], V | None]
    table: Table[V]
    optional: bool = False
    """Whether the cluster may lack this kind altogether."""

    def take(self, obj: Object) -> set[Fact]:
        """Puts an object where it belongs. Raises what `read` raises."""
        key, value = objects.key(obj), self.read(obj)
        return self.table.drop(key) if value is None else self.table.put(key, value)

    def gone(self, key: Key) -> set[Fact]:
        return self.table.drop(key)


def sources(index: Index) -> tuple[Source[object], ...]:
    """Everything that is watched."""

    def source(
        resource: Resource,
        read: Callable[[Object], V | None],
        table: Table[V],
        *,
        optional: bool = False,
    ) -> Source[object]:
        return Source(resource, read, table, optional)  # type: ignore[arg-type]

    return (
        source(objects.NAMESPACES, read.namespace, index.namespaces),
        source(objects.NODES, read.node, index.nodes),
        source(objects.PODS, read.pod, index.pods),
        source(
            objects.EXTERNAL_WORKLOADS,
            external.external_workload,
            index.external_workloads,
            optional=True,
        ),
        source(objects.SERVICES, read.service, index.services),
        source(objects.ENDPOINT_SLICES, read.endpoint_slice, index.slices),
        source(objects.SERVICE_PROFILES, policy.service_profile, index.profiles, optional=True),
        source(objects.SERVERS, policy.server, index.servers, optional=True),
        source(
            objects.SERVER_AUTHORIZATIONS,
            policy.server_authorization,
            index.server_authorizations,
            optional=True,
        ),
        source(
            objects.AUTHORIZATION_POLICIES,
            policy.authorization_policy,
            index.authorization_policies,
            optional=True,
        ),
        source(
            objects.MESH_TLS_AUTHENTICATIONS,
            policy.mesh_tls_authentication,
            index.mesh_tls,
            optional=True,
        ),
        source(
            objects.NETWORK_AUTHENTICATIONS,
            policy.network_authentication,
            index.networks,
            optional=True,
        ),
        source(
            objects.EGRESS_NETWORKS,
            read_routes.egress_network,
            index.egress_networks,
            optional=True,
        ),
        source(objects.RATE_LIMIT_POLICIES, policy.rate_limit, index.rate_limits, optional=True),
        *(
            source(
                resource,
                partial(read_routes.route, resource.group, resource.kind),
                table,
                optional=True,
            )
            for resource, table in route_tables(index)
        ),
    )


def route_tables(index: Index) -> tuple[tuple[Resource, Table[Route]], ...]:
    """Every kind of route, and where its values are."""
    resources = (
        objects.POLICY_HTTP_ROUTES,
        objects.HTTP_ROUTES,
        objects.GRPC_ROUTES,
        objects.TLS_ROUTES,
        objects.TCP_ROUTES,
    )
    return tuple(zip(resources, index.routes, strict=True))


class Hearer(Protocol):
    """Who needs objects as they are: to compare what they say with what they should say."""

    def saw(self, resource: Resource, obj: Object) -> None: ...
    def gone(self, resource: Resource, key: Key) -> None: ...


@dataclass
class Follower:
    """Runs the watches and says when all of them have listed."""

    client: Client
    metrics: Metrics
    touched: Touched
    hearers: tuple[Hearer, ...] = ()
    absent_retry: float = 10.0
    """Seconds between looks for a kind that is not installed."""

    def jobs(self, index: Index, readiness: Readiness) -> "list[tuple[Source[object], Condition]]":
        return [
            (source, readiness.require(f"{source.resource} listed")) for source in sources(index)
        ]

    async def follow(self, source: Source[object], listed: Condition) -> None:
        """One watch, until cancelled."""
        watch = Watch(
            self.client,
            source.resource,
            optional=source.optional,
            absent_retry=self.absent_retry,
        )
        taken = 0
        async for event in watch.events():
            match event:
                case Put(obj):
                    self._tell(source, self._take(source, obj))
                    for hearer in self.hearers:
                        hearer.saw(source.resource, obj)
                case Gone(key):
                    self._tell(source, source.gone(key))
                    for hearer in self.hearers:
                        hearer.gone(source.resource, key)
                case Listed():
                    listed.meet()
            taken += 1
            if taken % _BREATH == 0:
                await asyncio.sleep(0)

    def _take(self, source: Source[object], obj: Object) -> set[Fact]:
        try:
            return source.take(obj)
        except MALFORMED as error:
            self.metrics.unreadable.labels(source.table.name).inc()
            about = {"kind": source.resource.kind, "object": str(objects.key(obj))}
            log.error("an object is not usable", extra={**about, "why": repr(error)})
            return set()

    def _tell(self, source: Source[object], facts: set[Fact]) -> None:
        if facts:
            self.metrics.changes.labels(source.table.name).inc()
            self.touched(facts)
