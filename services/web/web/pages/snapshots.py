"""One page's data, made once for all who look at it.

What a page shows costs the same for one reader and for a hundred: whoever asks within `fresh` seconds
of another gets the same answer, and those who ask while it is being made wait for it together.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from web.pages import rows
from web.pages.components import Component, Components
from web.pages.model import control_plane, errors, namespace, namespaces, routes, workload
from web.pages.views import (
    ControlPlane,
    Errors,
    Namespace,
    Namespaces,
    Routes,
    View,
    Workload,
)
from web.stats.answer import Answer
from web.stats.backend import Backend
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.query import Query, Ref
from web.stats.selection import select
from weft.names import TrustDomain
from weft.version import VERSION

HISTORY_STEP = 15.0
"""Seconds between the points of a sparkline."""


class NotThere(Exception):
    """What a page is about does not exist; the message names it."""


@dataclass(frozen=True, slots=True)
class World:
    """What pages are made of."""

    inventory: Inventory
    backend: Backend
    identities: TrustDomain
    components: Components
    failing: Callable[[], Mapping[str, str]] = dict
    """Why a proxy's metrics cannot be read, by `namespace/pod`."""


@dataclass
class Snapshots:
    """Makes pages' data on demand."""

    world: World
    fresh: float = 2.0
    clock: Callable[[], float] = time.time
    _made: dict[View, tuple[float, asyncio.Task[rows.Json]]] = field(
        default_factory=dict, init=False
    )

    async def get(self, view: View) -> rows.Json:
        """The page's data. Raises NotThere, BackendError."""
        now = self.clock()
        self._made = {
            one: made for one, made in self._made.items() if 0 <= now - made[0] < self.fresh
        }
        if view not in self._made:
            self._made[view] = (now, asyncio.ensure_future(self._make(view)))
        return await asyncio.shield(self._made[view][1])

    async def past(self, view: View) -> rows.Json:
        """How it was, for sparklines: per row, requests per second and success rate at each moment.

        `ages` are seconds before now, falling. Raises BackendError.
        """
        ages: list[float] = []
        found: dict[str, rows.Json] = {}
        for query in _queries(view, self.world.inventory.mesh):
            await asyncio.sleep(0)  # a large cluster's past takes long: others go in between
            past = await self.world.backend.history(select(query), query.window, HISTORY_STEP)
            ages = list(past.moments)
            for group, samples in past.samples.items():
                name = {"kind": query.rows.kind.value, **group._asdict()}
                found[rows.key(name)] = {
                    "rps": [
                        round((one.success + one.failure) / query.window, 3) for one in samples
                    ],
                    "success": [
                        round(one.success / total, 4) if (total := sum(one)) else None
                        for one in samples
                    ],
                }
        return {"ages": ages, "rows": found}

    async def _make(self, view: View) -> rows.Json:
        world = self.world
        self._must_exist(view)
        components = world.components.now()
        answer, page = await self._page(view, components)
        age = world.backend.age
        return {
            "at": self.clock(),
            "measuredAt": None if age is None else self.clock() - age,
            "window": answer.window,
            "observed": answer.observed,
            "backend": answer.backend,
            "source": rows.source(answer.source),
            "version": VERSION,
            "mesh": world.inventory.mesh,
            "down": [
                {"name": one.name, "since": one.down_since, "consequence": one.consequence}
                for one in components
                if one.down_since is not None
            ],
            "page": page,
        }

    async def _page(self, view: View, components: list[Component]) -> tuple[Answer, rows.Json]:
        world = self.world
        match view:
            case Namespaces():
                return await namespaces.namespaces(world.inventory, world.backend)
            case Namespace(name):
                return await namespace.namespace(
                    name, world.inventory, world.backend, world.identities
                )
            case Workload():
                return await workload.workload(
                    view, world.inventory, world.backend, world.identities
                )
            case ControlPlane():
                return await control_plane.control_plane(
                    world.inventory, world.backend, components, world.failing()
                )
            case Routes(name):
                return await routes.routes(name, world.inventory, world.backend)
            case Errors(name):
                return await errors.errors(name, world.inventory, world.backend)

    def _must_exist(self, view: View) -> None:
        match view:
            case Namespace(name) | Routes(name) | Errors(name) if name:
                if self.world.inventory.find(Ref(Kind.NAMESPACE, "", name)) is None:
                    raise NotThere(f"there is no namespace {name}")
            case Workload(kind, home, name):
                if self.world.inventory.find(Ref(kind, home, name)) is None:
                    raise NotThere(f"there is no {kind} {name} in namespace {home}")


def _queries(view: View, mesh: str) -> tuple[Query, ...]:
    """The questions whose past a page's rows show."""
    match view:
        case Namespaces():
            return namespaces.QUERIES
        case Namespace(name):
            return namespace.queries(name)
        case Workload():
            return workload.queries(view)
        case ControlPlane():
            return control_plane.queries(mesh)
        case Routes() | Errors():
            return ()
