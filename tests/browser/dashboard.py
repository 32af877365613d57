"""The web service on a loopback port, with a cluster made for the test and numbers it is told.

Everything between the browser and the backend is real: server, guard, pages, streams. Only what the
backend measured is made up, so that a test can say what must be seen.
"""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry

from web import listener
from web.metrics import Metrics
from web.pages import assets
from web.pages.components import Components
from web.pages.routes import Dashboard
from web.pages.snapshots import Snapshots, World
from web.security import names_of
from web.server import application
from web.stats.backend import (
    BackendError,
    Flow,
    Group,
    History,
    Latency,
    Measured,
    MeasuredLinks,
    Provenance,
    Sample,
    Tallied,
    TcpTotals,
    Traffic,
)
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.links import End, Link, LinkSelection, Security
from web.stats.tallies import RESPONSES, ROUTE_TRIES, ROUTES, Source, TallySelection
from web.stats.tests.cluster import obj, pod
from web.tests.proxies import FakeProxy, serving
from weft.addresses import SocketAddress
from weft.labels import CONTROL_PLANE_COMPONENT_LABEL
from weft.names import TrustDomain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from contextlib import AbstractAsyncContextManager

    from starlette.applications import Starlette

    from web.stats.backend import Backend as Measuring
    from web.stats.selection import Selection
    from web.stats.tallies import TallySelection

T = TypeVar("T")
NAMESPACE = "emojivoto"
NOBODY = "127.0.0.1"
"""Where a pod without a proxy of the test's is asked: it refuses at once."""
DOMAIN = TrustDomain()
INTERVAL = 0.2  # seconds between the events of a stream, so that changes are seen soon
STEP = 15.0


@dataclass
class Backend:
    """Measures what it was told, the same for ever; says no when `error` is set."""

    traffic: dict[Group, Traffic] = field(default_factory=dict)
    flows: dict[Link, Flow] = field(default_factory=dict)
    tallies: list[tuple[Source, dict[str, str], Traffic]] = field(default_factory=list)
    """What was counted, and by which labels."""
    error: str = ""
    provenance: Provenance = field(default_factory=lambda: Provenance("embedded", 0.0))
    max_window: float = 600.0
    age: float | None = 1.0

    async def measure(self, selection: Selection, window: float) -> Measured:
        self._may_fail()
        return Measured(self.traffic, window)

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        self._may_fail()
        found = {
            tuple(labels.get(label, "") for label in selection.by): traffic
            for source, labels, traffic in self.tallies
            if source is selection.source and dict(selection.match).items() <= labels.items()
        }
        return Tallied(found, window)

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        self._may_fail()
        near = {link: flow for link, flow in self.flows.items() if selection.selects(link)}
        return MeasuredLinks(near, window)

    async def history(self, selection: Selection, window: float, step: float) -> History:
        """A slow wave, with what fails now failing since five minutes ago."""
        ages = [step * index for index in range(35, 0, -1)]
        return History(ages, {group: _past(one, len(ages)) for group, one in self.traffic.items()})

    def _may_fail(self) -> None:
        if self.error:
            raise BackendError(self.error)


def _past(traffic: Traffic, count: int) -> list[Sample]:
    found = []
    for index in range(count):
        swing = 0.75 + 0.25 * ((index * 7) % 11) / 11
        fails = traffic.failure if index > count * 0.45 else 0.0
        found.append(Sample((traffic.success + traffic.failure - fails) * swing, fails * swing))
    return found


