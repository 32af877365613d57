"""The HTTP face: an aggregated API of Kubernetes, `tap.linkerd.io/v1alpha1`.

POST .../watch/namespaces/NS/tap               watch a namespace
POST .../watch/namespaces/NS/KINDS/NAME/tap    watch one resource: a line of JSON per event
GET  /apis/tap.linkerd.io/v1alpha1             what can be watched, for discovery
GET  / /apis /apis/tap.linkerd.io /openapi/v2 /version /healthz...

A body that is no JSON is Linkerd's form of the same question, and answered in its form (`forms`).

Every failure is `{"error": "...", "message": "..."}`: 400 wrong request, 401 not from the API server,
403 the caller may not, 404 nothing to watch or no such path, 429 too many viewers, 503 not yet.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from aiohttp import web
from aiohttp.typedefs import Middleware

from kit.kube.errors import KubeError
from kit.lifecycle import Readiness
from tap import access, linkerd, targets
from tap.access import Caller, FrontProxy, NotAllowed, NotAuthenticated, Reviewer
from tap.cluster import Cluster
from tap.forms import FRAMES, Form, form_of
from tap.merge import NOTHING, Sampler, Viewer
from tap.metrics import Metrics
from tap.proxies import Watch
from tap.query import PLURALS, Query, QueryError, Target, read_path
from tap.redact import Policy
from tap.streams import Streams
from tap.targets import Found, NothingToTap
from weft.names import TrustDomain
from weft.version import VERSION

log = logging.getLogger(__name__)

ROOT = f"/apis/{access.GROUP}/{access.VERSION}"
WATCH = f"{ROOT}/watch/namespaces/{{namespace}}"
MAX_BODY = 64 << 10
GATHER = 0.02
"""Seconds events are gathered before they are sent, so that a busy viewer costs few writes."""
SILENCE = 10.0
"""Seconds without an event after which a line says that there was none."""
PATHS = ["/", "/apis", f"/apis/{access.GROUP}", ROOT, "/healthz", "/openapi/v2", "/version"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Face:
    """What answers are made of."""

    cluster: Cluster
    streams: Streams
    identities: TrustDomain
    reviewer: Reviewer
    front_proxy: Callable[[], FrontProxy]
    readiness: Readiness
    metrics: Metrics
    max_rps: float
    max_viewers: int
    redaction: Policy
    """What may not be asked for, because it is not shown."""


def application(face: Face) -> web.Application:
    """The routes, without a socket."""
    made = web.Application(middlewares=[_guard(face)], client_max_size=MAX_BODY)
    watching = Watching(face)
    made.router.add_post(f"{WATCH}/tap", watching.handle)
    made.router.add_post(f"{WATCH}/{{kinds}}/{{name}}/tap", watching.handle)
    for path, answer in documents().items():
        made.router.add_get(path, _document(answer))
    for path in ("/healthz", "/healthz/log", "/healthz/ping"):
        made.router.add_get(path, _healthy)
    return made


class Watching:
    """The one answer that takes long."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._viewers = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Streams until the viewer leaves."""
        face = self._face
        named = request.match_info
        target = read_path(
            named["namespace"], named.get("kinds", "namespaces"), named.get("name", "")
        )
        caller = access.identify(face.front_proxy(), common_name(request), request.headers.items())
        await face.reviewer.review(caller, target)
        body = await request.read()
        form = form_of(request.content_type, body)
        try:
            return await self._answer(request, form, target, body, caller)
        except (QueryError, NothingToTap) as error:
            if form is FRAMES:
                return framed_failure(str(error))
            raise

    async def _answer(
        self, request: web.Request, form: Form, target: Target, body: bytes, caller: Caller
    ) -> web.StreamResponse:
        face = self._face
        query = form.read(target, body)
        if face.redaction.reaches(query.path_prefix):
            raise QueryError(
                "path_prefix reaches into what is redacted: it may end where that begins"
            )
        query = replace(query, max_rps=min(query.max_rps, face.max_rps))
        if not face.readiness.is_ready:
            raise web.HTTPServiceUnavailable(text="the cluster has not been listed yet")
        if self._viewers >= face.max_viewers:
            raise web.HTTPTooManyRequests(text=f"{self._viewers} are watching already")
        found = self._resolve(query)
        log.info(
            "watching",
            extra={"user": caller.user, "target": str(target), "namespace": target.namespace},
        )
        self._viewers += 1
        face.metrics.viewers.inc()
        try:
            return await self._stream(request, form, query, found)
        finally:
            self._viewers -= 1
            face.metrics.viewers.dec()

    def _resolve(self, query: Query) -> Found:
        face = self._face
        return targets.resolve(face.cluster, query.target, face.identities, query.selector)

    def _absent(self, query: Query) -> str:
        return targets.absent(self._face.cluster, query.target, query.to)

    async def _stream(
        self, request: web.Request, form: Form, query: Query, found: Found
    ) -> web.StreamResponse:
        face = self._face
        response = web.StreamResponse(headers={"Content-Type": form.content_type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})  # fmt: skip
        await response.prepare(request)
        if first := form.encode(started(found, self._absent(query))):
            await response.write(first)
        viewer = Viewer(
            Sampler(query.max_rps, asyncio.get_running_loop().time),
            on_dropped=face.metrics.dropped.inc,
            encode=form.encode,
        )
        watch = Watch(query, viewer, lambda: self._resolve(query), face.streams)
        task = asyncio.ensure_future(watch.run())
        told = 0
        try:
            while not task.done():
                sending = asyncio.ensure_future(viewer.wait_lines(SILENCE))
                await asyncio.wait({task, sending}, return_when=asyncio.FIRST_COMPLETED)
                if not sending.done():
                    sending.cancel()
                    break
                lines = sending.result()
                if data := form.nothing if lines == NOTHING else lines:
                    await response.write(data)
                face.metrics.events.inc(viewer.told - told)
                told = viewer.told
                await asyncio.sleep(GATHER)
            if task.done():
                task.result()
        except ConnectionError:
            pass  # The viewer left, which is how watching ends.
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return response


