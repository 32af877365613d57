"""The loop all controllers share: a change in the store -> keys -> reconcile -> actions.

Level-triggered: a key says only *where* to look, and a key that is queued while it is being worked
on is looked at once more, however often it was queued. A reconciliation reads the store, decides,
and its actions are carried out in order; the first that fails ends it. A conflict means somebody
else was quicker: look again at once. Any other failure is looked at again after a growing pause.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sandbox.apiserver.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError
from sandbox.apiserver.kinds import POD, Kind
from sandbox.apiserver.store import Part, Preconditions, Store
from sandbox.apiserver.watch import Change
from sandbox.controllers.actions import (
    Action,
    Again,
    Bind,
    Create,
    Delete,
    Event,
    Update,
    UpdateStatus,
)
from sandbox.controllers.objects import Object, metadata, name, namespace, set_condition, uid

log = logging.getLogger("sandbox.controllers")

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 15.0


class Key(NamedTuple):
    """Where to look."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(filter(None, (self.kind.plural, self.namespace, self.name)))


def key_of(kind: Kind, obj: Object) -> Key:
    return Key(kind, namespace(obj), name(obj))


@dataclass(frozen=True, slots=True)
class Controller:
    name: str
    concerns: Callable[[Store, Kind, Object], Iterable[Key]]
    """Which keys a change of this object makes worth a look."""
    reconcile: Callable[[Store, Key, datetime], Sequence[Action]]
    """What to do now. The key's object may be gone."""
    refused: Callable[[Object, str, datetime], Sequence[Action]] | None = None
    """What to say on the key's object when one of its creations was refused."""


class Creator(Protocol):
    """Creating as a request would: defaults, admission, webhooks."""

    async def create(self, kind: Kind, obj: Object) -> Object: ...


class Recorder(Protocol):
    def __call__(self, about: Object, kind: str, reason: str, message: str) -> object: ...


class Worker:
    """Runs one controller. `start` looks at everything there is; `stop` waits for nothing."""

    def __init__(
        self, controller: Controller, store: Store, creator: Creator, recorder: Recorder
    ) -> None:
        self.controller = controller
        self._store = store
        self._creator = creator
        self._recorder = recorder
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._dirty: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._stopped = False

    def __repr__(self) -> str:
        return f"<Worker {self.controller.name}: {len(self._tasks)} at work>"

    @property
    def idle(self) -> bool:
        """Nothing at work and nothing to retry; timers a decision asked for do not count."""
        return not self._tasks and not self._failures

    def start(self) -> None:
        self._store.observe(self._observe)
        for kind in self._store.registry.storable():
            for obj in self._store.list(kind):
                self._look_at(self.controller.concerns(self._store, kind, obj))

    def stop(self) -> None:
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks.values():
            task.cancel()

    def _observe(self, kind: Kind, change: Change) -> None:
        states = (change.before, change.after or change.final)
        for obj in filter(None, states):
            self._look_at(self.controller.concerns(self._store, kind, obj))

    def _look_at(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.enqueue(key)

    def enqueue(self, key: Key) -> None:
        if self._stopped:
            return
        if timer := self._timers.pop(key, None):
            timer.cancel()
        self._dirty.add(key)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._work(key), name=f"reconcile {key}")

    async def _work(self, key: Key) -> None:
        try:
            while key in self._dirty:
                # Changes that arrive together (one request, many writes) are looked at once.
                await asyncio.sleep(0)
                self._dirty.discard(key)
                await self._attempt(key)
        finally:
            del self._tasks[key]

    async def _attempt(self, key: Key) -> None:
        now = self._store.clock()
        try:
            again = await self._apply(self.controller.reconcile(self._store, key, now))
        except ConflictError:
            self._dirty.add(key)
        except ApiError as error:
            log.warning("%s: %s: %s", self.controller.name, key, error.message)
            await self._say_refused(key, error.message)
            self._after(key, self._pause(key))
        except Exception:
            log.exception("%s: %s: the controller itself failed", self.controller.name, key)
            self._after(key, self._pause(key))
        else:
            self._failures.pop(key, None)
            if again is not None:
                self._after(key, again)

    def _pause(self, key: Key) -> float:
        failed = self._failures[key] = self._failures.get(key, 0) + 1
        return float(min(FIRST_PAUSE * 2 ** min(failed - 1, 16), LONGEST_PAUSE))

    def _after(self, key: Key, seconds: float) -> None:
        if key in self._dirty or self._stopped:
            return
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(max(seconds, 0.0), self._due, key)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.enqueue(key)

    async def _say_refused(self, key: Key, message: str) -> None:
        if self.controller.refused is None:
            return
        obj = self._store.find(key.kind, key.namespace, key.name)
        if obj is None:
            return
        try:
            await self._apply(self.controller.refused(obj, message, self._store.clock()))
        except ApiError as error:
            log.warning("%s: %s: %s", self.controller.name, key, error.message)

    async def _apply(self, actions: Sequence[Action]) -> float | None:
        """Carries the actions out; the answer is when to look again, if one asked."""
        again: float | None = None
        written: dict[str, str] = {}
        for action in actions:
            match action:
                case Create():
                    await self._create(action)
                case Update(obj):
                    self._write(obj, Part.MAIN, written)
                case UpdateStatus(obj):
                    self._write(obj, Part.STATUS, written)
                case Delete():
                    self._delete(action)
                case Bind(pod, node):
                    self._bind(pod, node)
                case Event(about, kind, reason, message):
                    self._recorder(about, kind, reason, message)
                case Again(seconds):
                    again = seconds if again is None else min(again, seconds)
        return again

    def _kind(self, obj: Object) -> Kind:
        kind = self._store.registry.by_kind(obj["apiVersion"], obj["kind"])
        if kind is None:  # its CRD went in the meantime
            raise NotFoundError.path()
        return kind

    async def _create(self, action: Create) -> None:
        obj = action.object
        try:
            made = await self._creator.create(self._kind(obj), obj)
        except AlreadyExistsError:
            if metadata(obj).get("generateName"):
                raise
            return
        if action.told_on is not None:
            text = f"Created {obj['kind'].lower()}: {name(made)}"
            self._recorder(action.told_on, "Normal", "SuccessfulCreate", text)

    def _write(self, obj: Object, part: Part, written: dict[str, str]) -> None:
        """An object written twice in one go is compared with what the first write made of it."""
        if (version := written.get(uid(obj))) is not None:
            obj = {**obj, "metadata": {**metadata(obj), "resourceVersion": version}}
        try:
            stored = self._store.update(self._kind(obj), obj, part)
        except NotFoundError:
            return
        written[uid(obj)] = metadata(stored)["resourceVersion"]

    def _delete(self, action: Delete) -> None:
        obj = action.object
        try:
            self._store.delete(
                self._kind(obj),
                namespace(obj),
                name(obj),
                grace=action.grace_seconds,
                propagation=action.propagation,
                preconditions=Preconditions(uid=uid(obj) or None),
            )
        except NotFoundError:
            return

    def _bind(self, pod: Object, node: str) -> None:
        now = self._store.clock()

        def bind(draft: dict[str, Any]) -> None:
            draft["spec"]["nodeName"] = node
            status = draft.setdefault("status", {})
            entry = {"type": "PodScheduled", "status": "True"}
            status["conditions"] = set_condition(status.get("conditions") or [], entry, now)

        try:
            self._store.mutate(POD, namespace(pod), name(pod), bind)
        except NotFoundError:
            return
        text = f"Successfully assigned {namespace(pod)}/{name(pod)} to {node}"
        self._recorder(pod, "Normal", "Scheduled", text)
