"""`mesh tap`."""

from typing import Any

import click

from cli.group import MeshCommand
from cli.live.options import filter_options, read_filters
from cli.live.question import Question, ask
from cli.options import current_globals, output_option


@click.command(cls=MeshCommand)
@filter_options
@output_option("default", "wide", "json", default="default")
def tap(resource: tuple[str, ...], namespace: str | None, output: str, **flags: Any) -> None:
    """Show requests as they happen.

    Of one workload, pod, service or namespace: what its pods receive and what they send. Runs until
    Ctrl-C. Needs the right to `watch` the resource's `tap` in group tap.linkerd.io.

    \b
    Lines: `req` a request began, `rsp` its response did, `end` it is over; proxy=in received, proxy=out
    sent; tls=true when both sides proved who they are, or the reason why not. -o wide adds what is known
    of both ends and the route; -o json prints a document per event, with headers.

    \b
    Examples:
      mesh tap deploy/web -n emojivoto
      mesh tap deploy/web -n emojivoto --to deploy/voting --method POST
      mesh tap ns/emojivoto --path /emojivoto.v1.VotingService/Vote -o wide
    """
    chosen = current_globals()

    from cli.cluster.current_namespace import current_namespace
    from cli.live.stream import connect_tap

    home = namespace or current_namespace(chosen)
    question = ask(resource, home, read_filters(flags), headers=output == "json")
    try:
        for message in connect_tap(chosen).watch(question):
            _show(message, question, output)
    except KeyboardInterrupt:
        pass  # That is how watching ends.


def _show(message: dict[str, Any], question: Question, output: str) -> None:
    """Events to stdout, everything else to stderr."""
    from cli.live.documents import document
    from cli.live.event import printable
    from cli.live.lines import line

    if event := message.get("event"):
        if output == "json":
            click.echo(document(event), nl=False)
        else:
            click.echo(line(event, wide=output == "wide"))
    elif started := message.get("started"):
        for one in started.get("skipped") or []:
            click.echo(printable(f"{one.get('pod')} is not shown: {one.get('reason')}"), err=True)
    elif trouble := message.get("trouble"):
        click.echo(printable(f"{trouble.get('pod')}: {trouble.get('reason')}"), err=True)
    elif dropped := message.get("dropped"):
        click.echo(f"{int(dropped)} events were lost: this end does not keep up", err=True)
