"""`mesh routes`."""

from typing import Any

import click

from cli.group import MeshCommand
from cli.options import Namespace, current_globals, namespace_option, output_option
from cli.resources import ALL, ResourceError, parse_targets
from cli.stats.flags import check_where, peer, resource_of, selector_option, window_option

PATH = "/api/v1/routes"


@click.command(cls=MeshCommand)
@click.argument("resources", nargs=-1, required=True, metavar="RESOURCE...")
@namespace_option("Namespace of the resources (default: the kubeconfig's, else default).")
@window_option
@click.option("--to", metavar="SERVICE", help="The routes that the resources take to this service.")
@click.option(
    "--to-namespace",
    type=Namespace(),
    metavar="NS",
    help="Namespace of --to (default: the resources'); alone, all services of a namespace.",
)
@selector_option
@output_option("table", "wide", "json", default="table")
def routes(
    resources: tuple[str, ...],
    namespace: str | None,
    window: float,
    to: str | None,
    to_namespace: str | None,
    selector: str,
    output: str,
) -> None:
    """Show how each route does.

    Of a workload or pod, the routes it serves; with --to, the routes it takes to a service; of a
    service, the routes its clients take. Routes are those of HTTPRoutes, GRPCRoutes and ServiceProfiles;
    `[DEFAULT]` is what none of them matches.

    \b
    Columns: SERVER or SERVICE what the route hangs on; the rest as in `mesh stat`. Where requests are
    sent, -o wide shows EFFECTIVE numbers, which count a request once however often it was tried, and
    ACTUAL ones, which count each try. `-o json` prints an object: for each resource, as in
    "deploy/web", an array of objects: route, service, effective_success (0 to 1), effective_rps,
    actual_success, actual_rps (null where there are no tries), latency_ms_p50, latency_ms_p95,
    latency_ms_p99.

    \b
    Examples:
      mesh routes deploy/voting -n emojivoto
      mesh routes deploy/web --to svc/voting-svc -n emojivoto -o wide
      mesh routes svc -n emojivoto
    """
    targets = parse_targets(resources)
    check_where(targets, namespace, all_namespaces=False)
    if any(target.kind == ALL for target in targets):
        raise ResourceError("routes are of one kind of resource, not 'all'")
    chosen = current_globals()

    from cli.cluster.current_namespace import current_namespace
    from cli.render import routes as render
    from cli.stats.absent import absent
    from cli.stats.asking import ask, note_source
    from cli.stats.missing import NO_TRAFFIC
    from weftapi.stats.v1.routes_pb2 import RoutesResponse

    home = namespace or current_namespace(chosen)
    other = peer("--to", to, to_namespace, home)
    requests: list[dict[str, Any]] = [
        {
            "resource": resource_of(target, home),
            "window": f"{window:g}s",
            "labelSelector": selector,
            **({"to": other} if other is not None else {}),
        }
        for target in targets
    ]
    answers = ask(chosen, PATH, requests, RoutesResponse)
    for answer in answers[:1]:
        note_source(answer.source)
    found = render.by_resource(route for answer in answers for route in answer.routes)
    if output == "json":
        click.echo(render.json_text(found), nl=False)
    elif found:
        click.echo(render.tables(found, wide=output == "wide"), nl=False)
    else:
        for sentence in absent(chosen, targets, home, selector) or [NO_TRAFFIC]:
            click.echo(sentence, err=True)
