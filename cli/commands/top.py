"""`mesh top`."""

import contextlib
import sys
import threading
from typing import Any

import click

from cli.failure import CommandError
from cli.group import MeshCommand
from cli.live.notices import notices
from cli.live.options import filter_options, read_filters
from cli.live.question import ask
from cli.options import current_globals

REFRESH = 0.25
"""Seconds between two pictures."""


@click.command(cls=MeshCommand)
@filter_options
@click.option("--hide-sources", is_flag=True, help="Add up calls of all sources.")
@click.option("--routes", is_flag=True, help="Add up calls by route instead of method and path.")
def top(
    resource: tuple[str, ...],
    namespace: str | None,
    hide_sources: bool,
    routes: bool,
    **flags: Any,
) -> None:
    """Show which calls are most frequent, live.

    A full-screen table of completed calls, the most frequent first: how often, how fast at best, at
    worst and at last, and how many went well. q or Ctrl-C ends. Needs the same right as `mesh tap`.

    \b
    Examples:
      mesh top deploy/web -n emojivoto
      mesh top deploy/web -n emojivoto --to deploy/voting --hide-sources
    """
    chosen = current_globals()

    from cli.cluster.current_namespace import current_namespace
    from cli.live.stream import connect_tap
    from cli.live.tally import Tally

    if not sys.stdout.isatty():
        raise CommandError(
            "top needs a terminal", hint="`mesh tap` writes lines that can be piped."
        )
    home = namespace or current_namespace(chosen)
    question = ask(resource, home, read_filters(flags))
    feed = Feed(connect_tap(chosen).watch(question), Tally(hide_sources, routes))
    threading.Thread(target=feed.run, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        show(feed)
    if feed.error is not None:
        raise feed.error


class Feed:
    """Reads the stream in a thread of its own into a tally that another one shows."""

    def __init__(self, messages: Any, tally: Any) -> None:
        self._messages = messages
        self.tally = tally
        self.said = ""
        """What the stream last said of itself."""
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.error: CommandError | None = None

    def run(self) -> None:
        """Until the stream ends, well or not."""
        try:
            for message in self._messages:
                with self.lock:
                    self._take(message)
        except CommandError as error:
            self.error = error
        finally:
            self.ended.set()

    def _take(self, message: dict[str, Any]) -> None:
        if event := message.get("event"):
            self.tally.add(event)
        elif started := message.get("started"):
            self.tally.watched = frozenset(started.get("pods") or ())
            self.said = ""
        for said in notices(message):
            self.said = said


def show(feed: Feed) -> None:
    """Pictures until q is pressed or the stream ends."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from cli.live.keys import keys
    from cli.live.table import table

    console = Console()
    with keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while not feed.ended.wait(REFRESH):
            if "q" in pressed():
                return
            with feed.lock:
                picture = table(feed.tally, console.width, console.height, feed.said)
            live.update(Text(picture, no_wrap=True), refresh=True)
