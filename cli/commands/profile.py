"""`mesh profile`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.group import MeshCommand
from cli.options import Duration, Globals, current_globals, namespace_option, output_option

if TYPE_CHECKING:
    from cli.profiles.document import Route

WAYS = ("--template", "--open-api FILE", "--proto FILE", "--tap RESOURCE")
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
SERVICE_RULE = "the name of a Service is at most 63 lower-case letters, digits and '-', begins with a letter and ends with a letter or digit"


class ServiceName(click.ParamType[str]):
    """The name of a Service (a DNS-1035 label)."""

    name = "service"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the name unchanged, or fails with the rule."""
        if not SERVICE_NAME.fullmatch(str(value)):
            self.fail(f"{value!r} is not one: {SERVICE_RULE}", param, ctx)
        return str(value)


@click.command(cls=MeshCommand)
@click.argument("service", type=ServiceName())
@click.option(
    "--template", "as_template", is_flag=True, help="A profile to fill in, with comments."
)
@click.option(
    "--open-api",
    metavar="FILE|URL|-",
    help="A route for each operation of an OpenAPI document (2 or 3, YAML or JSON).",
)
@click.option(
    "--proto",
    metavar="FILE|URL|-",
    help="A route for each method of the gRPC services of a .proto file.",
)
@click.option(
    "-I",
    "--proto-path",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --proto: where files that it imports are; may be repeated.",
)
@click.option(
    "--tap",
    metavar="RESOURCE",
    help="A route for each method and path that this resource (TYPE/NAME) is asked for meanwhile.",
)
@click.option(
    "--tap-duration",
    type=Duration(positive=True),
    default="5s",
    show_default=True,
    metavar="DURATION",
    help="How long to watch.",
)
@click.option(
    "--tap-route-limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="COUNT",
    help="End with so many routes.",
)
@namespace_option("Namespace of the Service (default: the context's).")
@click.option(
    "--ignore-cluster", is_flag=True, help="Ask no cluster for its domain; it is cluster.local."
)
@output_option("yaml", "json", default="yaml")
def profile(service: str, namespace: str | None, output: str, **flags: Any) -> None:
    """Print a ServiceProfile, made of an API's description or of live requests.

    Exactly one of --template, --open-api, --proto and --tap says what its routes are. Nothing is applied: pipe
    the output to kubectl, or change it first. `mesh routes` shows each route's requests then.

    \b
    --open-api: paths begin where basePath or servers say; a parameter {id} stands for anything but a slash;
    responses from 500 on are failures; the extensions x-linkerd-retryable (true) and x-linkerd-timeout
    (300ms) of an operation make it retryable and bound it in time.
    --proto: a method whose idempotency_level is IDEMPOTENT or NO_SIDE_EFFECTS is retryable.
    --tap: requests that the resource receives, as `mesh tap` shows them, and with the same right.

    \b
    Examples:
      mesh profile -n emojivoto --template web-svc > web-svc.yaml
      mesh profile -n emojivoto --open-api web.swagger.yaml web-svc | kubectl apply -f -
      mesh profile -n emojivoto --proto proto/emojivoto/v1/voting.proto -I proto voting-svc | kubectl apply -f -
      mesh profile -n emojivoto --tap deploy/web --tap-duration 10s web-svc > web-svc.yaml
    """  # fmt: skip
    _check_ways()

    from cli.cluster.current_namespace import current_namespace
    from cli.profiles.document import Service, service_profile
    from cli.profiles.template import template
    from cli.render.yaml_text import dump, dump_json, load_one

    chosen = current_globals()
    home = namespace or current_namespace(chosen)
    routes = [] if flags["as_template"] else read_routes(chosen, home, flags)
    domain = cluster_domain(chosen, ignore_cluster=flags["ignore_cluster"])
    whose = Service(service, home, domain)
    if flags["as_template"]:
        text = template(whose)
        click.echo(dump_json(load_one(text)) if output == "json" else text, nl=False)
        return
    found = service_profile(whose, routes)
    click.echo(dump_json(found) if output == "json" else dump(found), nl=False)


def _check_ways() -> None:
    """Raises UsageError."""
    ctx = click.get_current_context()
    given = ctx.params
    if sum(bool(given[one]) for one in ("as_template", "open_api", "proto", "tap")) != 1:
        raise click.UsageError(f"exactly one is needed of {', '.join(WAYS)}")
    belongs = {"roots": "proto", "tap_duration": "tap", "tap_route_limit": "tap"}
    names = {one.name: one.opts[-1] for one in ctx.command.params}
    for flag, way in belongs.items():
        said = ctx.get_parameter_source(flag) is click.core.ParameterSource.COMMANDLINE
        if said and not given[way]:
            raise click.UsageError(f"{names[flag]} goes with --{way} only")


def cluster_domain(chosen: Globals, *, ignore_cluster: bool) -> str:
    """As the control plane was installed with it. Raises CommandError."""
    from weft.names import CLUSTER_DOMAIN

    if ignore_cluster:
        return CLUSTER_DOMAIN
    from cli.cluster.client import connect
    from cli.cluster.errors import ClusterError
    from cli.cluster.installed import require_installed

    hint = (
        f"To take {CLUSTER_DOMAIN} for the cluster's domain without asking, add --ignore-cluster."
    )
    try:
        installed = require_installed(
            connect(chosen), chosen.weft_namespace, f"Name its namespace with -L. {hint}"
        )
    except ClusterError as error:
        error.hint = f"{error.hint} {hint}".strip()
        raise
    return str(installed.values.get("clusterDomain") or CLUSTER_DOMAIN)


def read_routes(chosen: Globals, namespace: str, flags: dict[str, Any]) -> "list[Route]":
    """What the profile shall have, by whichever way was given. Raises CommandError."""
    if flags["tap"]:
        from cli.live.question import Filters, ask
        from cli.live.stream import connect_tap
        from cli.profiles.watching import watch

        question = ask((flags["tap"],), namespace, Filters())
        api = connect_tap(chosen)
        return watch(api, question, flags["tap_duration"], flags["tap_route_limit"])
    from cli.profiles.reading import read_open_api, read_proto

    if flags["open_api"]:
        return read_open_api(flags["open_api"])
    return read_proto(flags["proto"], flags["roots"])
