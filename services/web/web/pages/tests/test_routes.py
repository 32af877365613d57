"""The dashboard's paths through ASGI."""

import asyncio
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from web.metrics import Metrics
from web.pages.assets import Assets, load
from web.pages.routes import FOR_EVER, Dashboard
from web.pages.snapshots import Snapshots
from web.pages.tests.test_assets import built
from web.pages.tests.world import Standing, world
from web.security import HEADERS
from web.server import application
from web.stats.tests.cluster import emojivoto


def face(assets: Assets | None = None, *, ready: bool = True, readers: int = 1) -> Starlette:
    dashboard = Dashboard(
        assets or Assets({}), Snapshots(world()), lambda: ready, 0.01, max_readers=readers
    )
    return application(
        emojivoto(),
        Standing(),
        lambda: ready,
        Metrics(CollectorRegistry()),
        frozenset({"localhost"}),
        dashboard=dashboard,
    )


def get(path: str, app: Starlette | None = None, **headers: str) -> httpx.Response:
    async def story() -> httpx.Response:
        transport = httpx.ASGITransport(app or face())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
            return await asking.get(path, headers=headers)

    return asyncio.run(asyncio.wait_for(story(), 20))


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    return load(built(tmp_path))


@pytest.mark.parametrize(
    ("path", "up"),
    [
        ("/", "./"),
        ("/namespaces", "./"),
        ("/controlplane", "./"),
        ("/namespaces/emojivoto", "../"),
        ("/namespaces/emojivoto/pods", "../../"),
        ("/namespaces/emojivoto/deployments/web", "../../../"),
        ("/tap", "./"),
        ("/top", "./"),
        ("/errors", "./"),
        ("/routes/emojivoto", "../"),
    ],
)
def test_every_page_is_the_same_page(path: str, up: str, assets: Assets) -> None:
    response = get(path, face(assets))
    assert response.status_code == 200
    assert f'src="{up}assets/a.js"' in response.text
    assert response.headers["cache-control"] == "no-cache"
    assert {name: response.headers[name] for name in HEADERS if name != "Cache-Control"} == {
        name: value for name, value in HEADERS.items() if name != "Cache-Control"
    }


def test_files_are_kept_for_ever_and_sent_once(assets: Assets) -> None:
    response = get("/assets/a.js", face(assets))
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["cache-control"] == FOR_EVER
    assert response.text.startswith("let a")
    again = get("/assets/a.js", face(assets), **{"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = get("/assets/a.js", face(assets), **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == response.text


@pytest.mark.parametrize("path", ["/assets/b.js", "/index.html", "/.sources", "/a/b/c/d/e/f"])
def test_there_is_no_other_file(path: str, assets: Assets) -> None:
    response = get(path, face(assets))
    assert response.status_code == 404
    assert set(response.json()) == {"error"}
    assert response.headers["x-frame-options"] == "DENY"


def test_without_a_build_every_page_says_so() -> None:
    assert "no dashboard" in get("/namespaces/emojivoto").text


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/api/v1/pages/namespaces", "rows"),
        ("/api/v1/pages/namespaces/emojivoto", "edges"),
        ("/api/v1/pages/namespaces/emojivoto/deployments/web", "neighbours"),
        ("/api/v1/pages/controlplane", "components"),
    ],
)
def test_data(path: str, inside: str) -> None:
    assert inside in get(path).json()["page"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/v1/pages/namespaces/nowhere", 404, "there is no namespace nowhere"),
        ("/api/v1/pages/namespaces/A_B", 400, "'A_B' is not a namespace"),
        ("/api/v1/pages/namespaces/a/colours/b", 400, "'colours' is not one of cronjobs"),
        ("/api/v1/pages/namespaces/a/pods/B_C", 400, "'B_C' is not a name"),
        ("/api/v1/pages/elsewhere", 404, "Not Found"),
    ],
)
def test_data_that_there_is_not(path: str, status: int, said: str) -> None:
    response = get(path)
    assert response.status_code == status
    assert said in response.json()["error"]


def test_before_the_cluster_is_listed() -> None:
    response = get("/api/v1/pages/namespaces", face(ready=False))
    assert response.status_code == 503
    assert "not been listed yet" in response.json()["error"]


def test_a_stream_goes_on_until_its_reader_leaves_and_then_makes_room() -> None:
    app = face(readers=1)

    async def story() -> None:
        async with Reader(app) as first:
            assert first.status == 200
            assert [await first.event() for _ in range(3)] == ["event: page"] * 3
            async with Reader(app) as second:
                assert second.status == 503
        async with Reader(app) as third:
            assert await third.event() == "event: page"

    asyncio.run(asyncio.wait_for(story(), 20))


def test_closing_ends_streams_at_once() -> None:
    async def story() -> None:
        dashboard = Dashboard(Assets({}), Snapshots(world()), lambda: True, 60.0)
        waiting = asyncio.ensure_future(dashboard.pause(60.0))
        await asyncio.sleep(0)
        dashboard.close()
        assert await waiting is False
        assert await dashboard.pause(60.0) is False

    asyncio.run(asyncio.wait_for(story(), 20))


class Reader:
    """One request at ASGI's own level: httpx would wait for the end of the body."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._sent: asyncio.Queue[Any] = asyncio.Queue()
        self._left = asyncio.Event()
        self.status = 0

    async def __aenter__(self) -> Self:
        scope = {
            "type": "http", "method": "GET", "path": "/api/v1/pages/namespaces", "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"accept", b"text/event-stream")],
        }  # fmt: skip
        self._task = asyncio.ensure_future(self._app(scope, self._receive, self._sent.put))
        self.status = (await self._sent.get())["status"]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._left.set()
        await self._task

    async def event(self) -> str:
        message = await self._sent.get()
        return str(message["body"].decode().split("\n")[0])

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}
