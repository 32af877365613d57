"""What the spans of this proxy say of the pod they come from.

Four sources, the later ones winning: the service's name, a file of the pod's labels as the kubelet
writes it, lines of `key=value`, and OpenTelemetry's own variable, a list of them. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SERVICE_NAME = "service.name"
DEFAULT_SERVICE = "linkerd-proxy"

Attributes = tuple[tuple[str, str], ...]


def attributes(service: str | None, labels: str, extra: str, standard: str) -> Attributes:
    """`labels` is the file's text. Raises ValueError for a part that is not `key=value`."""
    found = {SERVICE_NAME: service or DEFAULT_SERVICE}
    found.update(_quoted(labels.splitlines()))
    found.update(_pairs(extra.splitlines()))
    found.update((key, unquote(value)) for key, value in _pairs(standard.split(",")))
    return tuple(sorted(found.items()))


def _pairs(parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for part in filter(None, map(str.strip, parts)):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"{part!r} is not KEY=VALUE")
        yield key.strip(), value.strip()


def _quoted(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The downward API writes `key="value"`."""
    for key, value in _pairs(lines):
        yield key, value.removeprefix('"').removesuffix('"')
