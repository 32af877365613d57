"""A small Kubernetes API in memory, served over HTTP on loopback: what services' tests talk to.

It keeps objects of any kind as plain dicts, lists and watches them with resource versions and
bookmarks, evicts pods, reviews tokens from a table, and can be told to misbehave: forget history (410), drop
watches, fail requests, lose a resource's definition. It validates nothing; whatever it promises is
written down in `kube_contract.py`, which a real API server must pass too.
"""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from kit.kube import config
from kit.kube.client import Client
from kit.kube.objects import Object, Resource
from testkit.nested import written

ObjectKey = tuple[str, str]  # namespace, name
Change = tuple[int, str, Object]  # version, ADDED | MODIFIED | DELETED, object


@dataclass
class Table:
    """All objects of one resource, and what happened to them."""

    objects: dict[ObjectKey, Object] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)


@dataclass
class Token:
    """What a TokenReview says of one token."""

    username: str
    audiences: tuple[str, ...] = ()
    error: str = ""


class FakeKube:
    """The state; `serving` puts it on a socket."""

    def __init__(self) -> None:
        self.url = ""
        self.tokens: dict[str, Token] = {}
        self.may: set[tuple[str, str]] = set()
        """(user, `verb resource.group/subresource`) that a SubjectAccessReview allows."""
        self.fail_with: dict[tuple[str, str], tuple[int, str]] = {}
        """(method, path prefix) -> (HTTP status, message): requests that fail."""
        self.absent: set[str] = set()
        """Path prefixes that answer 404, as a resource that is not installed does."""
        self.requests: list[tuple[str, str]] = []
        self.page_limit: int | None = None
        self._tables: dict[str, Table] = {}
        self._version = 100
        self._oldest = 0
        self._watching: set[asyncio.Task[Any]] = set()

    # -- what tests do -----------------------------------------------------------------------
    def client(self) -> Client:
        return Client(config.plain(self.url))

    async def put(self, resource: Resource, obj: Object) -> Object:
        """Creates or replaces."""
        return await self._store(_table_path(resource), resource, copy.deepcopy(obj))

    async def remove(self, resource: Resource, name: str, namespace: str = "") -> None:
        await self._drop(_table_path(resource), (namespace, name))

    def objects(self, resource: Resource) -> list[Object]:
        return list(self._table(_table_path(resource)).objects.values())

    def expire(self) -> None:
        """Forgets history: a watch from any version known so far answers 410."""
        self._version += 1
        self._oldest = self._version

    def drop_watches(self) -> int:
        """Breaks every open watch, as a restarting API server does. Returns how many there were."""
        count = len(self._watching)
        for task in list(self._watching):
            task.cancel()
        return count

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["FakeKube"]:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            self.drop_watches()
            await runner.cleanup()

    # -- the API -----------------------------------------------------------------------------
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        for (method, prefix), (status, message) in self.fail_with.items():
            if request.method == method and request.path.startswith(prefix):
                return _failure(status, message)
        if request.path == "/version":
            return web.json_response({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})
        target = _parse(request.path)
        if target is None or any(request.path.startswith(one) for one in self.absent):
            return _failure(404, f"the server could not find the requested resource {request.path}")
        table, namespace, name = target
        body = await request.json() if request.can_read_body else {}
        if table.endswith("/tokenreviews"):
            return web.json_response(self._review(body), status=201)
        if table.endswith("/subjectaccessreviews"):
            return web.json_response(self._review_access(body), status=201)
        match request.method:
            case "POST" if request.path.endswith(f"/{name}/eviction"):
                return await self._evict(table, (namespace, name), body)
            case "GET" if name:
                return self._one(table, (namespace, name))
            case "GET" if request.query.get("watch") in ("1", "true"):
                return await self._watch(request, table, namespace)
            case "GET":
                return self._list(request, table, namespace)
            case "POST":
                key = (namespace, self._name(body.setdefault("metadata", {})))
                if key in self._table(table).objects:
                    return _failure(409, f"{key[1]!r} already exists")
                body["metadata"].setdefault("namespace", namespace)
                return web.json_response(await self._store(table, None, body), status=201)
            case "PATCH" | "PUT":
                current = self._table(table).objects.get((namespace, name))
                if current is None:
                    return _failure(404, f"{name!r} not found")
                version = body.get("metadata", {}).get("resourceVersion")
                if version not in (None, current["metadata"]["resourceVersion"]):
                    return _failure(409, f"{name!r}: the object has been modified")
                merged = _merge(current, body) if request.method == "PATCH" else body
                return web.json_response(await self._store(table, None, merged))
            case "DELETE":
                if (namespace, name) not in self._table(table).objects:
                    return _failure(404, f"{name!r} not found")
                await self._drop(table, (namespace, name))
                return web.json_response({"kind": "Status", "status": "Success"})
        return _failure(405, f"{request.method} is not allowed")

    def _name(self, meta: Object) -> str:
        """As the object says, or made from the beginning that it gives."""
        if "generateName" in meta and "name" not in meta:
            meta["name"] = f"{meta['generateName']}{self._version:05}"
        return str(meta.get("name", ""))

    def _one(self, table: str, key: ObjectKey) -> web.Response:
        obj = self._table(table).objects.get(key)
        if obj is None:
            return _failure(404, f"{key[1]!r} not found")
        return web.json_response(obj, dumps=written)

    async def _evict(self, table: str, key: ObjectKey, body: Object) -> web.Response:
        """Gone at once: nothing runs here, and there are no budgets."""
        pod = self._table(table).objects.get(key)
        if pod is None:
            return _failure(404, f"{key[1]!r} not found")
        uid = body.get("deleteOptions", {}).get("preconditions", {}).get("uid")
        if uid not in (None, pod["metadata"].get("uid")):
            return _failure(409, f"{key[1]!r}: the UID in the precondition does not match")
        await self._drop(table, key)
        return web.json_response({"kind": "Status", "status": "Success"}, status=201)

    def _list(self, request: web.Request, table: str, namespace: str) -> web.Response:
        items = [
            obj for obj in self._table(table).objects.values() if _selected(obj, namespace, request)
        ]
        start = int(request.query.get("continue") or 0)
        limit = int(request.query.get("limit") or 0) or len(items)
        if self.page_limit is not None:
            limit = min(limit, self.page_limit)
        meta = {"resourceVersion": str(self._version)}
        if start + limit < len(items):
            meta["continue"] = str(start + limit)
        return web.json_response(
            {"kind": "List", "metadata": meta, "items": items[start : start + limit]},
            dumps=written,
        )

    async def _watch(self, request: web.Request, table: str, namespace: str) -> web.StreamResponse:
        version = int(request.query.get("resourceVersion") or 0)
        if version < self._oldest:
            return _failure(410, f"too old resource version: {version}")
        state = self._table(table)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._watching.add(task)
        try:
            deadline = asyncio.timeout(float(request.query.get("timeoutSeconds") or 300))
            async with deadline:
                while True:
                    for number, kind, obj in state.history:
                        if number > version and _selected(obj, namespace, request):
                            await _send(response, kind, obj)
                    version = self._version
                    mark = {"metadata": {"resourceVersion": str(version)}}
                    await _send(response, "BOOKMARK", mark)
                    async with state.changed:
                        while _newest(state) <= version:
                            await state.changed.wait()
        except (TimeoutError, ConnectionError):
            pass
        except asyncio.CancelledError:
            if request.transport is not None:
                request.transport.abort()
            task.uncancel()
        finally:
            self._watching.discard(task)
        return response

    def _review(self, body: Object) -> Object:
        wanted = tuple(body["spec"].get("audiences") or ())
        token = self.tokens.get(body["spec"]["token"])
        if token is None:
            status: Object = {"authenticated": False, "error": "invalid bearer token"}
        elif token.error:
            status = {"authenticated": False, "error": token.error}
        elif wanted and not set(wanted) & set(token.audiences):
            error = (
                f"token audiences {list(token.audiences)} is invalid for the target {list(wanted)}"
            )
            status = {"authenticated": False, "error": error}
        else:
            agreed = [one for one in wanted if one in token.audiences]
            user = {"username": token.username}
            status = {"authenticated": True, "user": user, "audiences": agreed}
        return {**body, "status": status}

    def _review_access(self, body: Object) -> Object:
        asked = body["spec"]["resourceAttributes"]
        what = (
            f"{asked['verb']} {asked['resource']}.{asked['group']}/{asked.get('subresource', '')}"
        )
        return {**body, "status": {"allowed": (body["spec"]["user"], what) in self.may}}

    # -- the store ---------------------------------------------------------------------------
    def _table(self, path: str) -> Table:
        return self._tables.setdefault(path, Table())

    async def _store(self, path: str, resource: Resource | None, obj: Object) -> Object:
        table = self._table(path)
        meta = obj.setdefault("metadata", {})
        key = (meta.get("namespace") or "", meta["name"])
        self._version += 1
        meta["resourceVersion"] = str(self._version)
        if resource is not None:
            obj.setdefault("apiVersion", resource.api_version)
            obj.setdefault("kind", resource.kind)
        kind = "MODIFIED" if key in table.objects else "ADDED"
        table.objects[key] = obj
        await self._tell(table, kind, obj)
        return obj

    async def _drop(self, path: str, key: ObjectKey) -> None:
        table = self._table(path)
        obj = copy.deepcopy(table.objects.pop(key))
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        await self._tell(table, "DELETED", obj)

    async def _tell(self, table: Table, kind: str, obj: Object) -> None:
        table.history.append((self._version, kind, copy.deepcopy(obj)))
        async with table.changed:
            table.changed.notify_all()


