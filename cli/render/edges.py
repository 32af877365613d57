"""Edges of `weft.stats.v1` as Linkerd's table and JSON show them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from cli.render.columns import Column, columns
from cli.render.stats import MISSING
from cli.resources import short_name
from weftapi.stats.v1.edges_pb2 import Edge
from weftapi.stats.v1.stats_pb2 import Resource

SECURED = "√"
_HEADS = ("SRC", "DST", "SRC_NS", "DST_NS")
_WIDE = ("CLIENT_ID", "SERVER_ID")


def once(edges: Iterable[Edge]) -> list[Edge]:
    """Each pair of ends once, in order of their names."""
    found = {(_key(edge.source), _key(edge.target)): edge for edge in edges}
    return [found[key] for key in sorted(found)]


def table(edges: Sequence[Edge], *, wide: bool) -> str:
    """One line for each edge; names are prefixed (`deploy/web`) where kinds are mixed."""
    kinds = {end.kind for edge in edges for end in (edge.source, edge.target) if end.kind}
    mixed = len(kinds) > 1
    heads = [Column(title, left=True) for title in (*_HEADS, *(_WIDE if wide else ()), "SECURED")]
    rows = [
        [
            _name(edge.source, mixed),
            _name(edge.target, mixed),
            edge.source.namespace or MISSING,
            edge.target.namespace or MISSING,
            *((_short(edge.client_id), _short(edge.server_id)) if wide else ()),
            SECURED if edge.secured else edge.no_tls_reason or MISSING,
        ]
        for edge in edges
    ]
    return columns(heads, rows)


def json_text(edges: Sequence[Edge]) -> str:
    """An array of one object for each edge; see `mesh edges --help` for the fields."""
    return json.dumps([_document(edge) for edge in edges], indent=2) + "\n"


def _document(edge: Edge) -> dict[str, Any]:
    return {
        "src": edge.source.name,
        "src_namespace": edge.source.namespace,
        "dst": edge.target.name,
        "dst_namespace": edge.target.namespace,
        "client_id": edge.client_id,
        "server_id": edge.server_id,
        "no_tls_reason": edge.no_tls_reason,
    }


def _key(end: Resource) -> tuple[str, str, str]:
    return end.namespace, end.kind, end.name


def _name(end: Resource, mixed: bool) -> str:
    prefix = f"{short_name(end.kind)}/" if mixed and end.kind else ""
    return prefix + end.name or MISSING


def _short(identity: str) -> str:
    """`web.emojivoto` of `web.emojivoto.serviceaccount.identity.weft.cluster.local`."""
    return ".".join(identity.split(".")[:2]) or MISSING
