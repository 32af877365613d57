"""docs/reference/errors.md: the numbered errors of the data plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.docs.markdown import page
from weft.errors import CATALOGUE

if TYPE_CHECKING:
    from weft.errors import ErrorKind

_GROUPS = {
    1: "Discovery and routing",
    2: "Connecting to the endpoint",
    3: "Time and load",
    4: "Authorization",
    5: "Malformed traffic",
    6: "The proxy's own identity",
    9: "Our own faults",
}
_INTRODUCTION = """\
Every response that the proxy itself makes says why: the header `l5d-proxy-error` carries a text, and the same number
stands in the proxy's log. A number never changes its meaning.

The texts name addresses of pods, so clients outside the mesh are not told: neither by the proxy of the pod they ask, nor by
that of an ingress controller. The log, the metrics and `/errors` of that proxy have the number all the same."""


def write() -> str:
    sections = []
    group = 0
    for kind in CATALOGUE:
        if kind.number // 1000 != group:
            group = kind.number // 1000
            sections.append(f"## {_GROUPS[group]}")
        sections.append(_section(kind))
    return page("Errors", _INTRODUCTION, *sections)


def _section(kind: ErrorKind) -> str:
    closes = " The HTTP/1 connection is closed after it." if kind.closes else ""
    return (
        f"### {kind.number} {kind.name}\n\n"
        f"{kind.meaning}\n\n"
        f"- **Text**: `{kind.text}`\n"
        f"- **Answer**: HTTP {kind.http_status}; gRPC status {kind.grpc_status}.{closes}\n"
        f"- **Usual causes**: {kind.causes}\n"
        f"- **What to do**: {kind.advice}"
    )