def _newest(table: Table) -> int:
    return table.history[-1][0] if table.history else 0


def _table_path(resource: Resource) -> str:
    return resource.path()


def _parse(path: str) -> tuple[str, str, str] | None:
    """(table, namespace, name) of a URL path; None when it is no resource's."""
    parts = path.strip("/").split("/")
    size = 2 if parts[0] == "api" else 3
    if parts[0] not in ("api", "apis") or len(parts) <= size:
        return None
    prefix, rest = parts[:size], parts[size:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    return "/" + "/".join([*prefix, rest[0]]), namespace, rest[1] if len(rest) > 1 else ""


def _selected(obj: Object, namespace: str, request: web.Request) -> bool:
    meta = obj["metadata"]
    if namespace and meta.get("namespace") != namespace:
        return False
    for term in filter(None, request.query.get("labelSelector", "").split(",")):
        name, found, value = term.partition("=")
        actual = (meta.get("labels") or {}).get(name)
        if actual is None or (found and actual != value):
            return False
    for term in filter(None, request.query.get("fieldSelector", "").split(",")):
        name, _, value = term.partition("=")
        if meta.get(name.removeprefix("metadata.")) != value:
            return False
    return True


def _merge(current: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(current) if isinstance(current, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


async def _send(response: web.StreamResponse, kind: str, obj: Object) -> None:
    await response.write(written({"type": kind, "object": obj}).encode() + b"\n")


def _failure(status: int, message: str) -> web.Response:
    reasons = {404: "NotFound", 409: "AlreadyExists", 410: "Expired", 403: "Forbidden"}
    body = {
        "kind": "Status",
        "status": "Failure",
        "code": status,
        "reason": reasons.get(status, "Failure"),
        "message": message,
    }
    return web.json_response(body, status=status)
