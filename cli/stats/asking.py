"""A request to the stats API and its answer."""

from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.failure import CommandError
from cli.options import Globals

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from weftapi.stats.v1.stats_pb2 import Source

M = TypeVar("M", bound="Message")


def ask(chosen: Globals, path: str, requests: list[dict[str, Any]], answer: type[M]) -> list[M]:
    """The answer to each request. Raises ClusterError, CommandError."""
    from cli.cluster import web_api
    from cli.render.progress import Progress

    progress = Progress()
    progress.show("asking the web API")
    try:
        api = web_api.connect_web(chosen)
        return [_read(api.post(path, request), answer) for request in requests]
    finally:
        progress.clear()


def note_source(source: "Source") -> None:
    """Says on stderr when numbers are not from the Prometheus that is configured."""
    if source.fallback_reason:
        since = source.since.ToDatetime().strftime("%H:%M:%S UTC")
        click.echo(
            f"Numbers are the web service's own since {since}: {source.fallback_reason}", err=True
        )


def _read(said: dict[str, Any], answer: type[M]) -> M:
    from google.protobuf import json_format

    try:
        return json_format.ParseDict(said, answer(), ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise CommandError(
            f"the web API's answer cannot be read: {error}",
            hint="Do `mesh version`'s client and server differ?",
        ) from None
