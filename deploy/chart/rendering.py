"""Objects for an assignment of values, tokens among them."""

from __future__ import annotations

import warnings
from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from cli.manifests.credentials import Credentials, Identity, Webhook, given_identity
from cli.manifests.install import control_plane, definitions, with_anchors
from cli.manifests.stored import OVERRIDES
from cli.manifests.values import Serving, Values
from deploy.chart.leaves import leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Section = TypeVar("Section", bound=BaseModel)
Json = dict[str, Any]
CONFIG = "weft-config"
CORES = "LINKERD2_PROXY_CORES"
MARK = "\ue000"
"""Opens and closes what stands for a template expression that is not a plain value."""
WHOLE_CONFIG = f'{MARK}include "weft.values" .{MARK}'
WHOLE_CORES = f'{MARK}include "weft.cores" . | quote{MARK}'


def render(assignment: Mapping[str, Any]) -> dict[str, Json]:
    """The control plane's objects by kind and name. Values not assigned have their samples."""
    values = _values(assignment)
    served = (values.proxyInjector, values.policyValidator, values.tap)
    credentials = Credentials(_identity(values), *map(_serving, served))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tokens are not what the types promise
        found = control_plane(with_anchors(values, credentials), credentials)
        return _named(one for one in found if one["metadata"]["name"] != OVERRIDES)


def render_definitions() -> dict[str, Json]:
    """The custom resource definitions by kind and name."""
    return _named(definitions(_values({})))


def _values(assignment: Mapping[str, Any]) -> Values:
    chosen = {name: leaf.sample for name, leaf in leaves().items()} | dict(assignment)
    return _filled(Values(), "", chosen)


def _filled(section: Section, prefix: str, chosen: Mapping[str, Any]) -> Section:
    """Without validation, which no token would pass."""
    update: dict[str, Any] = {}
    for field, info in type(section).model_fields.items():
        name, value = f"{prefix}{info.alias or field}", getattr(section, field)
        inner = isinstance(value, BaseModel)
        update[field] = _filled(value, f"{name}.", chosen) if inner else chosen[name]
    return section.model_copy(update=update)


def _identity(values: Values) -> Identity:
    given = given_identity(values)
    if values.identity.issuer.scheme == "kubernetes.io/tls":
        return Identity(given.trust_anchors, "", "")
    return given


def _serving(given: Serving) -> Webhook:
    return Webhook(given.caBundle, given.crtPEM, given.keyPEM)


def _named(documents: Iterable[Json]) -> dict[str, Json]:
    return {f"{one['kind'].lower()}-{one['metadata']['name']}": _prepared(one) for one in documents}


def _prepared(document: Json) -> Json:
    """With marks where a value does not go in as it is."""
    if document["metadata"]["name"] == CONFIG:
        return {**document, "data": {"values": WHOLE_CONFIG}}
    prepared = _marked(document)
    assert isinstance(prepared, dict)
    return prepared


def _marked(node: Any) -> Any:
    if isinstance(node, dict):
        if node.get("name") == CORES:
            return {**node, "value": WHOLE_CORES}
        return {key: _marked(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_marked(one) for one in node]
    return _encodings().get(node, node) if isinstance(node, str) else node


@cache
def _encodings() -> dict[str, str]:
    """The Base64 and the fingerprint of a token -> the expression that makes them of the value."""
    found = {}
    for leaf in leaves().values():
        if isinstance(leaf.sample, str):
            encoded = b64encode(leaf.sample.encode()).decode()
            found[encoded] = f"{MARK}{leaf.expression} | b64enc | quote{MARK}"
            digest = sha256(leaf.sample.encode()).hexdigest()
            found[digest] = f"{MARK}{leaf.expression} | sha256sum | quote{MARK}"
    return found
