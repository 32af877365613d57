"""One authorized request for a resource: what handlers are given."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.apiserver import convert, media
from sandbox.apiserver.api import WriteOptions
from sandbox.apiserver.builtin import protobuf
from sandbox.apiserver.errors import (
    BadRequestError,
    InvalidError,
    TooLargeError,
    invalid,
    not_supported,
)
from sandbox.apiserver.identity import User
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.request import ResourcePath, flag

_OPTIONS = {"deletecollection": "Delete"}
"""Verbs whose options are another verb's."""
BODY_LIMIT = 3 * 1024 * 1024


@dataclass(slots=True)
class Call:
    request: Request
    path: ResourcePath
    kind: Kind
    verb: str
    user: User
    warnings: list[str] = field(default_factory=list)

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def storage(self) -> Kind:
        """The kind to ask the store for."""
        return convert.storage_kind(self.kind)

    @property
    def form(self) -> media.Form:
        return media.wanted_form(self.request.headers.get("accept", ""))

    @property
    def content_type(self) -> str:
        return self.request.headers.get("content-type", "")

    def write_options(self) -> WriteOptions:
        dry_run = self.request.query_params.getlist("dryRun")
        if any(one != "All" for one in dry_run):
            cause = not_supported("dryRun", dry_run, ["All"])
            options = f"{_OPTIONS.get(self.verb, self.verb.capitalize())}Options"
            raise InvalidError.about("meta.k8s.io", options, "", [cause])
        manager = self.query.get("fieldManager") or _program(
            self.request.headers.get("user-agent", "")
        )
        return WriteOptions(
            user=self.user,
            dry_run=bool(dry_run),
            field_manager=manager,
            force=flag(self.query, "force"),
            strict=media.strict(self.query),
            warnings=self.warnings,
        )

    async def raw_body(self) -> bytes:
        """TooLargeError past three megabytes, which is the real server's limit as well."""
        body = bytearray()
        async for piece in self.request.stream():
            body += piece
            if len(body) > BODY_LIMIT:
                raise TooLargeError(f"limit is {BODY_LIMIT}")
        return bytes(body)

    async def body(self) -> Any:
        return media.decode(await self.raw_body(), self.content_type)

    async def object_body(self) -> Obj:
        raw = await self.raw_body()
        if media.media_type(self.content_type) == protobuf.MEDIA_TYPE:
            return protobuf.decode(raw)
        return media.decode_object(raw, self.content_type)

    async def posted(self) -> Obj:
        """The body as an object of the path's kind, in the path's namespace, ready to store."""
        obj = await self.object_body()
        if self.kind.custom and not obj.get("kind"):
            raise BadRequestError(
                "the object provided is unrecognized (must be of type"
                f" {self.kind.kind}): Object 'Kind' is missing"
            )
        if self.kind.custom and obj["kind"] != self.kind.kind:
            cause = invalid("kind", obj["kind"], f"must be {self.kind.kind}")
            name = (obj.get("metadata") or {}).get("name") or ""
            raise InvalidError.about(self.kind.group, str(obj["kind"]), name, [cause])
        self._must_be("apiVersion", "API version", obj, self.kind.api_version)
        self._must_be("kind", "kind", obj, self.kind.kind)
        meta = obj.get("metadata")
        if meta is None:
            meta = obj["metadata"] = {}
        if not isinstance(meta, dict):
            raise BadRequestError("metadata must be an object")
        if self.kind.namespaced:
            if meta.get("namespace") not in (None, "", self.path.namespace):
                raise BadRequestError(
                    f"the namespace of the provided object does not match the namespace sent on"
                    f" the request ({meta['namespace']} and {self.path.namespace})"
                )
            meta["namespace"] = self.path.namespace
        if self.path.name:
            if meta.get("name") not in (None, "", self.path.name):
                raise BadRequestError(
                    f"the name of the object ({meta['name']}) does not match the name on the URL"
                    f" ({self.path.name})"
                )
            meta["name"] = self.path.name
        return convert.to_stored(self.kind, obj)

    def _must_be(self, key: str, shown: str, obj: Obj, expected: str) -> None:
        if obj.get(key) not in (None, "", expected):
            raise BadRequestError(
                f"the {shown} in the data ({obj[key]}) does not match the expected {shown}"
                f" ({expected})"
            )

    def answer(self, body: Any, status: int = 200) -> Response:
        return json_response(body, status, self.warnings)


def json_response(body: Any, status: int = 200, warnings: list[str] | None = None) -> Response:
    response = Response(
        json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
        status,
        media_type="application/json",
    )
    for warning in warnings or []:
        text = warning.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        response.headers.append(
            "Warning", f'299 - "{text}"'.encode("latin-1", "replace").decode("latin-1")
        )
    return response


def _program(user_agent: str) -> str:
    """The field manager of a client that names none: its program's name."""
    return user_agent.partition("/")[0].strip() or "unknown"
