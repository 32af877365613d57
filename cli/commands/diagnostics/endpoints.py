"""`mesh diagnostics endpoints`."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from cli.commands.diagnostics.options import destination_options
from cli.group import MeshCommand
from cli.options import current_globals, output_option

Row = dict[str, Any]


@click.command(cls=MeshCommand)
@click.argument("authorities", nargs=-1, required=True, metavar="AUTHORITY...")
@destination_options
@output_option("table", "json", default="table")
def endpoints(authorities: tuple[str, ...], destination_pod: str, token: str, output: str) -> None:
    """Show where the mesh sends requests for a Service.

    Asks the destination service what it tells proxies: the addresses behind NAME.NAMESPACE.svc.DOMAIN:PORT.
    -o json adds each address's weight, its labels and the identity its proxy must prove.

    It is asked through a port-forward to one of its pods, or at --api-addr.

    \b
    Examples:
      mesh diagnostics endpoints web-svc.emojivoto.svc.cluster.local:80
      mesh diagnostics endpoints -o json web-svc.emojivoto.svc.cluster.local:80
    """
    from cli.cluster.destination import connect_destination
    from weft.ports import DESTINATION
    from weftapi.proxy import destination_pb2

    rows: list[Row] = []
    with connect_destination(current_globals(), DESTINATION, destination_pod) as api:
        for authority in authorities:
            request = destination_pb2.GetDestination(
                scheme="k8s", path=authority, context_token=token
            )
            rows += rows_of(api.endpoints(request))
    rows.sort(key=lambda row: (row["namespace"], row["service"], row["pod"], row["ip"]))
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        click.echo(table(rows), nl=False)
    else:
        click.echo("No endpoints found.", err=True)


def rows_of(update: Any) -> Iterator[Row]:
    """The addresses of an Update, as `-o json` shows them."""
    from cli.commands.diagnostics.messages import address

    shared = update.add.metric_labels
    for one in update.add.addrs:
        labels = {**shared, **one.metric_labels}
        namespace = labels.get("namespace", "")
        row = {
            "namespace": namespace,
            "ip": address(one.addr.ip),
            "port": one.addr.port,
            "pod": labels.get("pod", ""),
            "service": f"{labels.get('service', '')}.{namespace}",
            "weight": one.weight,
            "http2": one.protocol_hint.WhichOneof("protocol") == "h2",
            "labels": dict(sorted(one.metric_labels.items())),
        }
        if one.HasField("tls_identity"):
            row["identity"] = one.tls_identity.dns_like_identity.name or (
                one.tls_identity.uri_like_identity.uri
            )
        yield row


def table(rows: Iterable[Row]) -> str:
    """NAMESPACE, IP, PORT, POD, SERVICE; where there is no pod, the ExternalWorkload."""
    from cli.render.columns import Column, columns

    names = ("namespace", "ip", "port", "pod", "service")
    heads = [Column(name.upper(), left=True) for name in names]
    shown = ({**row, "pod": row["pod"] or _machine(row)} for row in rows)
    return columns(heads, [[str(row[name]) for name in names] for row in shown])


def _machine(row: Row) -> str:
    name = row["labels"].get("external_workload", "")
    return f"externalworkload/{name}" if name else ""
