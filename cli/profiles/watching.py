"""Requests, watched for a while -> routes."""

from typing import TYPE_CHECKING

import click

from cli.failure import CommandError
from cli.live.notices import notices
from cli.live.within import within
from cli.profiles.seen import Seen
from weft.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.live.question import Question
    from cli.live.stream import Message, TapApi
    from cli.profiles.document import Route


def watch(api: "TapApi", question: "Question", seconds: float, limit: int) -> "list[Route]":
    """At least one, at most `limit`; what the stream says of itself goes to stderr. Raises CommandError."""
    seen = _fill(Seen(limit), within(api.watch(question), seconds))
    if seen.full:
        click.echo(f"Ended with {limit} routes: there may be more (--tap-route-limit).", err=True)
    if not seen.routes:
        raise CommandError(
            f"{question.said} received no request within {format_duration(seconds)}",
            hint="Watch longer with --tap-duration; `mesh tap` shows what there is to see.",
        )
    return seen.routes


def _fill(seen: Seen, messages: "Iterable[Message]") -> Seen:
    for message in messages:
        if event := message.get("event"):
            seen.take(event)
            if seen.full:
                break
        for said in notices(message):
            click.echo(said, err=True)
    return seen
