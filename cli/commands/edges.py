"""`mesh edges`."""

import click

from cli.group import MeshCommand
from cli.options import current_globals, output_option
from cli.resources import parse_targets
from cli.stats.flags import check_where, resource_of, where_options, window_option

PATH = "/api/v1/edges"


@click.command(cls=MeshCommand)
@click.argument("resources", nargs=-1, required=True, metavar="RESOURCE...")
@where_options
@window_option
@output_option("table", "wide", "json", default="table")
def edges(
    resources: tuple[str, ...],
    namespace: str | None,
    all_namespaces: bool,
    window: float,
    output: str,
) -> None:
    """Show who talks to whom, and whether it is secured.

    A RESOURCE is a type (deploy, po, svc, sts, ...), TYPE/NAME, or a type followed by names; `all` shows
    whatever owns the pods. An edge is there when connections are open or were within the time window.

    \b
    Columns: SRC and DST the sender and the receiver; SECURED √ when every connection is mutual TLS, else
    the proxies' reason. A SRC of `-` is a sender outside the mesh. -o wide adds both identities,
    shortened to service account and namespace. `-o json` prints an array of objects: src,
    src_namespace, dst, dst_namespace, client_id, server_id, no_tls_reason (empty when secured).

    \b
    Examples:
      mesh edges deploy -n emojivoto
      mesh edges po -A -o wide
      mesh edges deploy/web -n emojivoto -o json
    """
    targets = parse_targets(resources)
    check_where(targets, namespace, all_namespaces)
    chosen = current_globals()

    from cli.cluster.current_namespace import current_namespace
    from cli.render import edges as render
    from cli.stats.absent import absent
    from cli.stats.asking import ask, note_source
    from weftapi.stats.v1.edges_pb2 import EdgesResponse

    home = "" if all_namespaces else namespace or current_namespace(chosen)
    requests = [
        {"resource": resource_of(target, home), "window": f"{window:g}s"} for target in targets
    ]
    answers = ask(chosen, PATH, requests, EdgesResponse)
    for answer in answers[:1]:
        note_source(answer.source)
    found = render.once(edge for answer in answers for edge in answer.edges)
    if output == "json":
        click.echo(render.json_text(found), nl=False)
    elif found:
        click.echo(render.table(found, wide=output == "wide"), nl=False)
    else:
        for sentence in absent(chosen, targets, home) or ["No edges found."]:
            click.echo(sentence, err=True)
