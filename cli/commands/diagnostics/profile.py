"""`mesh diagnostics profile`."""

import json

import click

from cli.commands.diagnostics.options import destination_options
from cli.group import MeshCommand
from cli.options import current_globals


@click.command(cls=MeshCommand)
@click.argument("address")
@destination_options
def profile(address: str, destination_pod: str, token: str) -> None:
    """Show what a proxy is told about an address.

    The first answer of the destination service for IP:PORT, as JSON: the Service it belongs to, its routes,
    whether it is opaque, and the endpoint when it is a pod's.

    It is asked through a port-forward to one of its pods, or at --api-addr.

    \b
    Examples:
      mesh diagnostics profile 10.96.0.17:80
    """
    from cli.cluster.destination import connect_destination
    from cli.commands.diagnostics.messages import as_json
    from weft.ports import DESTINATION
    from weftapi.proxy import destination_pb2

    request = destination_pb2.GetDestination(scheme="k8s", path=address, context_token=token)
    with connect_destination(current_globals(), DESTINATION, destination_pod) as api:
        click.echo(json.dumps(as_json(api.profile(request)), indent=2))
