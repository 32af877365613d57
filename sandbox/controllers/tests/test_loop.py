"""The shared loop: coalescing, conflicts, failures, timers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sandbox.apiserver.errors import ForbiddenError
from sandbox.apiserver.kinds import CONFIG_MAP, Kind
from sandbox.apiserver.store import Store
from sandbox.controllers.actions import Action, Again, Create, Delete, Event, Update
from sandbox.controllers.loop import Controller, Key, Worker, key_of
from sandbox.controllers.objects import Object, name


def config(named: str, **data: str) -> Object:
    meta = {"name": named, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


class Lab:
    """One controller of ConfigMaps whose decision each test writes."""

    def __init__(self, decide: Callable[["Lab", Object | None], Sequence[Action]]) -> None:
        self.store = Store()
        self.looked: list[str] = []
        self.said: list[str] = []
        self.refusals = 0
        self._moved = asyncio.Event()
        self._decide = decide
        controller = Controller("test", self._concerns, self._reconcile, self._refused)
        self.worker = Worker(controller, self.store, self, self._say)

    def _concerns(self, store: Store, kind: Kind, obj: Object) -> list[Key]:
        return [key_of(kind, obj)]

    def _reconcile(self, store: Store, key: Key, now: datetime) -> Sequence[Action]:
        self.looked.append(key.name)
        self._moved.set()
        return self._decide(self, store.find(*key))

    def _refused(self, obj: Object, message: str, now: datetime) -> Sequence[Action]:
        return [Event(obj, "Warning", "Refused", message)]

    def _say(self, about: Object, kind: str, reason: str, message: str) -> None:
        self.said.append(f"{name(about)} {reason} {message}")

    async def create(self, kind: Kind, obj: Object) -> Object:
        await asyncio.sleep(0)
        if self.refusals:
            self.refusals -= 1
            raise ForbiddenError("not you")
        self._moved.set()
        return self.store.create(kind, obj)

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                self._moved.clear()
                await self._moved.wait()
                await self.settle()

    async def settle(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)


def run(lab: Lab, script: Callable[[Lab], Awaitable[None]]) -> None:
    async def main() -> None:
        lab.worker.start()
        try:
            await script(lab)
        finally:
            lab.worker.stop()
            await lab.settle()

    asyncio.run(main())


def test_what_is_there_at_the_start_is_looked_at() -> None:
    async def script(lab: Lab) -> None:
        await lab.settle()
        assert lab.looked == ["early"]

    lab = Lab(lambda lab, obj: [])
    lab.store.create(CONFIG_MAP, config("early"))
    run(lab, script)


def test_changes_that_come_together_are_looked_at_once() -> None:
    async def script(lab: Lab) -> None:
        lab.store.create(CONFIG_MAP, config("a"))
        for n in range(10):
            lab.store.merge(CONFIG_MAP, "default", "a", {"data": {"n": str(n)}})
        lab.store.create(CONFIG_MAP, config("b"))
        await lab.settle()
        assert lab.looked == ["a", "b"]

    run(Lab(lambda lab, obj: []), script)


def test_a_deletion_is_looked_at_with_nothing_there() -> None:
    seen: list[object] = []

    async def script(lab: Lab) -> None:
        lab.store.create(CONFIG_MAP, config("a"))
        lab.store.delete(CONFIG_MAP, "default", "a")
        await lab.settle()
        assert seen == [None]

    def decide(lab: Lab, obj: Object | None) -> Sequence[Action]:
        seen.append(obj)
        return []

    run(Lab(decide), script)


def test_a_conflict_is_looked_at_again_at_once() -> None:
    def decide(lab: Lab, obj: Object | None) -> Sequence[Action]:
        assert obj is not None
        if obj["data"].get("mark"):
            return []
        if len(lab.looked) == 1:  # somebody is quicker, once
            lab.store.merge(CONFIG_MAP, "default", "a", {"data": {"other": "1"}})
        return [Update({**obj, "data": {**obj["data"], "mark": "1"}})]

    async def script(lab: Lab) -> None:
        lab.store.create(CONFIG_MAP, config("a"))
        await lab.settle()
        assert lab.store.get(CONFIG_MAP, "default", "a")["data"] == {"other": "1", "mark": "1"}

    run(Lab(decide), script)


def test_two_writes_of_one_object_in_one_go_do_not_conflict() -> None:
    def decide(lab: Lab, obj: Object | None) -> Sequence[Action]:
        assert obj is not None
        if obj["data"]:
            return []
        return [Update({**obj, "data": {"n": "1"}}), Update({**obj, "data": {"n": "2"}})]

    async def script(lab: Lab) -> None:
        lab.store.create(CONFIG_MAP, config("a"))
        await lab.settle()
        assert lab.store.get(CONFIG_MAP, "default", "a")["data"] == {"n": "2"}

    run(Lab(decide), script)


def test_a_refusal_is_told_and_tried_again() -> None:
    def decide(lab: Lab, obj: Object | None) -> Sequence[Action]:
        wanted = obj is not None and name(obj) == "a"
        return [Create(config("made"))] if wanted else []

    async def script(lab: Lab) -> None:
        lab.refusals = 2
        lab.store.create(CONFIG_MAP, config("a"))
        await lab.wait_until(lambda: lab.store.find(CONFIG_MAP, "default", "made") is not None)
        assert lab.said == ["a Refused not you"] * 2
        await lab.settle()
        assert lab.worker.idle

    run(Lab(decide), script)


def test_a_decision_that_fails_harms_no_other_key() -> None:
    def decide(lab: Lab, obj: Object | None) -> Sequence[Action]:
        assert obj is not None
        if name(obj) == "bad":
            raise KeyError("spec")
        return [Delete(obj)]

    async def script(lab: Lab) -> None:
        lab.store.create(CONFIG_MAP, config("bad"))
        lab.store.create(CONFIG_MAP, config("good"))
        await lab.settle()
        assert lab.store.find(CONFIG_MAP, "default", "good") is None
        assert not lab.worker.idle

    def decide_gone(lab: Lab, obj: Object | None) -> Sequence[Action]:
        return [] if obj is None else decide(lab, obj)

    run(Lab(decide_gone), script)


def test_a_key_may_ask_to_be_looked_at_again() -> None:
    def decide(lab: Lab, obj: Object | None) -> Sequence[Action]:
        return [Again(0.001), Again(60)] if len(lab.looked) < 3 else []

    async def script(lab: Lab) -> None:
        lab.store.create(CONFIG_MAP, config("a"))
        await lab.wait_until(lambda: len(lab.looked) >= 3)
        await lab.settle()
        assert lab.looked == ["a", "a", "a"]

    run(Lab(decide), script)


def test_a_delete_is_of_the_object_that_was_seen() -> None:
    def decide(lab: Lab, obj: Object | None) -> Sequence[Action]:
        if obj is None or len(lab.looked) > 1:
            return []
        stale = {**obj, "metadata": {**obj["metadata"], "uid": "another"}}
        return [Delete(stale)]

    async def script(lab: Lab) -> None:
        lab.store.create(CONFIG_MAP, config("a"))
        await lab.settle()
        assert lab.store.find(CONFIG_MAP, "default", "a") is not None

    run(Lab(decide), script)