@dataclass
class Served(ABC):
    """A web service in a thread of its own, which can be stopped and started again at the same port."""

    inventory: Inventory
    proxies: dict[str, FakeProxy] = field(default_factory=dict, kw_only=True)
    """Admin ports of pods by their names, served as long as the service is."""
    interval: float = field(default=INTERVAL, kw_only=True)
    port: int = field(default=0, kw_only=True)
    _thread: threading.Thread | None = field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _stop: asyncio.Event | None = field(default=None, init=False)

    @abstractmethod
    def measuring(self, metrics: Metrics) -> AbstractAsyncContextManager[Measuring]:
        """Where the numbers come from, while the block lasts."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(up)))
        self._thread.start()
        if not up.wait(20):
            raise TimeoutError("the web service does not come up")

    def stop(self) -> None:
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._thread = self._loop = None

    def do(self, work: Coroutine[object, object, T], seconds: float) -> T:
        """Runs beside the service, in its loop. Raises TimeoutError."""
        assert self._loop is not None, "the service does not run"
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    async def _serve(self, up: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        here = SocketAddress("127.0.0.1", self.port)
        metrics = Metrics(CollectorRegistry())
        async with serving(*self.proxies.values()), self.measuring(metrics) as backend:
            for name, proxy in self.proxies.items():
                answer_at(self.inventory, name, proxy.port)
            pages = self._pages(backend)
            async with listener.serve(self._face(pages, backend, metrics), here) as address:
                self.port = address.port
                up.set()
                await self._stop.wait()
                pages.close()

    def _pages(self, backend: Measuring) -> Dashboard:
        components = Components(self.inventory, time.time)
        world = World(self.inventory, backend, DOMAIN, components)
        return Dashboard(
            assets.load(), Snapshots(world, fresh=self.interval / 2), lambda: True, self.interval
        )

    def _face(self, pages: Dashboard, backend: Measuring, metrics: Metrics) -> Starlette:
        return application(
            self.inventory,
            backend,
            lambda: True,
            metrics,
            names_of("weft", "cluster.local"),
            dashboard=pages,
        )


@dataclass
class Service(Served):
    """Its numbers are made up."""

    backend: Backend

    @asynccontextmanager
    async def measuring(self, metrics: Metrics) -> AsyncIterator[Measuring]:
        yield self.backend


@contextmanager
def served(
    inventory: Inventory,
    backend: Backend,
    interval: float = INTERVAL,
    proxies: dict[str, FakeProxy] | None = None,
) -> Iterator[Service]:
    """`proxies`: admin ports, by deployment."""
    service = Service(inventory, backend, interval=interval, proxies=proxies or {})
    service.start()
    try:
        yield service
    finally:
        service.stop()


def cluster() -> Inventory:
    """The voting application, all meshed, an empty namespace, and the control plane, all up."""
    known = Inventory("weft")
    for name in (NAMESPACE, "empty", "weft"):
        known.put(Kind.NAMESPACE, obj(name, ""))
    for name in ("vote-bot", "web", "emoji", "voting"):
        add_deployment(known, name)
        if name != "vote-bot":
            known.put(Kind.SERVICE, obj(f"{name}-svc"))
    for component in ("destination", "identity", "proxy-injector", "web"):
        known.put(Kind.DEPLOYMENT, obj(f"weft-{component}", "weft"))
        set_component(known, component, ready=True)
    return known


def add_deployment(known: Inventory, name: str) -> None:
    known.put(Kind.DEPLOYMENT, obj(name))
    known.put(Kind.REPLICA_SET, obj(f"{name}-5d4f", owner=("Deployment", name)))
    found = pod(f"{name}-5d4f-x7k2p", ("ReplicaSet", f"{name}-5d4f"), ip=NOBODY, port=1)
    found["spec"]["serviceAccountName"] = name
    known.put(Kind.POD, found)


def answer_at(known: Inventory, deployment: str, port: int) -> None:
    """Whose admin port is where."""
    owner = ("ReplicaSet", f"{deployment}-5d4f")
    known.put(Kind.POD, pod(f"{deployment}-5d4f-x7k2p", owner, ip=NOBODY, port=port))


def set_component(known: Inventory, name: str, *, ready: bool) -> None:
    found = pod(
        f"weft-{name}-7c9b-q2w4e", namespace="weft", labels={CONTROL_PLANE_COMPONENT_LABEL: name}
    )
    found["spec"]["containers"][0]["image"] = f"localhost/weft/{name}:0.1.0"
    found["status"]["startTime"] = "2026-01-01T00:00:00Z"
    found["status"]["conditions"] = [
        {
            "type": "Ready",
            "status": str(ready),
            "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
    ]
    known.put(Kind.POD, found)


def voting() -> Backend:
    """A fifth of the votes fails, and with them a tenth of what web answers."""
    traffic = {
        "web": Traffic(504, 56, Latency(4.1, 9.3, 18.2), TcpTotals(2, 160_000, 900_000)),
        "emoji": Traffic(560, 0, Latency(1.1, 1.9, 2.6), TcpTotals(2, 20_000, 90_000)),
        "voting": Traffic(224, 56, Latency(1.2, 2.1, 4.4), TcpTotals(2, 18_000, 24_000)),
    }
    found: dict[Group, Traffic] = {}
    for name, one in traffic.items():
        for shown in (name, f"{name}-svc", f"{name}-5d4f", f"{name}-5d4f-x7k2p"):
            found[Group(NAMESPACE, shown)] = one
    found[Group("", NAMESPACE)] = Traffic(
        1288, 112, Latency(1.7, 8.4, 16.9), TcpTotals(6, 1e5, 1e6)
    )
    found[Group("", "weft")] = Traffic(140, 0, Latency(0.8, 2.0, 3.0), TcpTotals(12, 1e4, 1e4))
    flows = {
        _link("vote-bot", "web"): _secured("web", traffic["web"]),
        _link("web", "emoji"): _secured("emoji", traffic["emoji"]),
        _link("web", "voting"): _secured("voting", traffic["voting"]),
        Link(None, _end("web")): Flow(
            Traffic(12, 0, Latency(1, 2, 3)),
            frozenset((Security("no_identity", "", "no_tls_from_remote"),)),
        ),
    }
    return Backend(found, flows, _routes(traffic))


def _routes(traffic: dict[str, Traffic]) -> list[tuple[Source, dict[str, str], Traffic]]:
    """web's requests by two routes of its Service, of which one is tried again; each server's own."""
    found: list[tuple[Source, dict[str, str], Traffic]] = [
        (
            RESPONSES,
            {
                "direction": "inbound", "namespace": NAMESPACE, "deployment": name, "srv_kind": "default",
                "srv_name": "all-unauthenticated", "srv_port": "8080", "route_kind": "default", "route_name": "default",
            },
            one,
        )
        for name, one in traffic.items()
    ]  # fmt: skip
    for route, once, tries in (
        ("vote-doughnut", Traffic(0, 56, Latency(50, 50, 50)), Traffic(0, 168)),
        ("leaderboard", Traffic(224, 0, Latency(50, 50, 50)), Traffic(224, 0)),
    ):
        labels = {
            "namespace": NAMESPACE, "deployment": "web", "parent_kind": "Service", "parent_namespace": NAMESPACE,
            "parent_name": "voting-svc", "parent_port": "8080", "route_kind": "HTTPRoute",
            "route_namespace": NAMESPACE, "route_name": route,
        }  # fmt: skip
        found += [(ROUTES, labels, once), (ROUTE_TRIES, labels, tries)]
    return found


def _link(source: str, target: str) -> Link:
    return Link(_end(source), _end(target))


def _end(name: str) -> End:
    return End(Kind.DEPLOYMENT, NAMESPACE, name)


def _secured(server: str, traffic: Traffic) -> Flow:
    identity = DOMAIN.identity(server, NAMESPACE)
    return Flow(traffic, frozenset((Security("true", identity, ""),)))
