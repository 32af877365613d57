"""The verbs of every resource: get, list, create, update, patch, delete, deletecollection."""

from collections.abc import Sequence
from typing import cast, get_args

from starlette.responses import Response

from sandbox.apiserver import convert, media, objects, pages
from sandbox.apiserver.api import Api
from sandbox.apiserver.call import Call
from sandbox.apiserver.errors import (
    BadRequestError,
    InvalidError,
    MethodNotAllowedError,
    required,
)
from sandbox.apiserver.kinds import POD, SERVICE, Kind
from sandbox.apiserver.media import Form
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.present import Presenter
from sandbox.apiserver.request import number
from sandbox.apiserver.selectors import FieldSelector, LabelSelector, parse_fields, parse_labels
from sandbox.apiserver.store import Part, Preconditions, Propagation

ANSWERED_AFTER_DELETION = (POD.key, SERVICE.key)
"""Kinds whose deletion answers the object, even when it is gone; others answer a Status."""


class Resources:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._store = api.store
        self.presenter = Presenter(api.custom)
        self._pages = pages.Pages()

    async def handle(self, call: Call) -> Response:
        match call.verb:
            case "get":
                return self._get(call)
            case "list":
                return self._list(call)
            case "create":
                return await self._create(call)
            case "update":
                return await self._update(call, Part.MAIN)
            case "patch":
                return await self._patch(call, Part.MAIN)
            case "delete":
                return await self._delete(call)
            case "deletecollection":
                return await self._delete_collection(call)
        raise MethodNotAllowedError

    async def handle_status(self, call: Call) -> Response:
        """The `status` subresource, and others that show the whole object."""
        match call.verb:
            case "get":
                return self._get(call)
            case "update":
                return await self._update(call, Part.STATUS)
            case "patch":
                return await self._patch(call, Part.STATUS)
        raise MethodNotAllowedError

    async def handle_whole(self, call: Call) -> Response:
        """`finalize`, `ephemeralcontainers`, `resize`: an update that may do more than usual."""
        obj = await call.posted()
        part = Part.ALL
        return self._answer(call, self._store.update(call.storage, obj, part))

    def selectors(self, call: Call) -> tuple[LabelSelector, FieldSelector]:
        labels = parse_labels(call.query.get("labelSelector", ""))
        fields = parse_fields(
            call.query.get("fieldSelector", ""), call.kind, self._api.custom.selectable(call.kind)
        )
        return labels, fields

    def _get(self, call: Call) -> Response:
        return self._answer(
            call, self._store.get(call.storage, call.path.namespace, call.path.name)
        )

    def _list(self, call: Call) -> Response:
        labels, fields = self.selectors(call)
        wanted = pages.wanted(call.query)
        page = self._pages.resume(wanted)
        if page is None:
            items = self._items(call, wanted, labels, fields)
            page = self._pages.first(items, wanted.revision or self._store.revision, wanted)
        body = self.presenter.many(
            call.kind,
            page.items,
            call.form,
            self._store.clock(),
            page.revision,
            call.query.get("includeObject", "Metadata"),
        )
        selected = not labels.everything or bool(fields.requirements)
        body["metadata"] |= page.metadata(counted=not selected)
        return call.answer(body)

    def _items(
        self, call: Call, wanted: pages.Wanted, labels: LabelSelector, fields: FieldSelector
    ) -> Sequence[Obj]:
        namespace = call.path.namespace or None
        if wanted.revision:
            return self._store.list_at(
                call.storage, namespace, wanted.revision, labels=labels, fields=fields
            )
        return self._store.list(call.storage, namespace, labels=labels, fields=fields)

    async def _create(self, call: Call) -> Response:
        if call.path.name:
            raise MethodNotAllowedError
        if call.kind.namespaced and not call.path.namespace:
            raise BadRequestError(f"{call.kind.plural} are created in a namespace")
        created = await self._api.create(call.storage, await call.posted(), call.write_options())
        return self._answer(call, created, 201)

    async def _update(self, call: Call, part: Part) -> Response:
        obj = await call.posted()
        updated = await self._api.update(call.storage, obj, call.write_options(), part)
        return self._answer(call, updated)

    async def _patch(self, call: Call, part: Part) -> Response:
        kind = media.patch_type(call.content_type)
        patch = await call.body()
        options = call.write_options()
        if kind == "apply" and not call.query.get("fieldManager"):
            cause = required("fieldManager", "is required for apply patch")
            raise InvalidError.about("meta.k8s.io", "PatchOptions", "", [cause])
        if isinstance(patch, dict) and call.kind != call.storage:
            patch = convert.to_stored(call.kind, patch)
        path = call.path
        patched, created = await self._api.patch(
            call.storage, path.namespace, path.name, patch, kind, options, part
        )
        return self._answer(call, patched, 201 if created else 200)

    async def _delete(self, call: Call) -> Response:
        options = await self._delete_options(call)
        path = call.path
        gone = await self._api.delete(
            call.storage,
            path.namespace,
            path.name,
            call.write_options(),
            grace=_grace(options),
            propagation=_propagation(options),
            preconditions=_preconditions(options),
        )
        still_there = (
            not call.write_options().dry_run
            and self._store.find(call.storage, path.namespace, path.name) is not None
        )
        if still_there or call.kind.key in ANSWERED_AFTER_DELETION:
            return self._answer(call, gone)
        return call.answer(_deleted(call.kind, gone))

    async def _delete_collection(self, call: Call) -> Response:
        options = await self._delete_options(call)
        labels, fields = self.selectors(call)
        items = self._store.list(
            call.storage, call.path.namespace or None, labels=labels, fields=fields
        )
        for obj in items:
            await self._api.delete(
                call.storage,
                objects.namespace_of(obj),
                objects.name_of(obj),
                call.write_options(),
                grace=_grace(options),
                propagation=_propagation(options),
            )
        body = self.presenter.many(
            call.kind, items, Form.OBJECT, self._store.clock(), self._store.revision
        )
        return call.answer(body)

    async def _delete_options(self, call: Call) -> Obj:
        """DeleteOptions from the body, or from the query where there is none."""
        sent = call.request.headers.get("content-length", "0") != "0" or (
            "transfer-encoding" in call.request.headers
        )
        options: Obj = await call.object_body() if sent else {}
        grace = number(call.query, "gracePeriodSeconds")
        if grace is not None:
            options.setdefault("gracePeriodSeconds", grace)
        if "propagationPolicy" in call.query:
            options.setdefault("propagationPolicy", call.query["propagationPolicy"])
        return options

    def _answer(self, call: Call, obj: Obj, status: int = 200) -> Response:
        include = call.query.get("includeObject", "Metadata")
        body = self.presenter.one(call.kind, obj, call.form, self._store.clock(), include)
        return call.answer(body, status)


def _grace(options: Obj) -> int | None:
    grace = options.get("gracePeriodSeconds")
    if grace is not None and (not isinstance(grace, int) or grace < 0):
        raise BadRequestError(
            f"gracePeriodSeconds: Invalid value: {grace}: must be a whole number, not negative"
        )
    return grace


def _propagation(options: Obj) -> Propagation | None:
    policy = options.get("propagationPolicy")
    if policy is None:
        orphan = options.get("orphanDependents")
        return None if orphan is None else "Orphan" if orphan else "Background"
    if policy not in get_args(Propagation):
        raise BadRequestError(
            f'propagationPolicy: Unsupported value: "{policy}": supported values:'
            ' "Background", "Foreground", "Orphan"'
        )
    return cast(Propagation, policy)


def _preconditions(options: Obj) -> Preconditions:
    wanted = options.get("preconditions") or {}
    return Preconditions(wanted.get("uid"), wanted.get("resourceVersion"))


def _deleted(kind: Kind, gone: Obj) -> Obj:
    details = {
        "name": objects.name_of(gone),
        "group": kind.group,
        "kind": kind.plural,
        "uid": objects.uid_of(gone),
    }
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
