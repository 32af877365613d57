"""The HTTP face through ASGI, in front of a collector that scraped real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from kit import tracing
from web.metrics import Metrics
from web.security import HEADERS, hostname
from web.server import MAX_BODY, application
from web.stats.backend import BackendError, Measured
from web.stats.collector.scraping import Collector, Limits
from web.stats.selection import Selection
from web.stats.tests.cluster import emojivoto
from web.stats.tests.unasked import Unasked
from web.tests.proxies import FakeProxy, inbound, serving, tcp
from weft.version import VERSION

WEB = {"namespace": "emojivoto", "pod": "web-1-a", "replicaset": "web-1", "deployment": "web"}


class Away(Unasked):
    """A backend that cannot answer, or breaks."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def measure(self, selection: Selection, window: float) -> Measured:
        raise self.error


def client(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web.weft:8084")


@asynccontextmanager
async def scraped() -> AsyncIterator[httpx.AsyncClient]:
    """web answered 57 requests well and 3 badly in the minute that was watched."""
    proxy, now = FakeProxy(), 0
    async with serving(proxy), aiohttp.ClientSession() as session:
        metrics = Metrics(CollectorRegistry())
        collector = Collector(
            lambda: {proxy.identity(): WEB},
            Limits(),
            metrics,
            clock=lambda: float(now),
            wall=lambda: 1_700_000_000.0 + now,
        )
        for now in (0, 60):
            latency = {"1": now / 2, "10": now, "+Inf": now}
            proxy.text = inbound(success=now * 0.95, failure=now * 0.05, latency=latency)
            proxy.text += tcp("inbound", "src", conns=2, read=now * 10, write=now)
            await collector.round(session)
        async with client(application(emojivoto(), collector, lambda: True, metrics)) as asking:
            yield asking


def ask(body: Any, status: int = 200, app: Starlette | None = None) -> dict[str, Any]:
    async def story() -> dict[str, Any]:
        if app is None:
            async with scraped() as asking:
                response = await asking.post("/api/v1/stat", json=body)
        else:
            async with client(app) as asking:
                response = await asking.post("/api/v1/stat", json=body)
        assert response.status_code == status
        assert {name: response.headers[name] for name in HEADERS} == HEADERS
        found: dict[str, Any] = response.json()
        return found

    return asyncio.run(asyncio.wait_for(story(), 20))


def face(error: Exception | None = None, *, ready: bool = True, **extra: Any) -> Starlette:
    backend = Away(error or BackendError("unused"))
    return application(emojivoto(), backend, lambda: ready, Metrics(CollectorRegistry()), **extra)


def test_from_a_scrape_to_rows() -> None:
    answer = ask(
        {"resource": {"kind": "deployment", "namespace": "emojivoto", "name": "web"}, "tcp": True}
    )
    assert answer == {
        "rows": [
            {
                "resource": {"namespace": "emojivoto", "kind": "deployment", "name": "web"},
                "status": "",
                "servers": [],
                "pods": {"meshed": 1, "running": 2, "failed": 0},
                "requests": {
                    "success": "57",
                    "failure": "3",
                    "rps": 1.0,
                    "latencyMsP50": 1.0,
                    "latencyMsP95": pytest.approx(9.1),
                    "latencyMsP99": pytest.approx(9.82),
                },
                "tcp": {
                    "openConnections": "2",
                    "readBytesPerSecond": 10.0,
                    "writeBytesPerSecond": 1.0,
                },
            }
        ],
        "window": "60s",
        "observed": "60s",
        "backend": "embedded",
        "source": {"backend": "embedded", "since": "2023-11-14T22:13:20Z", "fallbackReason": ""},
        "historyAges": [],
        "historyStep": 0.0,
    }


def test_a_row_s_past() -> None:
    answer = ask(
        {
            "resource": {"kind": "deployment", "namespace": "emojivoto", "name": "web"},
            "history": True,
        }
    )
    assert answer["historyAges"] == [50.0, 40.0, 30.0, 20.0, 10.0]
    assert answer["historyStep"] == 10.0
    # One scrape after a minute: all of it grew at its moment, which is no point's.
    assert answer["rows"][0]["history"] == {"success": [0] * 5, "failure": [0] * 5}


def test_all_kinds_at_once() -> None:
    rows = ask({"resource": {"kind": "all", "namespace": "emojivoto"}})["rows"]
    assert [(row["resource"]["kind"], row["resource"]["name"]) for row in rows] == [
        ("deployment", "emoji"),
        ("deployment", "web"),
        ("job", "seed"),
        ("pod", "emoji-1-a"),
        ("pod", "web-1-a"),
        ("pod", "web-1-b"),
        ("replicaset", "emoji-1"),
        ("replicaset", "web-1"),
        ("service", "emoji-svc"),
        ("service", "web-svc"),
    ]
    assert [row["resource"]["name"] for row in rows if "requests" in row] == [
        "web",
        "web-1-a",
        "web-1",
    ]


def test_pods_alone_need_no_backend() -> None:
    body = {"resource": {"kind": "namespace"}, "skipTraffic": True}
    rows = ask(body, app=face(BackendError("down")))["rows"]
    assert rows[0]["pods"] == {"meshed": 2, "running": 3, "failed": 1}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "resource.kind: '' is not a kind allowed here: all, authority, authorizationpolicy"),
        ({"resource": {"kind": "pod"}, "window": "5s"}, "window: 5s is not allowed: from 15s to"),
        ({"resource": {"kind": "pod"}, "colour": "red"}, 'no field named "colour"'),
        ([], "request: not the JSON of a StatRequest"),
    ],
)
def test_bad_requests_are_named(body: Any, said: str) -> None:
    assert said in ask(body, 400)["error"]


