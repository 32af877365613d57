"""Fake proxies: admin ports on loopback that serve whatever text a test gives them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from aiohttp import web as http

from web.stats.collector.memory import Identity


@dataclass
class Crowd:
    """How many answers are under way at the same time, over several proxies."""

    now: int = 0
    highest: int = 0

    @contextmanager
    def inside(self) -> Iterator[None]:
        self.now += 1
        self.highest = max(self.highest, self.now)
        yield
        self.now -= 1


@dataclass
class FakeProxy:
    """One admin port. `text` is what `/metrics` answers; a test may change it, or the status."""

    text: str = ""
    errors: str = "[]"
    status: int = 200
    port: int = 0
    scrapes: int = 0
    chunk: int = 1000
    crowd: Crowd = field(default_factory=Crowd)

    async def answer(self, request: http.Request) -> http.StreamResponse:
        self.scrapes += 1
        return await self._write(request, self.text)

    async def answer_errors(self, request: http.Request) -> http.StreamResponse:
        """What `/errors` answers."""
        return await self._write(request, self.errors)

    async def _write(self, request: http.Request, text: str) -> http.StreamResponse:
        response = http.StreamResponse(status=self.status)
        with self.crowd.inside():
            await asyncio.sleep(0.005)  # long enough for those that may come together to do so
            await response.prepare(request)
            body = text.encode()
            for start in range(0, len(body), self.chunk):
                await response.write(body[start : start + self.chunk])
        await response.write_eof()
        return response

    def identity(self, uid: str = "") -> Identity:
        return Identity(uid or f"uid-{self.port}", "127.0.0.1", self.port)


@asynccontextmanager
async def serving(*proxies: FakeProxy) -> AsyncIterator[None]:
    """Serves each on a port of its own."""
    runners = []
    try:
        for proxy in proxies:
            app = http.Application()
            app.router.add_get("/metrics", proxy.answer)
            app.router.add_get("/errors", proxy.answer_errors)
            runner = http.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            runners.append(runner)
            await http.TCPSite(runner, "127.0.0.1", 0).start()
            proxy.port = int(runner.addresses[0][1])
        yield
    finally:
        for runner in runners:
            await runner.cleanup()


def series(name: str, value: float, **labels: str) -> str:
    """One line of an exposition."""
    inside = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value}\n" if inside else f"{name} {value}\n"


def inbound(
    *, success: float = 0, failure: float = 0, latency: Mapping[str, float] | None = None
) -> str:
    """What a proxy says of requests it received. `latency`: cumulative counts by `le`."""
    port = {"direction": "inbound", "target_addr": "10.0.0.1:80", "tls": "true"}
    text = "# HELP response_total Total count of HTTP responses.\n# TYPE response_total counter\n"
    text += series("response_total", success, **port, status_code="200", classification="success")
    text += series("response_total", failure, **port, status_code="500", classification="failure")
    for bound, count in (latency or {}).items():
        text += series("response_latency_ms_bucket", count, **port, status_code="200", le=bound)
    return text


def outbound(success: float = 0, failure: float = 0, **dst: str) -> str:
    """What a proxy says of requests it sent; keywords are labels without their prefix `dst_`."""
    peer = {"direction": "outbound", "authority": "x"} | {f"dst_{k}": v for k, v in dst.items()}
    text = series("response_total", success, **peer, status_code="200", classification="success")
    return text + series(
        "response_total", failure, **peer, status_code="500", classification="failure"
    )


def tcp(direction: str, peer: str, *, conns: float, read: float, write: float, **dst: str) -> str:
    """What a proxy says of connections."""
    labels = {"direction": direction, "peer": peer} | {f"dst_{k}": v for k, v in dst.items()}
    return (
        series("tcp_open_connections", conns, **labels)
        + series("tcp_read_bytes_total", read, **labels)
        + series("tcp_write_bytes_total", write, **labels)
    )


def started(at: float) -> str:
    return series("process_start_time_seconds", at)


class Busy(FakeProxy):
    """A proxy that has always answered more requests than when it was last asked."""

    async def answer(self, request: http.Request) -> http.StreamResponse:
        counted = 100.0 * (self.scrapes + 1)
        self.text = inbound(success=counted) + series("proxy_build_info", 1, version="1")
        return await super().answer(request)
