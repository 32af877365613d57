"""`mesh stat`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.failure import CommandError
from cli.group import MeshCommand
from cli.options import Namespace, current_globals, namespace_option, output_option
from cli.resources import (
    ALL,
    NAMESPACE,
    SERVICE,
    ResourceError,
    Target,
    parse_target,
    parse_targets,
)
from weft.durations import DurationError, parse_go_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.cluster.web_api import WebApi
    from weftapi.stats.v1.stats_pb2 import Row

MIN_WINDOW = 15.0
PATH = "/api/v1/stat"


class Window(click.ParamType[float]):
    """A duration of at least 15s, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds of `1m30s`, or fails with the rule."""
        if isinstance(value, float):
            return value
        try:
            seconds = parse_go_duration(str(value))
        except DurationError as error:
            self.fail(str(error), param, ctx)
        if seconds < MIN_WINDOW:
            self.fail(f"{value} is too short: at least 15s, which is three scrapes", param, ctx)
        return seconds


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
@namespace_option("Namespace of the resources (default: the kubeconfig's, else default).")
@click.option("-A", "--all-namespaces", is_flag=True, help="Resources of all namespaces.")
@click.option(
    "-t",
    "--time-window",
    "window",
    type=Window(),
    default="1m",
    show_default=True,
    metavar="TIME",
    help="How far back traffic counts, from 15s to 10m.",
)
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
@click.option(
    "-l",
    "--selector",
    default="",
    metavar="QUERY",
    help="Only resources with these labels: app=web,tier!=cache,env in (a,b).",
)
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

    A RESOURCE is a type (deploy, po, ns, svc, ds, sts, rs, job, all), TYPE/NAME, or a type followed by
    names. Numbers are of requests that came in, or with --to and --from, of those sent between two
    resources. Resources without a meshed pod are left out unless --unmeshed or --from is given;
    completed pods never count.

    \b
    Columns: MESHED pods with a proxy of all that run; SUCCESS answered without failure; TCP_CONN
    connections open now. `-` is unknown. `-o json` prints an array of objects: namespace, kind, name,
    meshed, success (0 to 1), rps, latency_ms_p50, latency_ms_p95, latency_ms_p99,
    tcp_open_connections, tcp_read_bytes_rate, tcp_write_bytes_rate, and status of pods.

    \b
    Examples:
      mesh stat deploy -n emojivoto
      mesh stat ns
      mesh stat deploy/web po/vote-bot-5c7d -n emojivoto -t 5m
      mesh stat po web-1 web-2 -o wide
      mesh stat deploy --to svc/voting-svc -n emojivoto
      mesh stat svc --from deploy/web -n emojivoto
    """
    targets = parse_targets(resources)
    _check_flags(targets, namespace, all_namespaces, to_namespace, from_namespace)
    chosen = current_globals()

    from cli.cluster.current_namespace import current_namespace
    from cli.cluster.web_api import connect_web
    from cli.render import stats
    from cli.render.progress import Progress

    home = namespace or current_namespace(chosen)
    ask = Ask(
        "" if all_namespaces else home,
        window,
        selector,
        _peer("--to", to, to_namespace, home),
        _peer("--from", from_, from_namespace, home),
    )
    if ask.to is not None and ask.from_ is not None:
        raise ResourceError("--to and --from do not go together: numbers are of one direction")
    if ask.from_ is not None and ask.from_["kind"] == SERVICE:
        raise ResourceError("--from takes no service: a service receives requests and sends none")
    progress = Progress()
    progress.show("asking the web API")
    try:
        rows = list(_rows(connect_web(chosen), targets, ask))
    finally:
        progress.clear()
    rows = stats.shown(rows, unmeshed=unmeshed or ask.from_ is not None)
    if output == "json":
        click.echo(stats.json_text(rows), nl=False)
    elif rows:
        with_namespaces = all_namespaces and any(row.resource.namespace for row in rows)
        click.echo(stats.tables(rows, namespaces=with_namespaces, wide=output == "wide"), nl=False)
    else:
        click.echo("No traffic found.", err=True)


def _check_flags(
    targets: list[Target],
    namespace: str | None,
    all_namespaces: bool,
    to_namespace: str | None,
    from_namespace: str | None,
) -> None:
    """Refuses flags that contradict each other or the resources. Raises ResourceError."""
    if all_namespaces and namespace is not None:
        raise ResourceError("--all-namespaces and --namespace do not go together")
    if to_namespace is not None and from_namespace is not None:
        raise ResourceError("--to-namespace and --from-namespace do not go together")
    if any(target.kind == NAMESPACE for target in targets) and namespace is not None:
        raise ResourceError(
            "--namespace does not go with namespaces: name them, as in ns/emojivoto"
        )
    named = next((target for target in targets if target.name and target.kind != NAMESPACE), None)
    if named is not None and all_namespaces:
        raise ResourceError(
            f"{named.kind}/{named.name} is in one namespace: give it with --namespace, "
            "not --all-namespaces"
        )


def _peer(flag: str, text: str | None, namespace: str | None, home: str) -> dict[str, str] | None:
    """The resource at the other end, as the API writes it. Raises ResourceError."""
    if text is None:
        return None if namespace is None else {"kind": NAMESPACE, "name": namespace}
    target = parse_target(text)
    if target.kind == ALL:
        raise ResourceError(f"{flag} takes one kind of resource, not {ALL!r}")
    if target.kind == NAMESPACE:
        if namespace is not None:
            raise ResourceError(f"{flag}-namespace does not go with {flag} {text}")
        return {"kind": NAMESPACE, "name": target.name}
    return {"kind": target.kind, "namespace": namespace or home, "name": target.name}


def _rows(api: "WebApi", targets: list[Target], ask: Ask) -> "Iterator[Row]":
    """Every row of every target once. Raises ClusterError."""
    from google.protobuf import json_format

    from weftapi.stats.v1.stats_pb2 import StatResponse

    seen = set()
    for target in targets:
        answer = api.post(PATH, _request(target, ask))
        try:
            response = json_format.ParseDict(answer, StatResponse(), ignore_unknown_fields=True)
        except json_format.ParseError as error:
            raise CommandError(
                f"the web API's answer cannot be read: {error}",
                hint="Do `mesh version`'s client and server differ?",
            ) from None
        for row in response.rows:
            key = (row.resource.kind, row.resource.namespace, row.resource.name)
            if key not in seen:
                seen.add(key)
                yield row


def _request(target: Target, ask: Ask) -> dict[str, Any]:
    """A StatRequest as canonical JSON."""
    resource = {"kind": target.kind, "name": target.name}
    if target.kind != NAMESPACE:
        resource["namespace"] = ask.namespace
    request: dict[str, Any] = {
        "resource": resource,
        "labelSelector": ask.selector,
        "window": f"{ask.window:g}s",
        "tcp": True,
    }
    if ask.to is not None:
        request["to"] = ask.to
    if ask.from_ is not None:
        request["from"] = ask.from_
    return request
