"""EndpointSlices of machines, kept true by the one replica that leads.

It is level-triggered, by namespace: where a Service, a machine or a slice of ours changed, what slices
there should be is worked out and compared with what is there; only differences are written. What could
not be written is tried again with the next round. Slices of other controllers are not looked at.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import aclosing

from destination.external.slices import (
    Action,
    Create,
    Delete,
    SelectingService,
    Update,
    decide,
    ours,
    selecting_service,
)
from destination.index import Fact, Index
from destination.metrics import Metrics
from destination.policy.fields import MALFORMED
from destination.read import SERVICE_NAME_LABEL
from destination.rounds import rounds
from kit.kube import errors, objects
from kit.kube.client import Client
from kit.kube.lease import Leadership
from kit.kube.objects import ENDPOINT_SLICES, SERVICES, Key, Object, Resource

log = logging.getLogger(__name__)


class SliceWriter:
    """Hears of objects as they are (`saw`, `gone`) and of facts that changed (`touched`)."""

    def __init__(
        self, client: Client, index: Index, leadership: Leadership, metrics: Metrics
    ) -> None:
        self._client = client
        self._workloads = index.external_workloads
        self._leadership = leadership
        self._metrics = metrics
        self._services: dict[str, dict[Key, SelectingService]] = {}
        self._slices: dict[str, dict[Key, Object]] = {}
        """Ours, by namespace."""
        self._unsettled: set[str] = set()
        """Namespaces to look at."""
        self._changed = asyncio.Event()

    def saw(self, resource: Resource, obj: Object) -> None:
        at = objects.key(obj)
        if resource == SERVICES:
            service = _read(obj)
            if service is None:
                self.gone(resource, at)
            else:
                self._services.setdefault(at.namespace, {})[at] = service
                self._look_at(at.namespace)
        elif resource == ENDPOINT_SLICES:
            if ours(obj):
                self._slices.setdefault(at.namespace, {})[at] = obj
                self._look_at(at.namespace)
            else:
                self.gone(resource, at)

    def gone(self, resource: Resource, key: Key) -> None:
        if resource == SERVICES:
            self._services.get(key.namespace, {}).pop(key, None)
        elif resource != ENDPOINT_SLICES or not self._forget(key):
            return
        self._look_at(key.namespace)

    def touched(self, facts: Iterable[Fact]) -> None:
        for name, namespace in facts:
            if name == "external workloads by namespace":
                self._unsettled.add(str(namespace))
                self._changed.set()

    async def run(self, listed: asyncio.Event) -> None:
        """Writes until cancelled, once the picture is whole and while this replica leads."""
        async with aclosing(rounds(self._leadership, self._changed, listed)) as each:
            async for _ in each:
                for namespace in sorted(self._unsettled):
                    await self._settle(namespace)

    def _look_at(self, namespace: str) -> None:
        """Where no machine is and no slice of ours, nothing that happens is of concern."""
        if self._slices.get(namespace) or self._workloads.by("namespace", namespace):
            self._unsettled.add(namespace)
            self._changed.set()

    def _forget(self, key: Key) -> bool:
        return self._slices.get(key.namespace, {}).pop(key, None) is not None

    async def _settle(self, namespace: str) -> None:
        """All that is to be written there, unless something fails: then it stays unsettled."""
        self._unsettled.discard(namespace)
        for action in self._actions(namespace):
            if not self._leadership.held or not await self._write(namespace, action):
                self._unsettled.add(namespace)

    def _actions(self, namespace: str) -> list[Action]:
        workloads = self._workloads.by("namespace", namespace)
        services = self._services.get(namespace, {})
        of: dict[Key, list[Object]] = {key: [] for key in services} if workloads else {}
        for one in self._slices.get(namespace, {}).values():
            name = objects.labels(one).get(SERVICE_NAME_LABEL, "")
            of.setdefault(Key(namespace, name), []).append(one)
        return [
            action
            for at, slices in sorted(of.items(), key=lambda item: item[0])
            for action in decide(services.get(at), workloads, slices)
        ]

    async def _write(self, namespace: str, action: Action) -> bool:
        """Whether it is as it should be after this."""
        try:
            result = await self._act(namespace, action)
        except errors.Conflict:
            return await self._read_again(namespace, action)
        except errors.KubeError as error:
            self._metrics.slice_writes.labels("failed").inc()
            about = {"namespace": namespace, "action": type(action).__name__, "why": str(error)}
            log.warning("an EndpointSlice could not be written", extra=about)
            return False
        self._metrics.slice_writes.labels(result).inc()
        return True

    async def _act(self, namespace: str, action: Action) -> str:
        match action:
            case Create(body):
                self._keep(await self._client.create(ENDPOINT_SLICES, body, namespace))
                return "created"
            case Update(name, patch):
                written = await self._client.patch(ENDPOINT_SLICES, name, patch, namespace)
                self._keep(written)
                return "updated"
            case Delete(name):
                try:
                    await self._client.delete(ENDPOINT_SLICES, name, namespace)
                except errors.NotFound:
                    log.debug("an EndpointSlice was gone already", extra={"slice": name})
                self._forget(Key(namespace, name))
                return "deleted"

    async def _read_again(self, namespace: str, action: Action) -> bool:
        """Somebody wrote it meanwhile; what was written is the base of the next round."""
        if isinstance(action, Update):
            try:
                self._keep(await self._client.get(ENDPOINT_SLICES, action.name, namespace))
            except errors.NotFound:
                self._forget(Key(namespace, action.name))
            except errors.KubeError as error:
                log.info("an EndpointSlice could not be read", extra={"why": str(error)})
        self._changed.set()
        return False

    def _keep(self, obj: Object) -> None:
        """What was written is known before its watch tells: the next round builds on it."""
        at = objects.key(obj)
        self._slices.setdefault(at.namespace, {})[at] = obj


def _read(obj: Object) -> SelectingService | None:
    try:
        return selecting_service(obj)
    except MALFORMED:
        return None  # as the table of Services has said
