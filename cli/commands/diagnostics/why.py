"""`mesh diagnostics why`."""

import json
import shutil
from datetime import timedelta

import click

from cli.group import MeshCommand
from cli.options import Duration, current_globals, namespace_option, output_option

LONGEST_LINE = 160


@click.command(cls=MeshCommand)
@click.argument("resource", nargs=-1, required=True, metavar="POD|TYPE/NAME")
@namespace_option("Namespace of the resource (default: the context's).")
@click.option("--since", type=Duration(positive=True), default="10m", show_default=True, metavar="DURATION", help="Leave out what happened longer ago.")  # fmt: skip
@output_option("text", "json", default="text")
def why(resource: tuple[str, ...], namespace: str | None, since: float, output: str) -> None:
    """Say what fails at a workload, since when, and what to do.

    Reads the last errors of the workload's proxies and of the proxies it talks to, whether they are
    ready and have a certificate, and whether the pods are there and meshed. A name alone is a pod's.

    The exit code is 1 when something is wrong or went wrong in that time, 0 otherwise. Needs the rights
    to list pods and to port-forward to them.

    \b
    Examples:
      mesh diagnostics why deploy/web -n emojivoto
      mesh diagnostics why web-5f7c9d-x2x5k -n emojivoto --since 1h
    """
    from cli.cluster.client import connect
    from cli.cluster.current_namespace import current_namespace
    from cli.diagnosis.document import document
    from cli.diagnosis.gather import gather
    from cli.diagnosis.judge import judge
    from cli.diagnosis.text import text
    from cli.live.question import parse
    from cli.resources import NAMESPACE, POD

    chosen = current_globals()
    if len(resource) == 1 and "/" not in resource[0]:
        resource = (POD, resource[0])
    kind, name = parse(resource)
    home = name if kind == NAMESPACE else namespace or current_namespace(chosen)
    evidence = gather(connect(chosen), chosen.weft_namespace, home, kind, name)
    span = timedelta(seconds=since)
    findings = judge(evidence, span)
    if output == "json":
        click.echo(json.dumps(document(evidence, findings, span), indent=2))
    else:
        width = min(shutil.get_terminal_size((LONGEST_LINE, 0)).columns, LONGEST_LINE)
        click.echo(text(evidence, findings, span, width), nl=False)
    if findings:
        raise click.exceptions.Exit(1)
