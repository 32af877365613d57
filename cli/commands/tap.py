"""`mesh tap`."""

from typing import Any

import click

from cli.group import MeshCommand
from cli.live.jsonpath import Template, TemplateError, parse
from cli.live.options import filter_options, read_filters
from cli.live.question import Question, ask
from cli.options import current_globals

FORMATS = ("default", "wide", "json")
JSONPATH = "jsonpath="


class Output(click.ParamType[str | Template]):
    """One of the formats by name, or `jsonpath=TEMPLATE`."""

    name = "format"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """As help shows it."""
        return f"[{'|'.join(FORMATS)}|{JSONPATH}TEMPLATE]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | Template:
        """The name of a format, or the template; fails naming what is allowed."""
        if isinstance(value, Template):
            return value
        text = str(value)
        if text in FORMATS:
            return text
        if not text.startswith(JSONPATH):
            self.fail(
                f"{text!r} is not a format: allowed are {', '.join(FORMATS)} and {JSONPATH}TEMPLATE",
                param, ctx,
            )  # fmt: skip
        try:
            return parse(text.removeprefix(JSONPATH))
        except TemplateError as error:
            self.fail(str(error), param, ctx)


@click.command(cls=MeshCommand)
@filter_options
@click.option("-o", "--output", type=Output(), default="default", show_default=True, help="Format of what goes to stdout.")  # fmt: skip
def tap(
    resource: tuple[str, ...], namespace: str | None, output: str | Template, **flags: Any
) -> None:
    """Show requests as they happen.

    Of one workload, pod, service or namespace: what its pods receive and what they send. Runs until
    Ctrl-C. Needs the right to `watch` the resource's `tap` in group tap.linkerd.io.

    \b
    Lines: `req` a request began, `rsp` its response did, `end` it is over; proxy=in received, proxy=out
    sent; tls=true when both sides proved who they are, or the reason why not. -o wide adds what is known
    of both ends and the route; -o json prints a document per event, with headers; -o
    jsonpath=TEMPLATE prints the parts of that document that the template names, as kubectl does, a line
    per event that has any of them.

    \b
    Examples:
      mesh tap deploy/web -n emojivoto
      mesh tap deploy/web -n emojivoto --to deploy/voting --method POST
      mesh tap ns/emojivoto --path /emojivoto.v1.VotingService/Vote -o wide
      mesh tap deploy/web -n emojivoto -o jsonpath='{.requestInitEvent.method} {.requestInitEvent.path}'
    """
    chosen = current_globals()

    from cli.cluster.current_namespace import current_namespace
    from cli.live.stream import connect_tap

    home = namespace or current_namespace(chosen)
    question = ask(resource, home, read_filters(flags), headers=output not in ("default", "wide"))
    try:
        for message in connect_tap(chosen).watch(question):
            _show(message, question, output)
    except KeyboardInterrupt:
        pass  # That is how watching ends.


def _show(message: dict[str, Any], question: Question, output: str | Template) -> None:
    """Events to stdout, everything else to stderr."""
    from cli.live.documents import build, document
    from cli.live.lines import line
    from cli.live.notices import notices

    if event := message.get("event"):
        if output == "json":
            click.echo(document(event), nl=False)
        elif isinstance(output, Template):
            if text := output.fill(build(event)):
                click.echo(text)
        else:
            click.echo(line(event, wide=output == "wide"))
    else:
        for said in notices(message):
            click.echo(said, err=True)
