"""`mesh authz`."""

import click

from cli.group import MeshCommand
from cli.options import current_globals, output_option
from cli.resources import ALL, SERVICE, ResourceError, parse_targets
from cli.stats.flags import (
    check_where,
    resource_of,
    selector_option,
    where_options,
    window_option,
)

PATH = "/api/v1/authz"


@click.command(cls=MeshCommand)
@click.argument("resources", nargs=-1, required=True, metavar="RESOURCE...")
@where_options
@window_option
@selector_option
@output_option("table", "json", default="table")
def authz(
    resources: tuple[str, ...],
    namespace: str | None,
    all_namespaces: bool,
    window: float,
    selector: str,
    output: str,
) -> None:
    """Show what policy lets in and what it keeps out.

    A RESOURCE is a type that has pods (deploy, po, ns, sts, ...), TYPE/NAME, or a type followed by names.

    \b
    Columns: AUTHORIZATION what let requests in, as kind and name, empty for what was kept out;
    UNAUTHORIZED requests kept out, or connections (cps) where ports are not HTTP; SUCCESS, RPS and
    LATENCY of what was let in. `-o json` prints an array of objects: namespace, kind, name, route,
    server, authorization, unauthorized, allowed (requests per second), connections_unauthorized,
    connections_allowed (connections per second), success (0 to 1), rps, latency_ms_p50,
    latency_ms_p95, latency_ms_p99.

    \b
    Examples:
      mesh authz deploy/web -n emojivoto
      mesh authz po -A
    """
    targets = parse_targets(resources)
    check_where(targets, namespace, all_namespaces)
    if any(target.kind in (ALL, SERVICE) for target in targets):
        raise ResourceError(
            "traffic is let in at pods: name kinds that have pods, such as deploy or po"
        )
    chosen = current_globals()

    from cli.cluster.current_namespace import current_namespace
    from cli.render import authz as render
    from cli.stats.absent import absent
    from cli.stats.asking import ask, note_source
    from cli.stats.missing import NO_TRAFFIC
    from weftapi.stats.v1.authz_pb2 import AuthzResponse

    home = "" if all_namespaces else namespace or current_namespace(chosen)
    requests = [
        {
            "resource": resource_of(target, home),
            "window": f"{window:g}s",
            "labelSelector": selector,
        }
        for target in targets
    ]
    answers = ask(chosen, PATH, requests, AuthzResponse)
    for answer in answers[:1]:
        note_source(answer.source)
    rows = [row for answer in answers for row in answer.rows]
    if output == "json":
        click.echo(render.json_text(rows), nl=False)
    elif rows:
        click.echo(render.tables(rows, namespaces=all_namespaces), nl=False)
    else:
        for sentence in absent(chosen, targets, home, selector) or [NO_TRAFFIC]:
            click.echo(sentence, err=True)