@pytest.mark.parametrize(
    "body",
    [
        rb'{"resource": {"kind": "pod"}, "window": "\ud800s"}',
        rb'{"resource": {"kind": "\ud800"}}',
        rb'{"resource": "\ud800"}',
        rb'{"\ud800": 1}',
    ],
)
def test_half_a_surrogate_pair_is_a_bad_request(body: bytes) -> None:
    """JSON can spell it, an answer that repeats it cannot be sent."""
    response = _get("/api/v1/stat", "POST", content=body)
    assert response.status_code == 400
    assert response.json()["error"] == (
        r"request: not the JSON of a StatRequest: a text in it has half a surrogate pair, as \ud800 is"
    )
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


def test_whatever_a_backend_says_is_sent() -> None:
    body = {"resource": {"kind": "pod"}}
    assert ask(body, 503, face(BackendError("prometheus: \ud800"))) == {
        "error": r"prometheus: \ud800"
    }


def test_before_the_cluster_is_listed() -> None:
    body = {"resource": {"kind": "pod"}}
    assert "not been listed yet" in ask(body, 503, face(ready=False))["error"]


def test_a_backend_that_is_away() -> None:
    body = {"resource": {"kind": "pod"}}
    assert ask(body, 503, face(BackendError("prometheus: refused"))) == {
        "error": "prometheus: refused"
    }


def test_a_defect_tells_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    answer = ask({"resource": {"kind": "pod"}}, 500, face(RuntimeError("secret")))
    assert "secret" not in answer["error"]
    assert "a request failed" in caplog.text


def _get(
    path: str, method: str = "GET", app: Starlette | None = None, **extra: Any
) -> httpx.Response:
    async def story() -> httpx.Response:
        async with client(app or face()) as asking:
            return await asking.request(method, path, **extra)

    return asyncio.run(asyncio.wait_for(story(), 20))


def test_version() -> None:
    assert _get("/api/v1/version").json() == {"version": VERSION}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/api/v1/stat", 405), ("POST", "/api/v1/version", 405)],
)
def test_errors_are_json_and_carry_the_headers_too(method: str, path: str, status: int) -> None:
    response = _get(path, method)
    assert response.status_code == status
    assert set(response.json()) == {"error"}
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


