"""`mesh stat`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.group import MeshCommand
from cli.options import Namespace, current_globals, output_option
from cli.resources import (
    AUTHORITY,
    NAMESPACE,
    POLICY_SHORT_NAMES,
    SERVICE,
    ResourceError,
    Target,
    parse_targets,
    plural,
)
from cli.stats.flags import (
    check_where,
    peer,
    resource_of,
    selector_option,
    where_options,
    window_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weftapi.stats.v1.stats_pb2 import Row, StatResponse


@dataclass(frozen=True, slots=True)
class Ask:
    """What the flags say, apart from the rows' kinds and names."""

    namespace: str  # of the rows; empty: all
    window: float
    selector: str
    to: dict[str, str] | None
    from_: dict[str, str] | None


@click.command(cls=MeshCommand)
@click.argument("resources", nargs=-1, required=True, metavar="RESOURCE...")
@where_options
@window_option
@click.option("--to", metavar="RESOURCE", help="Only what the resources send to this one.")
@click.option(
    "--to-namespace",
    type=Namespace(),
    metavar="NS",
    help="Namespace of --to (default: the resources'); alone, a whole namespace.",
)
@click.option("--from", "from_", metavar="RESOURCE", help="Only what this resource sends to them.")
@click.option(
    "--from-namespace",
    type=Namespace(),
    metavar="NS",
    help="Namespace of --from (default: the resources'); alone, a whole namespace.",
)
@selector_option
@click.option("--unmeshed", is_flag=True, help="Also resources without any meshed pod.")
@output_option("table", "wide", "json", default="table")
def stat(
    resources: tuple[str, ...],
    namespace: str | None,
    all_namespaces: bool,
    window: float,
    to: str | None,
    to_namespace: str | None,
    from_: str | None,
    from_namespace: str | None,
    selector: str,
    unmeshed: bool,
    output: str,
) -> None:
    """Show success rate, requests per second and latency.

    A RESOURCE is a type (deploy, po, ns, svc, ds, sts, rs, job, cj, au, all), TYPE/NAME, or a type followed
    by names. An authority (au) is what requests are addressed to, as in web-svc.emojivoto.svc:80. Numbers are of requests that came in, or with --to and --from, of those sent between two
    resources. Resources without a meshed pod are left out unless --unmeshed or --from is given;
    completed pods never count.

    Types of policy are server (srv), serverauthorization (saz), authorizationpolicy (authzpolicy),
    httproute and grpcroute: what came in at a Server's ports, by an authorization, or on a route of Servers. --to
    narrows them to the pods of one resource; they know no --from.

    \b
    Columns: MESHED pods with a proxy of all that run; SUCCESS answered without failure; TCP_CONN
    connections open now; UNAUTHORIZED requests that no authorization let in, or connections (cps) where
    ports are not HTTP, which are in no other column; SERVER where a route was taken. `-` is unknown.
    `-o json` prints an array of objects: namespace, kind, name, meshed, success (0 to 1), rps,
    latency_ms_p50, latency_ms_p95, latency_ms_p99, tcp_open_connections, tcp_read_bytes_rate,
    tcp_write_bytes_rate, and status of pods; instead of meshed, servers and routes have
    unauthorized and connections_unauthorized (per second), and routes servers.

    \b
    Examples:
      mesh stat deploy -n emojivoto
      mesh stat ns
      mesh stat deploy/web po/vote-bot-5c7d -n emojivoto -t 5m
      mesh stat po web-1 web-2 -o wide
      mesh stat deploy --to svc/voting-svc -n emojivoto
      mesh stat svc --from deploy/web -n emojivoto
      mesh stat server -n emojivoto
      mesh stat authorizationpolicy/web-only -n emojivoto
    """
    targets = parse_targets(resources, policies=True)
    _check_flags(targets, namespace, all_namespaces, to_namespace, from_namespace)
    chosen = current_globals()

    from cli.cluster.current_namespace import current_namespace
    from cli.render import stats
    from cli.stats.absent import PATH, or_namespace
    from cli.stats.asking import ask, note_source
    from cli.stats.missing import NO_TRAFFIC, missing
    from weftapi.stats.v1.stats_pb2 import StatResponse

    home = namespace or current_namespace(chosen)
    asked = Ask(
        "" if all_namespaces else home,
        window,
        selector,
        peer("--to", to, to_namespace, home),
        peer("--from", from_, from_namespace, home),
    )
    if asked.to is not None and asked.from_ is not None:
        raise ResourceError("--to and --from do not go together: numbers are of one direction")
    if asked.from_ is not None and asked.from_["kind"] == SERVICE:
        raise ResourceError("--from takes no service: a service receives requests and sends none")
    _check_policies(targets, asked)
    requests = [_request(target, asked) for target in targets]
    answers = ask(chosen, PATH, requests, StatResponse)
    for answer in answers[:1]:
        note_source(answer.source)
    found = list(_rows(answers))
    rows = stats.shown(found, unmeshed=unmeshed or asked.from_ is not None)
    if output == "json":
        click.echo(stats.json_text(rows), nl=False)
    elif rows:
        with_namespaces = all_namespaces and any(row.resource.namespace for row in rows)
        click.echo(stats.tables(rows, namespaces=with_namespaces, wide=output == "wide"), nl=False)
    if output != "json":
        if asked.to is None and asked.from_ is None:
            said = missing(targets, asked.namespace, selector, found=found, shown=rows)
            if said and not found:
                said = or_namespace(chosen, targets, asked.namespace, said)
            for sentence in said:
                click.echo(sentence, err=True)
        elif not rows:
            click.echo(NO_TRAFFIC, err=True)


