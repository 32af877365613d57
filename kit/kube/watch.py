"""List, then watch, forever: the level-triggered picture of one kind of object.

A reader gets `Put` and `Gone`, and `Listed` whenever everything before it was a complete list:
after the first one the picture is whole. When the server has forgotten our place (410), or its
connection broke, we go on from where we were if we can and list again if we must; a new list
yields only what differs from what the reader has already been told, so readers need no memory of
their own for it.

A resource whose definition is not installed (404) reads as an empty list and is tried again
slowly, when `optional` says that this may be so. One that clusters have in several versions is
watched in the first that is there.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from kit.kube import errors
from kit.kube.client import TOO_DEEP, Client
from kit.kube.objects import Key, Object, Resource, key, metadata, resource_version

log = logging.getLogger(__name__)

ABSENT_RETRY = 60.0  # seconds between looks for a resource that is not installed


@dataclass(frozen=True, slots=True)
class Put:
    """An object that is there now, new or changed."""

    obj: Object


@dataclass(frozen=True, slots=True)
class Gone:
    """An object that is no longer there."""

    key: Key


@dataclass(frozen=True, slots=True)
class Listed:
    """Everything before this mark was a complete list."""


Event = Put | Gone | Listed


@dataclass
class Backoff:
    """Seconds to wait after each failure in a row: doubling, bounded, with full jitter."""

    base: float = 0.2
    ceiling: float = 30.0
    chance: Callable[[], float] = random.random
    _failures: int = field(default=0, init=False)

    def reset(self) -> None:
        self._failures = 0

    def next(self) -> float:
        bound = min(self.ceiling, self.base * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return bound * (0.5 + self.chance() / 2)


@dataclass(frozen=True)
class Watch:
    """What to watch, and how patiently."""

    client: Client
    resource: Resource
    namespace: str | None = None
    label_selector: str = ""
    field_selector: str = ""
    optional: bool = False
    absent_retry: float = ABSENT_RETRY
    backoff: Backoff = field(default_factory=Backoff)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Never ends by itself. Errors of the API are logged and outlived; others are raised."""
        known: dict[Key, str] = {}
        version = ""
        versions = self.resource.versions()
        tried = 0
        while True:
            resource = versions[tried]
            try:
                if not version:
                    items, version = await self.client.list(
                        resource, self.namespace, **self._selectors
                    )
                    for event in _differences(known, items):
                        yield event
                    yield Listed()
                    del items
                started = asyncio.get_running_loop().time()
                changes = self.client.watch(
                    resource, version, self.namespace, seconds=_lifetime(), **self._selectors
                )
                async with aclosing(changes):  # a reader that leaves takes the connection along
                    async for kind, obj in changes:
                        self.backoff.reset()
                        version = resource_version(obj) or version
                        if change := _change(known, kind, obj):
                            yield change
                if asyncio.get_running_loop().time() - started < 1.0:
                    await asyncio.sleep(self.backoff.next())  # ended at once: do not spin
            except errors.Expired:
                version = ""
                await asyncio.sleep(self.backoff.next())
            except errors.NotFound as error:
                version = ""
                tried = (tried + 1) % len(versions)
                if tried:
                    continue
                if not self.optional:
                    await self._wait(error)
                    continue
                for gone in list(known):
                    del known[gone]
                    yield Gone(gone)
                yield Listed()
                log.debug("not installed", extra={"resource": str(self.resource)})
                await asyncio.sleep(self.absent_retry * random.uniform(0.8, 1.2))  # noqa: S311
            except errors.TooManyRequests as error:
                await self._wait(error)  # a new list would ask for more, not less
            except errors.ApiError as error:
                version = ""
                await self._wait(error)
            except errors.KubeError as error:
                await self._wait(error)

    @property
    def _selectors(self) -> dict[str, str]:
        given = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {name: value for name, value in given.items() if value}

    async def _wait(self, error: errors.KubeError) -> None:
        delay = self.backoff.next()
        log.warning(
            "watch interrupted",
            extra={"resource": str(self.resource), "why": str(error), "retry_in": f"{delay:.1f}s"},
        )
        await asyncio.sleep(delay)


def _lifetime() -> int:
    """Seconds a watch may last. Spread, so that many watches do not end together."""
    return random.randint(240, 300)  # noqa: S311


def _differences(known: dict[Key, str], items: list[Object]) -> list[Event]:
    """What a reader who was told `known` must hear to know `items`; `known` follows."""
    events: list[Event] = []
    present = {key(obj) for obj in items}
    for gone in [one for one in known if one not in present]:
        del known[gone]
        events.append(Gone(gone))
    for obj in items:
        if known.get(key(obj)) != resource_version(obj) or not resource_version(obj):
            known[key(obj)] = resource_version(obj)
            events.append(Put(obj))
    return events


def _change(known: dict[Key, str], kind: str, obj: Object) -> Event | None:
    """One watch event as the reader hears it; None for bookmarks.

    An object that became too deep to be read is gone for the reader, as it is for a list.
    """
    if kind in ("ADDED", "MODIFIED"):
        known[key(obj)] = resource_version(obj)
        return Put(obj)
    if kind == "DELETED":
        known.pop(key(obj), None)
        return Gone(key(obj))
    if kind == TOO_DEEP:
        return Gone(key(obj)) if known.pop(key(obj), None) is not None else None
    if kind != "BOOKMARK":
        log.warning("unknown watch event", extra={"type": kind, "name": metadata(obj).get("name")})
    return None