def test_a_body_has_a_bound() -> None:
    response = _get("/api/v1/stat", "POST", content=b" " * (MAX_BODY + 1))
    assert response.status_code == 413
    assert response.json() == {"error": f"a request has at most {MAX_BODY} bytes"}


def test_only_names_of_ours_are_answered() -> None:
    ours = face(hosts=frozenset({"localhost", "[::1]"}))
    assert _get("/api/v1/version", app=ours, headers={"Host": "LOCALHOST:50750"}).is_success
    assert _get("/api/v1/version", app=ours, headers={"Host": "[::1]:1"}).is_success
    refused = _get("/api/v1/version", app=ours, headers={"Host": "evil.example"})
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("Host 'evil.example' is not a name of this service")
    assert refused.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("a", "a"),
        ("a:80", "a"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
        ("a:b", "a:b"),
    ],
)
def test_hostname(header: str, name: str) -> None:
    assert hostname(header) == name


def test_edges_as_json() -> None:
    async def story() -> Any:
        async with scraped() as asking:
            body = {"resource": {"kind": "all", "namespace": "emojivoto"}}
            return (await asking.post("/api/v1/edges", json=body)).json()

    answer = asyncio.run(asyncio.wait_for(story(), 20))
    assert answer == {
        "edges": [],
        "window": "60s",
        "observed": "60s",
        "backend": "embedded",
        "source": {"backend": "embedded", "since": "2023-11-14T22:13:20Z", "fallbackReason": ""},
    }


@pytest.mark.parametrize(
    ("path", "empty"), [("routes", "routes"), ("authz", "rows"), ("errors", "errors")]
)
def test_further_questions(path: str, empty: str) -> None:
    async def story() -> Any:
        async with scraped() as asking:
            body = {"resource": {"kind": "deployment", "namespace": "emojivoto", "name": "emoji"}}
            return (await asking.post(f"/api/v1/{path}", json=body)).json()

    assert asyncio.run(asyncio.wait_for(story(), 20))[empty] == []
    bad = _get(f"/api/v1/{path}", "POST", json={"resource": {"kind": "colour"}})
    assert bad.status_code == 400
    assert "'colour' is not a kind allowed here" in bad.json()["error"]
    unready = _get(f"/api/v1/{path}", "POST", json={"resource": {"kind": "pod"}}, app=face(ready=False))  # fmt: skip
    assert unready.status_code == 503


def test_edges_that_cannot_be_asked_for() -> None:
    bad = _get("/api/v1/edges", "POST", json={"resource": {"kind": "colour"}})
    assert bad.status_code == 400
    assert "'colour' is not a kind allowed here" in bad.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/tap/namespaces/emojivoto/deployments/web"), ("GET", "/api/v1/check")],
)
def test_what_needs_the_readers_own_rights_is_not_answered(method: str, path: str) -> None:
    async def story() -> httpx.Response:
        app = application(
            emojivoto(), Away(BackendError("")), lambda: True, Metrics(CollectorRegistry())
        )
        async with client(app) as asking:
            return await asking.request(method, path)

    response = asyncio.run(story())
    assert response.status_code == 403
    assert "`mesh dashboard`" in response.json()["hint"]


def test_a_question_is_a_span_when_somebody_collects_them() -> None:
    exporter = InMemorySpanExporter()
    with tracing.exporting("web", None, exporter):
        ask({"resource": {"kind": "teapot"}}, 400, face())
        ask({"resource": {"kind": "deployment", "namespace": "emojivoto"}}, 503, face(ready=False))
    refused, early = exporter.get_finished_spans()
    assert refused.name == early.name == "POST /api/v1/stat"
    assert [(one.attributes or {})["http.response.status_code"] for one in (refused, early)] == [
        400,
        503,
    ]
    assert [one.status.status_code.name for one in (refused, early)] == ["UNSET", "ERROR"]
