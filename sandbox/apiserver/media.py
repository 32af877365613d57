"""Media types: which form of an answer is wanted, and how a body is to be read."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import yaml

from sandbox.apiserver.api import PatchType
from sandbox.apiserver.errors import (
    BadRequestError,
    InvalidError,
    NotAcceptableError,
    UnsupportedMediaTypeError,
    not_supported,
)

PATCH_TYPES: dict[str, PatchType] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
YAML_TYPES = ("application/yaml", "application/apply-patch+yaml", "text/yaml", "application/x-yaml")
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Form(Enum):
    """In what form objects are answered."""

    OBJECT = "object"
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"
    DISCOVERY = "APIGroupDiscoveryList"
    """The aggregated form of discovery."""


_FORMS = {
    ("Table", "meta.k8s.io"): Form.TABLE,
    ("PartialObjectMetadata", "meta.k8s.io"): Form.PARTIAL,
    ("PartialObjectMetadataList", "meta.k8s.io"): Form.PARTIAL,
    ("APIGroupDiscoveryList", "apidiscovery.k8s.io"): Form.DISCOVERY,
}


_PASSED_OVER = ("application/vnd.kubernetes.protobuf", "application/cbor", "application/yaml")
"""What a real server speaks beside JSON: their clients read JSON as well."""


def wanted_form(accept: str) -> Form:
    """The first alternative of an Accept header that the server can serve.

    NotAcceptableError for a form that nothing has, or for types that no API server speaks.
    """
    lenient = False
    for alternative in accept.split(","):
        media, *parameters = [part.strip() for part in alternative.split(";")]
        if media not in ("application/json", "*/*", "application/*"):
            lenient = lenient or not media or media.startswith(_PASSED_OVER)
            continue
        given = dict(one.partition("=")[::2] for one in parameters)
        if "as" not in given:
            return Form.OBJECT
        form = _FORMS.get((given["as"], given.get("g", "")))
        if form is not None and given.get("v") in ("v1", "v2"):
            return form
    if lenient:
        return Form.OBJECT
    raise NotAcceptableError(
        "only the following media types are accepted: application/json, application/yaml,"
        " application/vnd.kubernetes.protobuf"
    )


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def patch_type(content_type: str) -> PatchType:
    """UnsupportedMediaTypeError for a body that is none of the four patches."""
    found = PATCH_TYPES.get(media_type(content_type))
    if found is None:
        raise UnsupportedMediaTypeError(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(PATCH_TYPES)
        )
    return found


def decode(body: bytes, content_type: str) -> Any:
    """A JSON or YAML body. BadRequestError when it is neither well-formed, 415 for other types."""
    kind = media_type(content_type)
    try:
        if kind in YAML_TYPES:
            return yaml.load(body, Loader=Loader)  # noqa: S506 - a safe loader, the C one
        if kind in ("", "application/json") or kind.endswith("+json"):
            return json.loads(body)
    except (ValueError, yaml.YAMLError) as error:
        raise BadRequestError(f"the object provided is unrecognized: {error}") from error
    raise UnsupportedMediaTypeError(
        "the body of the request was in an unknown format - accepted media types include:"
        " application/json, application/yaml"
    )


def decode_object(body: bytes, content_type: str) -> dict[str, Any]:
    """A body that must be one object."""
    found = decode(body, content_type)
    if not isinstance(found, dict):
        raise BadRequestError("the object provided is unrecognized (must be a JSON object)")
    return found


def strict(query: Mapping[str, str]) -> bool:
    """Whether unknown fields are errors: `fieldValidation=Strict`."""
    level = query.get("fieldValidation", "Warn")
    if level not in ("Strict", "Warn", "Ignore"):
        cause = not_supported("fieldValidation", level, ("", "Ignore", "Strict", "Warn"))
        raise InvalidError.about("meta.k8s.io", "CreateOptions", "", [cause])
    return level == "Strict"
