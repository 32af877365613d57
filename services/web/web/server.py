"""The HTTP face: paths, bodies, and the status of each failure.

POST /api/v1/stat      a StatRequest as JSON -> a StatResponse as JSON (proto/weftapi/stats/v1)
POST /api/v1/edges     an EdgesRequest as JSON -> an EdgesResponse as JSON
POST /api/v1/routes    a RoutesRequest as JSON -> a RoutesResponse as JSON
POST /api/v1/authz     an AuthzRequest as JSON -> an AuthzResponse as JSON
POST /api/v1/errors    an ErrorsRequest as JSON -> an ErrorsResponse as JSON
GET  /api/v1/version   {"version": "..."}
POST /api/v1/tap/...   always 403: who may watch live requests is not for this service to say
GET  /api/v1/check     always 403: checks are run with the reader's own rights
GET  everything else   the dashboard (pages.routes)

400 what was asked cannot be answered as asked; 413 the body is too large; 503 not yet, or the
backend is away. Every failure is {"error": "..."}.
"""

import logging
import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit import tracing
from web.metrics import Metrics
from web.pages.routes import Dashboard
from web.security import Guard
from web.stats import translate
from web.stats.answer import answer
from web.stats.authz import answer_authz
from web.stats.backend import Backend, BackendError
from web.stats.edges import answer_edges
from web.stats.faults import answer_faults
from web.stats.inventory import Inventory
from web.stats.query import QueryError
from web.stats.routes import answer_routes
from weft.names import TrustDomain
from weft.texts import encodable
from weft.version import VERSION

log = logging.getLogger(__name__)

MAX_BODY = 64 << 10
"""Bytes; a StatRequest has a few hundred."""

NO_CHECK = "checks are run on your own host, with your own rights"
CHECK_HINT = "Open the dashboard with `mesh dashboard`, or run `mesh check`."
NO_TAP = "live requests are shown to who may watch them, and this address does not ask who you are"
TAP_HINT = (
    "Open the dashboard with `mesh dashboard`: it asks the tap API with your own credentials."
)
"""`mesh dashboard` answers these paths itself (cli/dashboard/watching.py)."""

_DEFAULT_DOMAIN = TrustDomain()

Handler = Callable[[Request], Awaitable[Response]]


def application(
    inventory: Inventory,
    backend: Backend,
    is_ready: Callable[[], bool],
    metrics: Metrics,
    hosts: frozenset[str] | None = None,
    identities: TrustDomain = _DEFAULT_DOMAIN,
    dashboard: Dashboard | None = None,
) -> Starlette:
    """The routes. `is_ready` says whether the inventory is complete."""

    def counted(path: str, handler: Handler) -> Handler:
        return _counted(path, handler, metrics)

    async def stat(request: Request) -> Response:
        question = translate.read_request(await _body(request))
        _must_be(is_ready())
        return JSONResponse(translate.write_answer(await answer(question, inventory, backend)))

    async def edges(request: Request) -> Response:
        question = translate.read_edges_request(await _body(request))
        _must_be(is_ready())
        return JSONResponse(
            translate.write_edges(await answer_edges(question, inventory, backend, identities))
        )

    async def routes(request: Request) -> Response:
        question = translate.read_routes_request(await _body(request))
        _must_be(is_ready())
        return JSONResponse(
            translate.write_routes(await answer_routes(question, inventory, backend))
        )

    async def authz(request: Request) -> Response:
        question = translate.read_authz_request(await _body(request))
        _must_be(is_ready())
        return JSONResponse(translate.write_authz(await answer_authz(question, inventory, backend)))

    async def errors(request: Request) -> Response:
        question, limit = translate.read_errors_request(await _body(request))
        _must_be(is_ready())
        return JSONResponse(translate.write_errors(await answer_faults(question, limit, inventory)))

    async def version(_: Request) -> Response:
        return JSONResponse({"version": VERSION})

    async def tap(_: Request) -> Response:
        return JSONResponse({"error": NO_TAP, "hint": TAP_HINT}, 403)

    async def check(_: Request) -> Response:
        return JSONResponse({"error": NO_CHECK, "hint": CHECK_HINT}, 403)

    return Starlette(
        routes=[
            *(
                Route(path, counted(path, handler), methods=["POST"])
                for path, handler in (
                    ("/api/v1/stat", stat),
                    ("/api/v1/edges", edges),
                    ("/api/v1/routes", routes),
                    ("/api/v1/authz", authz),
                    ("/api/v1/errors", errors),
                )
            ),
            Route("/api/v1/version", counted("/api/v1/version", version)),
            Route("/api/v1/check", counted("/api/v1/check", check)),
            Route("/api/v1/tap/{path:path}", counted("/api/v1/tap", tap), methods=["POST"]),
            *(dashboard.routes(counted) if dashboard is not None else ()),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={HTTPException: _refused},
    )


def _must_be(ready: bool) -> None:
    if not ready:
        raise HTTPException(503, "the cluster has not been listed yet; try again in a moment")


def _counted(path: str, handler: Handler, metrics: Metrics) -> Handler:
    """The handler with failures as answers, everything counted, and a span of its own."""

    async def traced(request: Request) -> Response:
        with tracing.http_call(request.method, path, request.headers.items) as answered:
            response = await counted(request)
            answered(response.status_code)
            return response

    async def counted(request: Request) -> Response:
        started = time.perf_counter()
        try:
            response = await handler(request)
        except QueryError as error:
            response = _error(400, str(error))
        except BackendError as error:
            response = _error(503, str(error))
        except HTTPException as error:
            response = _error(error.status_code, error.detail)
        except Exception:
            log.exception("a request failed", extra={"path": path})
            response = _error(500, "this is a defect of the web service; its log says more")
        metrics.requests.labels(path, str(response.status_code)).inc()
        metrics.latency.labels(path).observe(time.perf_counter() - started)
        return response

    return traced


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413, f"a request has at most {MAX_BODY} bytes")
    return bytes(body)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )


def _error(status: int, message: str) -> Response:
    """The message may repeat what was asked, which may be no text that can be sent."""
    return JSONResponse({"error": encodable(message)}, status_code=status)
