"""Streams of proxies, shared by all viewers that ask them the same.

A proxy is asked for so many requests, and asked again at most once a second; when it has shown them it is
quiet until then, which is how its rate is bounded at the source. Viewers with the same question to the
same proxy, a hundred open pages of one dashboard, are one question to it: what it costs a proxy to be
watched does not grow with them. Each event is described once, and each viewer's own sampler decides.

Each stream goes in plaintext to our own proxy, which turns it into mutual TLS and, told by
`l5d-require-id`, insists on the pod's name.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import grpc.aio

from kit.rpc.client import channel
from tap import observe
from tap.describe import Describer, stream
from tap.merge import Shared, Viewer
from tap.query import Query
from tap.targets import Proxy
from weft.numbers import whole_number
from weftapi.proxy import tap_pb2
from weftapi.proxy.tap_pb2_grpc import TapStub

log = logging.getLogger(__name__)

REQUIRE_ID = "l5d-require-id"
DROPPED = "l5d-tap-dropped"
INTERVAL = 1.0
"""Seconds between two questions to one proxy."""
DRAINING = 4
"""Streams of one question that may wait for their last requests to end, besides the newest."""
PATIENCE = 30.0
"""Longest wait before a proxy that does not answer is asked again."""

Dial = Callable[[str], grpc.aio.Channel]
Rate = Callable[[], int]
"""Requests a second that a viewer wants of one proxy, at this moment."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What makes two viewers' questions one: the proxy, and all it is asked but for the number."""

    proxy: Proxy
    question: bytes


class Streams:
    """Every stream that is open, by what is asked."""

    def __init__(
        self, describer: Describer, *, dial: Dial = channel, interval: float = INTERVAL
    ) -> None:
        self._describer = describer
        self._dial = dial
        self._interval = interval
        self._bases = itertools.count(1)
        self._open: dict[_Key, _Stream] = {}

    def join(self, proxy: Proxy, query: Query, viewer: Viewer, rate: Rate) -> Callable[[], None]:
        """The viewer hears of the proxy's requests from now on, until what is returned is called."""
        key = _Key(proxy, observe.request(query, 0).SerializeToString(deterministic=True))
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = _Stream(
                proxy, query, self._describer, self._dial, self._interval, self._bases
            )
        found.viewers[viewer] = rate

        def leave() -> None:
            found.viewers.pop(viewer, None)
            if not found.viewers and self._open.get(key) is found:
                del self._open[key]
                found.close()

        return leave

    def __len__(self) -> int:
        return len(self._open)


class _Stream:
    """One question to one proxy, asked as long as there are viewers."""

    def __init__(
        self,
        proxy: Proxy,
        query: Query,
        describer: Describer,
        dial: Dial,
        interval: float,
        bases: "itertools.count[int]",
    ) -> None:
        self.viewers: dict[Viewer, Rate] = {}
        self._proxy = proxy
        self._query = query
        self._describer = describer
        self._dial = dial
        self._interval = interval
        self._bases = bases
        self._task = asyncio.ensure_future(self._follow())
        self._task.add_done_callback(self._ended)

    def close(self) -> None:
        self._task.cancel()

    def _ended(self, task: "asyncio.Future[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("following a proxy failed", exc_info=error, extra={"pod": self._proxy.pod})
            self._trouble("this is a defect of the tap service; its log says more")

    async def _follow(self) -> None:
        """Asks again and again until cancelled."""
        failures = 0
        said = ""
        draining: set[asyncio.Task[str]] = set()
        proxy = self._proxy
        async with self._dial(str(proxy.address)) as open_channel, asyncio.TaskGroup() as group:
            stub = TapStub(open_channel)  # type: ignore[no-untyped-call]
            while True:
                began = asyncio.get_running_loop().time()
                full = asyncio.Event()
                task = group.create_task(self._ask(stub, full))
                waiter = group.create_task(full.wait())
                await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
                waiter.cancel()
                problem = task.result() if task.done() else ""
                if not task.done():
                    draining.add(task)
                    task.add_done_callback(draining.discard)
                if not problem:
                    failures, said = 0, ""
                    wait = self._interval
                else:
                    failures += 1
                    if problem != said:
                        said = problem
                        self._trouble(problem)
                    wait = min(PATIENCE, self._interval * 2.0 ** min(failures, 10))
                if len(draining) > DRAINING:
                    await asyncio.wait(draining, return_when=asyncio.FIRST_COMPLETED)
                spent = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(0.0, wait - spent))

    async def _ask(self, stub: TapStub, full: asyncio.Event) -> str:
        """One question and its answers; what went wrong, or nothing.

        `full` is set when as many requests have begun as were asked for: their ends may take long.
        """
        limit = max([1, *(rate() for rate in self.viewers.values())])
        base = next(self._bases)
        begun = 0
        call = stub.Observe(
            observe.request(self._query, limit), metadata=((REQUIRE_ID, self._proxy.identity),)
        )
        try:
            async for event in call:
                kind = event.http.WhichOneof("event")
                begun += kind == "request_init"
                self._tell(base, event, kind)
                if begun == limit:
                    full.set()
            for key, value in await call.trailing_metadata() or ():
                lost = whole_number(str(value)) if key == DROPPED else None
                if lost is not None:
                    for viewer in self.viewers:
                        viewer.lost(lost)
        except grpc.aio.AioRpcError as error:
            reason = describe_failure(error)
            log.info("observing ended", extra={"pod": self._proxy.pod, "why": reason})
            return reason
        finally:
            call.cancel()
            for viewer in self.viewers:
                viewer.sampler.forget(f"{base}:")
        return ""

    def _tell(self, base: int, event: tap_pb2.TapEvent, kind: str | None) -> None:
        """To every viewer whose sampler admits it; described when the first does."""
        request = f"{base}:{stream(event)}"
        shared: Shared | None = None
        for viewer in self.viewers:
            if viewer.sampler.admits(
                request, begins=kind == "request_init", ends=kind == "response_end"
            ):
                if shared is None:
                    shared = Shared(self._describer.event(self._proxy.pod, base, event))
                viewer.tell_shared(shared)

    def _trouble(self, reason: str) -> None:
        for viewer in self.viewers:
            viewer.tell({"trouble": {"pod": self._proxy.pod, "reason": reason}})

    def __repr__(self) -> str:
        return f"<stream of {self._proxy.pod}, {len(self.viewers)} viewers>"


def describe_failure(error: grpc.aio.AioRpcError) -> str:
    """A sentence for the viewer."""
    code = error.code()
    details = error.details() or "no reason given"
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return f"its proxy refused: {details}"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return "its proxy does not know tap"
    return f"its proxy does not answer ({code.name}): {details}"
