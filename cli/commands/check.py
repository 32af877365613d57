"""`mesh check`."""

from datetime import UTC, datetime
from typing import Any

import click

from cli.group import MeshCommand
from cli.options import Duration, Globals, current_globals, namespace_option, output_option
from weft.version import VERSION


@click.command(cls=MeshCommand)
@click.option("--pre", is_flag=True, help="Before installing: can this cluster take the mesh?")
@click.option(
    "--crds",
    is_flag=True,
    help="Only the custom resource definitions, before the control plane is there.",
)
@click.option("--proxy", is_flag=True, help="Also the proxies of applications.")
@namespace_option("With --proxy: only the proxies of this namespace.")
@click.option(
    "--wait",
    type=Duration(),
    default="300s",
    show_default=True,
    metavar="DURATION",
    help="How long to wait for what time may heal.",
)
@click.option(
    "--expected-version",
    default=VERSION,
    show_default=True,
    metavar="VERSION",
    help="The version everything should have.",
)
@output_option("table", "short", "json", default="table")
def check(
    pre: bool,
    crds: bool,
    proxy: bool,
    namespace: str | None,
    wait: float,
    expected_version: str,
    output: str,
) -> None:
    """Say whether the mesh works, and what to do if not.

    Each line is a question: √ is well, ‼ a warning, × a failure, with what was found and what to do about
    it. Pods that are starting are waited for. The exit code is 1 if anything failed, 0 otherwise.

    \b
    Examples:
      mesh check --pre
      mesh install --crds | kubectl apply -f - && mesh check --crds
      mesh check --wait 1m
      mesh check --proxy -n emojivoto
      mesh check -o json | jq .success
    """
    if pre and proxy:
        raise click.UsageError(
            "--pre and --proxy exclude each other: there are no proxies before installing"
        )
    if crds and (pre or proxy):
        other = "--pre" if pre else "--proxy"
        raise click.UsageError(
            f"--crds and {other} exclude each other: --crds asks for nothing else"
        )
    from cli.checks.registry import select
    from cli.checks.runner import Pace, run
    from cli.render.progress import Progress

    progress = Progress()
    results = run(
        select(pre=pre, crds=crds, proxy=proxy),
        make_context(current_globals(), namespace, expected_version),
        Pace(wait),
        lambda description, error: progress.show(f"{description}: {error}"),
    )
    if not (
        print_json(results, progress)
        if output == "json"
        else print_table(results, progress, output)
    ):
        raise click.exceptions.Exit(1)


def make_context(chosen: Globals, namespace: str | None, expected_version: str) -> Any:
    """What the checks ask."""
    from cli.checks.context import Context
    from cli.cluster.client import connect

    return Context(
        connect=lambda: connect(chosen),
        weft_namespace=chosen.weft_namespace,
        data_namespace=namespace,
        expected_version=expected_version,
        now=lambda: datetime.now(UTC),
    )


def check_now(chosen: Globals) -> str:
    """The results of every check, proxies included, as JSON; nothing is waited for."""
    from cli.checks.registry import select
    from cli.checks.runner import Pace, run
    from cli.render.check_output import to_json

    return to_json(run(select(proxy=True), make_context(chosen, None, VERSION), Pace(0)))


def print_table(results: Any, progress: Any, output: str) -> bool:
    """Prints each result as it comes; whether all is well."""
    from cli.render.check_output import TableOutput

    table = TableOutput(only_problems=output == "short")
    for result in results:
        progress.clear()
        for line in table.add(result):
            click.echo(line)
    progress.clear()
    for line in table.finish():
        click.echo(line)
    return table.success


def print_json(results: Any, progress: Any) -> bool:
    """Prints all results at the end; whether all is well."""
    from cli.checks.model import Outcome
    from cli.render.check_output import to_json

    found = list(results)
    progress.clear()
    click.echo(to_json(found))
    return all(result.outcome is not Outcome.ERROR for result in found)
