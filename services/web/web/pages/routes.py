"""The paths of the dashboard.

GET /, /namespaces, /namespaces/NS, /namespaces/NS/KINDS, /namespaces/NS/KINDS/NAME, /controlplane
GET /routes, /routes/NS, /errors, /errors/NS
GET /tap, /top                          pages whose data the tap API gives, not this service
GET /assets/*                           files whose names change with their content
GET /api/v1/pages/{all but tap and top} data; as an event stream when that is what is asked for
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from web.pages import views
from web.pages.assets import Asset, Assets
from web.pages.snapshots import NotThere, Snapshots
from web.pages.stream import MAX_READERS, events
from web.pages.views import View

EVENT_STREAM = "text/event-stream"
FOR_EVER = "public, max-age=31536000, immutable"
PAGES = (
    "/",
    "/namespaces",
    "/namespaces/{namespace}",
    "/namespaces/{namespace}/{plural}",
    "/namespaces/{namespace}/{plural}/{name}",
    "/controlplane",
    "/routes",
    "/routes/{namespace}",
    "/errors",
    "/errors/{namespace}",
    "/tap",
    "/top",
)
DATA = "/api/v1/pages"

Handler = Callable[[Request], Awaitable[Response]]
Counted = Callable[[str, Handler], Handler]
"""Wraps the handler of a path: its failures become answers, and everything is counted."""


@dataclass
class Dashboard:
    """What is mounted: pages, their files, their data."""

    assets: Assets
    snapshots: Snapshots
    is_ready: Callable[[], bool]
    interval: float
    """Seconds between the events of a stream."""
    max_readers: int = MAX_READERS
    _readers: int = field(default=0, init=False)
    _closing: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def close(self) -> None:
        """Ends every stream, so that the server need not wait for their readers to leave."""
        self._closing.set()

    async def pause(self, seconds: float) -> bool:
        """Whether streams go on after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return True
        return False

    def routes(self, counted: Counted) -> list[Route]:
        """Every route, GET only."""
        data: dict[str, Handler] = {
            "/namespaces": self._data(lambda _: views.Namespaces()),
            "/namespaces/{namespace}": self._data(lambda p: views.namespace(p["namespace"])),
            "/namespaces/{namespace}/{plural}/{name}": self._data(
                lambda p: views.workload(p["namespace"], p["plural"], p["name"])
            ),
            "/controlplane": self._data(lambda _: views.ControlPlane()),
            "/routes": self._data(lambda _: views.Routes()),
            "/routes/{namespace}": self._data(lambda p: views.routes(p["namespace"])),
            "/errors": self._data(lambda _: views.Errors()),
            "/errors/{namespace}": self._data(lambda p: views.errors(p["namespace"])),
        }
        return [
            *(Route(path, counted("/{page}", self._page)) for path in PAGES),
            Route("/assets/{file}", counted("/assets", self._file)),
            Route("/{file}", counted("/assets", self._file)),
            *(Route(DATA + path, counted(DATA + path, one)) for path, one in data.items()),
        ]

    async def _page(self, request: Request) -> Response:
        depth = request.url.path.count("/") - 1
        return _send(request, self.assets.page(depth), "no-cache")

    async def _file(self, request: Request) -> Response:
        path = request.url.path.lstrip("/")
        asset = self.assets.files.get(path)
        if asset is None or path == "index.html":
            raise HTTPException(404, f"there is no file {path!r}")
        return _send(request, asset, FOR_EVER if path.startswith("assets/") else "no-cache")

    def _data(self, view: Callable[[dict[str, str]], View]) -> Handler:
        async def answer(request: Request) -> Response:
            wanted = view(request.path_params)
            if not self.is_ready():
                raise HTTPException(
                    503, "the cluster has not been listed yet; try again in a moment"
                )
            try:
                data = await self.snapshots.get(wanted)
            except NotThere as error:
                raise HTTPException(404, str(error)) from None
            if EVENT_STREAM in request.headers.get("accept", ""):
                return self._stream(wanted)
            return JSONResponse(data)

        return answer

    def _stream(self, view: View) -> Response:
        if self._readers >= self.max_readers:
            raise HTTPException(
                503, f"{self.max_readers} streams are open; close one and try again"
            )
        return _Stream(self, view)


class _Stream(StreamingResponse):
    """Counts its reader for as long as it is there."""

    def __init__(self, dashboard: Dashboard, view: View) -> None:
        super().__init__(
            events(dashboard.snapshots, view, dashboard.interval, dashboard.pause),
            media_type=EVENT_STREAM,
        )
        self._dashboard = dashboard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._dashboard._readers += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._dashboard._readers -= 1


def _send(request: Request, asset: Asset, cache: str) -> Response:
    headers = {"Cache-Control": cache, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    content = asset.content
    if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        content = asset.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, headers=headers, media_type=asset.media_type)
