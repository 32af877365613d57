"""OpenAPI, as little as kubectl needs: that PATCH knows `fieldValidation` and `dryRun` for every kind.

With that, `kubectl apply` leaves validation to the server. Schemas are given for custom resources
only (so `kubectl explain` works for those); built-in kinds are described as plain objects.
"""

import hashlib
from collections.abc import Callable, Iterable

from sandbox.apiserver.discovery import GIT_VERSION
from sandbox.apiserver.kinds import Kind, Registry
from sandbox.apiserver.objects import Obj

GVK = "x-kubernetes-group-version-kind"
SchemaOf = Callable[[Kind], Obj | None]
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")
]


def index(registry: Registry) -> Obj:
    """`/openapi/v3`: where each version's document is; the hash lets clients keep it."""
    paths: Obj = {}
    for group, versions in registry.groups().items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            kinds = registry.in_version(group, version)
            seed = repr([(kind.kind, sorted(kind.subresources)) for kind in kinds])
            digest = hashlib.sha256(seed.encode()).hexdigest()[:32].upper()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def version_3(kinds: Iterable[Kind], schema_of: SchemaOf) -> Obj:
    """`/openapi/v3/...`: one version's document."""
    paths: Obj = {}
    schemas: Obj = {}
    for kind in kinds:
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        name = schema_name(kind)
        known = dict(
            schema_of(kind) or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        )
        schemas[name] = {**known, GVK: [gvk]}
        path = kind.path("{namespace}" if kind.namespaced else "", "{name}")
        reference = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        answers = {"200": {"description": "OK", "content": reference}}
        operations: Obj = {}
        for method, action in (("get", "get"), ("patch", "patch"), ("put", "put")):
            operations[method] = {
                "operationId": f"{action}{kind.kind}",
                "parameters": _PARAMETERS,
                "responses": answers,
                "x-kubernetes-action": action,
                GVK: gvk,
            }
        paths[path] = operations
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def schema_name(kind: Kind) -> str:
    """`io.k8s.api.apps.v1.Deployment`; for custom groups the reversed domain."""
    if kind.custom:
        return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])
    return f"io.k8s.api.{(kind.group or 'core').split('.')[0]}.{kind.version}.{kind.kind}"


def version_2() -> Obj:
    """`/openapi/v2`, for clients that still ask."""
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": {},
        "definitions": {},
    }


PROTOBUF_2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""The only form in which kubectl asks for version 2, which it does for `kind: List`."""
PROTOBUF_2_ANSWER = PROTOBUF_2.replace("@", ".")
"""What the answer is called: `@` may not stand in a media type, and clients refuse it there."""


def version_2_protobuf() -> bytes:
    """The same in protobuf (gnostic's `openapi.v2.Document`: swagger = 1, info = 2).

    A document that knows no definitions makes kubectl leave each item of a list to the server.
    """
    info = _text(1, "Kubernetes") + _text(2, GIT_VERSION)
    return _text(1, "2.0") + bytes([2 << 3 | 2, len(info)]) + info


def _text(field: int, text: str) -> bytes:
    return bytes([field << 3 | 2, len(text)]) + text.encode()