def started(found: Found, absent: str) -> dict[str, object]:
    """The first line: whom we ask, whom we cannot, and whether the other end is not there."""
    said: dict[str, object] = {
        "pods": [proxy.pod for proxy in found.proxies],
        "skipped": [{"pod": one.pod, "reason": one.reason} for one in found.skipped],
    }
    if absent:
        said["absent"] = absent
    return {"started": said}


def common_name(request: web.Request) -> str | None:
    """Of the verified client certificate; None without one."""
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    if not certificate:
        return None
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return str(value)
    return ""


# --- failures -------------------------------------------------------------------------------


def _guard(face: Face) -> Middleware:
    """Every answer counted, every failure an answer."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except QueryError as error:
            response = failure(400, str(error))
        except NotAuthenticated as error:
            response = failure(401, str(error))
        except NotAllowed as error:
            response = failure(403, str(error))
        except NothingToTap as error:
            response = failure(404, str(error))
        except KubeError as error:
            log.warning("access review failed", extra={"why": str(error)})
            response = failure(503, "the API server does not answer access reviews")
        except web.HTTPNotFound:
            response = web.json_response({"paths": PATHS}, status=404)
        except web.HTTPException as error:
            response = failure(error.status, error.text or error.reason)
        except Exception:
            log.exception("a request failed", extra={"path": request.path})
            response = failure(500, "this is a defect of the tap service; its log says more")
        face.metrics.requests.labels(str(response.status)).inc()
        return response

    return guard


def failure(status: int, message: str) -> web.Response:
    """Under both names: ours, and the one Kubernetes' clients look for."""
    return web.json_response({"error": message, "message": message}, status=status)


def framed_failure(message: str) -> web.Response:
    """As Linkerd's clients expect it once their question has been read."""
    return web.Response(
        body=linkerd.refusal(message),
        content_type=FRAMES.content_type,
        headers={linkerd.ERROR_HEADER: "400 Bad Request"},
    )


# --- documents ------------------------------------------------------------------------------


def documents() -> dict[str, dict[str, object]]:
    """What discovery asks for, by path."""
    version = {"groupVersion": f"{access.GROUP}/{access.VERSION}", "version": access.VERSION}
    group = {"name": access.GROUP, "versions": [version], "preferredVersion": version}
    return {
        "/": {"paths": PATHS},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]},
        f"/apis/{access.GROUP}": {"kind": "APIGroup", "apiVersion": "v1", **group},
        ROOT: {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{access.GROUP}/{access.VERSION}",
            "resources": [
                one for plural, kind in PLURALS.items() for one in _resources(plural, kind)
            ],
        },
        "/openapi/v2": {
            "swagger": "2.0",
            "info": {"title": "Weft tap", "version": access.VERSION},
            "paths": {},
        },
        "/version": {"gitVersion": f"v{VERSION}", "major": "0", "minor": "0"},
    }


def _resources(plural: str, kind: str) -> list[dict[str, object]]:
    namespaced = kind != "namespace"
    common = {"singularName": kind, "namespaced": namespaced, "kind": "Tap", "verbs": ["watch"]}
    return [{"name": plural, **common}, {"name": f"{plural}/tap", **common}]


def _document(answer: dict[str, object]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response(answer)

    return handle


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")
