"""The streams of the proxies behind one viewer: opened, opened again, followed as pods come and go.

A proxy is asked for so many requests, and asked again at most once a second; when it has shown them
it is quiet until then, which is how its rate is bounded at the source. Each stream goes in plaintext
to our own proxy, which turns it into mutual TLS and, told by `l5d-require-id`, insists on the pod's
name.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable

import grpc
import grpc.aio

from kit.rpc.client import channel
from tap import observe
from tap.describe import Describer, stream
from tap.merge import Viewer
from tap.query import Query
from tap.targets import Found, NothingToTap, Proxy
from weftapi.proxy import tap_pb2
from weftapi.proxy.tap_pb2_grpc import TapStub

log = logging.getLogger(__name__)

REQUIRE_ID = "l5d-require-id"
DROPPED = "l5d-tap-dropped"
INTERVAL = 1.0
"""Seconds between two questions to one proxy."""
REFRESH = 1.0
"""Seconds between looks for pods that came or went."""
DRAINING = 4
"""Streams of one proxy that may wait for their last requests to end, besides the newest."""
PATIENCE = 30.0
"""Longest wait before a proxy that does not answer is asked again."""

Dial = Callable[[str], grpc.aio.Channel]


class Watch:
    """Everything one viewer watches."""

    def __init__(
        self,
        query: Query,
        viewer: Viewer,
        describer: Describer,
        resolve: Callable[[], Found],
        *,
        dial: Dial = channel,
        interval: float = INTERVAL,
        refresh: float = REFRESH,
    ) -> None:
        """`resolve` says which proxies there are now, or raises NothingToTap."""
        self._query = query
        self._viewer = viewer
        self._describer = describer
        self._resolve = resolve
        self._dial = dial
        self._interval = interval
        self._refresh = refresh
        self._bases = itertools.count(1)
        self._following: dict[Proxy, asyncio.Task[None]] = {}

    @property
    def limit(self) -> int:
        """Requests a second one proxy is asked for: the viewer's rate, divided fairly."""
        return max(1, int(self._query.max_rps / max(1, len(self._following))))

    async def run(self) -> None:
        """Follows until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    proxies = set(self._resolve().proxies)
                except NothingToTap:
                    proxies = set()
                for gone in self._following.keys() - proxies:
                    self._following.pop(gone).cancel()
                # All are known before the first is asked, for they share the rate.
                fresh = proxies - self._following.keys()
                for proxy in sorted(fresh, key=lambda one: one.pod):
                    self._following[proxy] = group.create_task(self._follow(proxy))
                await asyncio.sleep(self._refresh)

    # --- one proxy ------------------------------------------------------------------------

    async def _follow(self, proxy: Proxy) -> None:
        """Asks one proxy again and again. Ends when it says that we may not."""
        failures = 0
        said = ""
        draining: set[asyncio.Task[str]] = set()
        async with self._dial(str(proxy.address)) as open_channel, asyncio.TaskGroup() as group:
            stub = TapStub(open_channel)  # type: ignore[no-untyped-call]
            while True:
                began = asyncio.get_running_loop().time()
                full = asyncio.Event()
                task = group.create_task(self._stream(stub, proxy, full))
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
                        self._viewer.tell({"trouble": {"pod": proxy.pod, "reason": problem}})
                    wait = min(PATIENCE, self._interval * 2.0 ** min(failures, 10))
                if len(draining) > DRAINING:
                    await asyncio.wait(draining, return_when=asyncio.FIRST_COMPLETED)
                spent = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(0.0, wait - spent))

    async def _stream(self, stub: TapStub, proxy: Proxy, full: asyncio.Event) -> str:
        """One question and its answers; what went wrong, or nothing.

        `full` is set when as many requests have begun as were asked for: their ends may take long.
        """
        limit = self.limit
        base = next(self._bases)
        begun = 0
        call = stub.Observe(
            observe.request(self._query, limit), metadata=((REQUIRE_ID, proxy.identity),)
        )
        try:
            async for event in call:
                kind = event.http.WhichOneof("event")
                begun += kind == "request_init"
                self._tell(proxy, base, event, kind)
                if begun == limit:
                    full.set()
            for key, value in await call.trailing_metadata() or ():
                if key == DROPPED and str(value).isdigit():
                    self._viewer.lost(int(value))
        except grpc.aio.AioRpcError as error:
            reason = describe_failure(error)
            log.info("observing ended", extra={"pod": proxy.pod, "why": reason})
            return reason
        finally:
            call.cancel()
            self._viewer.sampler.forget(f"{base}:")
        return ""

    def _tell(self, proxy: Proxy, base: int, event: tap_pb2.TapEvent, kind: str | None) -> None:
        request = f"{base}:{stream(event)}"
        if self._viewer.sampler.admits(
            request, begins=kind == "request_init", ends=kind == "response_end"
        ):
            self._viewer.tell(self._describer.event(proxy.pod, base, event))


def describe_failure(error: grpc.aio.AioRpcError) -> str:
    """A sentence for the viewer."""
    code = error.code()
    details = error.details() or "no reason given"
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return f"its proxy refused: {details}"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return "its proxy does not know tap"
    return f"its proxy does not answer ({code.name}): {details}"
