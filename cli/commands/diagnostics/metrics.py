"""`mesh diagnostics proxy-metrics` (also `mesh metrics`) and `mesh diagnostics controller-metrics`."""

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli.group import MeshCommand
from cli.options import Duration, current_globals, namespace_option

if TYPE_CHECKING:
    from cli.cluster.admin_ports import Answered

_OF_OBJECTS = ("authz", "backend", "parent", "ratelimit", "route", "srv")
HARMLESS = frozenset({
    "direction", "peer", "tls", "no_tls_reason", "protocol", "session_protocol",
    "status_code", "classification", "grpc_status", "http_status", "error", "errno", "number", "status",
    "result", "skipped", "op", "endpoint_state", "ratelimit_scope", "target_port", "le", "family", "overflow",
    "version", "vendor", "profile",
    *(f"{one}_{what}" for one in _OF_OBJECTS for what in ("group", "kind", "port")),
})  # fmt: skip
"""Labels that say how, and not who. All others are hidden: the control plane may add any to `dst_` and `rt_`."""
_LABEL = re.compile(r'\b([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


@click.command("proxy-metrics", cls=MeshCommand)
@click.argument("resource", nargs=-1, required=True)
@namespace_option("Namespace of the resource (default: the context's).")
@click.option(
    "--obfuscate",
    is_flag=True,
    help="Replace names and addresses by hashes, equal ones by equal ones.",
)
def proxy_metrics(resource: tuple[str, ...], namespace: str | None, obfuscate: bool) -> None:
    """Print the metrics of the proxies of a pod or workload.

    As Prometheus scrapes them, one block for each pod, through a port-forward to each.

    \b
    Examples:
      mesh diagnostics proxy-metrics -n emojivoto deploy/web
      mesh metrics -n emojivoto po/web-5f7c9d | grep response_total
    """
    from cli.cluster.admin_ports import ask_all, proxy_port
    from cli.cluster.client import connect
    from cli.cluster.current_namespace import current_namespace
    from cli.cluster.workloads import pods_of
    from cli.failure import CommandError
    from cli.live.question import parse

    chosen = current_globals()
    kind, name = parse(resource)
    cluster = connect(chosen)
    pods = pods_of(cluster, namespace or current_namespace(chosen), kind, name)
    ports = [port for pod in pods if (port := proxy_port(pod)) is not None]
    if not ports:
        raise CommandError(
            f"no pod of {kind}/{name} has a proxy",
            hint=f"`mesh diagnostics why {kind}/{name}` says why not.",
        )
    answers = ask_all(cluster, [(port, "/metrics") for port in ports])
    for number, answered in enumerate(answers, 1):
        text, pod = body(answered), answered.port.pod
        if obfuscate:
            text, pod = obfuscated(text), _hash(pod)
        click.echo(f"#\n# POD {pod} ({number} of {len(answers)})\n#")
        click.echo(text, nl=False)
    _end(answers)


@click.command("controller-metrics", cls=MeshCommand)
@click.option("-w", "--wait", type=Duration(positive=True), default="30s", show_default=True, metavar="DURATION", help="How long to wait for each answer.")  # fmt: skip
def controller_metrics(wait: float) -> None:
    """Print the metrics of the control plane.

    As Prometheus scrapes them, one block for each container, through a port-forward to each.
    """
    from cli.checks.context import alive
    from cli.cluster.admin_ports import ask_all, controller_ports
    from cli.cluster.client import connect
    from cli.cluster.paths import PODS, items
    from cli.cluster.web_api import CHECK_HINT
    from cli.failure import CommandError
    from weft.labels import CONTROL_PLANE_COMPONENT_LABEL

    chosen = current_globals()
    cluster = connect(chosen)
    pods = items(cluster, PODS, chosen.weft_namespace, CONTROL_PLANE_COMPONENT_LABEL)
    ports = [port for pod in pods if alive(pod) for port in controller_ports(pod)]
    if not ports:
        raise CommandError(
            f"there is no control plane in namespace {chosen.weft_namespace}", hint=CHECK_HINT
        )
    answers = ask_all(cluster, [(port, "/metrics") for port in ports], wait)
    for number, answered in enumerate(answers, 1):
        click.echo(f"#\n# POD {answered.port.pod} ({number} of {len(answers)})")
        click.echo(f"# CONTAINER {answered.port.container}\n#")
        click.echo(body(answered), nl=False)
    _end(answers)


def body(answered: "Answered") -> str:
    """What a port answered, or a comment that says why not."""
    problem = answered.problem or (f"status {answered.status}" if answered.status != 200 else "")
    if problem:
        return f"# ERROR {problem}\n"
    text = answered.body.decode("utf-8", "replace")
    return text if text.endswith("\n") else text + "\n"


def obfuscated(text: str) -> str:
    """Values of labels become hashes, those of harmless ones apart; equal ones stay equal."""
    lines = text.split("\n")  # alone: values may hold the other separators that splitlines() knows
    return "\n".join(one if one.startswith("#") else _LABEL.sub(_hidden, one) for one in lines)


def _hidden(found: re.Match[str]) -> str:
    name, value = found.groups()
    return found[0] if name in HARMLESS or not value else f'{name}="{_hash(value)}"'


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _end(answers: Sequence["Answered"]) -> None:
    if not any(map(_is_good, answers)):
        raise click.exceptions.Exit(1)


def _is_good(answered: "Answered") -> bool:
    return not answered.problem and answered.status == 200
