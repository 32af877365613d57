"""What our Kubernetes client may rely on: one list of demands for the fake and for a real API server.

Each demand is a coroutine over a Client and the name of a namespace that exists and is the test's
own. Run all of them with `DEMANDS`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from kit.kube import errors
from kit.kube.client import Client
from kit.kube.objects import CONFIG_MAPS, Object, resource_version
from kit.kube.watch import Event, Gone, Listed, Put, Watch

Demand = Callable[[Client, str], Awaitable[None]]

_PATIENCE = 10.0  # seconds; a bound on a hang, not a pause


def config_map(name: str, **data: str) -> Object:
    return {"metadata": {"name": name, "labels": {"contract": "yes"}}, "data": data}


async def create_get_patch_delete(client: Client, namespace: str) -> None:
    made = await client.create(CONFIG_MAPS, config_map("one", a="1"), namespace)
    assert resource_version(made)
    patched = await client.patch(CONFIG_MAPS, "one", {"data": {"b": "2", "a": None}}, namespace)
    assert patched["data"] == {"b": "2"}
    assert resource_version(patched) != resource_version(made)
    assert (await client.get(CONFIG_MAPS, "one", namespace))["data"] == {"b": "2"}
    await client.delete(CONFIG_MAPS, "one", namespace)
    with pytest.raises(errors.NotFound):
        await client.get(CONFIG_MAPS, "one", namespace)


async def creating_twice_conflicts(client: Client, namespace: str) -> None:
    await client.create(CONFIG_MAPS, config_map("twice"), namespace)
    with pytest.raises(errors.Conflict) as caught:
        await client.create(CONFIG_MAPS, config_map("twice"), namespace)
    assert caught.value.reason == "AlreadyExists"
    await client.delete(CONFIG_MAPS, "twice", namespace)


async def names_are_made_from_their_beginning(client: Client, namespace: str) -> None:
    body: Object = {"metadata": {"generateName": "made-"}}
    made = [await client.create(CONFIG_MAPS, body, namespace) for _ in range(2)]
    names = [one["metadata"]["name"] for one in made]
    assert len({*names}) == 2
    for name in names:
        assert name.startswith("made-")
        assert len(name) == len("made-") + 5
        await client.delete(CONFIG_MAPS, name, namespace)


async def lists_by_label(client: Client, namespace: str) -> None:
    await client.create(CONFIG_MAPS, config_map("chosen"), namespace)
    await client.create(CONFIG_MAPS, {"metadata": {"name": "other"}}, namespace)
    items, version = await client.list(CONFIG_MAPS, namespace, labelSelector="contract=yes")
    assert [item["metadata"]["name"] for item in items] == ["chosen"]
    assert version
    for name in ("chosen", "other"):
        await client.delete(CONFIG_MAPS, name, namespace)


async def watch_tells_list_then_changes(client: Client, namespace: str) -> None:
    await client.create(CONFIG_MAPS, config_map("early"), namespace)
    watch = Watch(client, CONFIG_MAPS, namespace, label_selector="contract=yes")
    seen = watch.events()
    assert await _names(seen, 2) == ["put early", "listed"]
    await client.create(CONFIG_MAPS, config_map("late"), namespace)
    assert await _names(seen, 1) == ["put late"]
    await client.patch(CONFIG_MAPS, "late", {"data": {"x": "y"}}, namespace)
    assert await _names(seen, 1) == ["put late"]
    await client.delete(CONFIG_MAPS, "early", namespace)
    assert await _names(seen, 1) == ["gone early"]
    await client.delete(CONFIG_MAPS, "late", namespace)


DEMANDS: tuple[Demand, ...] = (
    create_get_patch_delete,
    creating_twice_conflicts,
    names_are_made_from_their_beginning,
    lists_by_label,
    watch_tells_list_then_changes,
)


async def _names(seen: AsyncIterator[Event], count: int) -> list[str]:
    async with asyncio.timeout(_PATIENCE):
        return [told(await anext(seen)) for _ in range(count)]


def told(event: Event) -> str:
    """An event in two words, for assertions."""
    match event:
        case Put(obj):
            return f"put {obj['metadata']['name']}"
        case Gone(key):
            return f"gone {key.name}"
        case Listed():
            return "listed"