def _check_flags(
    targets: list[Target],
    namespace: str | None,
    all_namespaces: bool,
    to_namespace: str | None,
    from_namespace: str | None,
) -> None:
    """Refuses flags that contradict each other or the resources. Raises ResourceError."""
    check_where(targets, namespace, all_namespaces)
    if to_namespace is not None and from_namespace is not None:
        raise ResourceError("--to-namespace and --from-namespace do not go together")


def _check_policies(targets: list[Target], ask: Ask) -> None:
    """Refuses peers that kinds of policy do not know. Raises ResourceError."""
    kind = next((target.kind for target in targets if target.kind in POLICY_SHORT_NAMES), None)
    if kind is None:
        return
    if ask.from_ is not None:
        raise ResourceError(
            f"--from does not go with {plural(kind)}: they count where requests arrive, whoever sent "
            "them; --to narrows them to the pods of one resource"
        )
    if ask.to is not None and ask.to["kind"] in (AUTHORITY, SERVICE):
        raise ResourceError(
            f"--to takes what has pods where rows are {plural(kind)}, such as deploy/NAME: "
            "policy is of pods"
        )
    if ask.to is not None and ask.namespace:
        there = ask.to["name"] if ask.to["kind"] == NAMESPACE else ask.to["namespace"]
        if there not in ("", ask.namespace):
            raise ResourceError(
                f"policy of namespace {ask.namespace} guards no pods of {there}: name --to in the same"
            )


def _rows(answers: "Iterable[StatResponse]") -> "Iterator[Row]":
    """Every row of every answer once."""
    seen = set()
    for answer in answers:
        for row in answer.rows:
            key = (row.resource.kind, row.resource.namespace, row.resource.name)
            if key not in seen:
                seen.add(key)
                yield row


def _request(target: Target, ask: Ask) -> dict[str, Any]:
    """A StatRequest as canonical JSON."""
    request: dict[str, Any] = {
        "resource": resource_of(target, ask.namespace),
        "labelSelector": ask.selector,
        "window": f"{ask.window:g}s",
        "tcp": True,
    }
    if ask.to is not None:
        request["to"] = ask.to
    if ask.from_ is not None:
        request["from"] = ask.from_
    return request
