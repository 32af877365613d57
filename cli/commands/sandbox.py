"""`mesh sandbox`: a cluster of one host, without Kubernetes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.failure import CommandError
from cli.group import MeshCommand

if TYPE_CHECKING:
    from sandbox.status import Status

EXIT_DOWN = 1


@click.group()
def sandbox() -> None:
    """Run a cluster of one host, without Kubernetes.

    One daemon speaks the Kubernetes API to kubectl and to the mesh, and runs pods with runc.

    \b
    Examples:
      mesh sandbox up
      export KUBECONFIG=$(mesh sandbox kubeconfig)
      kubectl get nodes
      mesh sandbox down
    """


@sandbox.command(cls=MeshCommand)
def up() -> None:
    """Start the sandbox, or say that it is up already.

    What a crashed sandbox left on this host is removed first.
    """
    from sandbox.settings import Settings
    from sandbox.up import SandboxError
    from sandbox.up import up as start

    chosen = Settings()
    _progress("starting the sandbox ...")
    try:
        started = start(chosen)
    except SandboxError as error:
        raise CommandError(str(error)) from error
    finally:
        _progress("")
    if started.already:
        click.echo(f"sandbox is up already (pid {started.daemon.pid})")
    else:
        click.echo(f"sandbox is up after {started.seconds:.1f} s (pid {started.daemon.pid})")
    click.echo(f"API server   {started.daemon.server}")
    click.echo(f"kubeconfig   {chosen.kubeconfig}")
    click.echo(f"\nTo use it in this shell:\n\n  export KUBECONFIG={chosen.kubeconfig}")


@sandbox.command(cls=MeshCommand)
def down() -> None:
    """Stop the sandbox and everything in it.

    Pods get a few seconds to end. Processes, namespaces, mounts, interfaces and rules are removed,
    also those of a sandbox that crashed. Images stay, for the next start.
    """
    from sandbox.settings import Settings
    from sandbox.up import SandboxError
    from sandbox.up import down as stop

    _progress("stopping the sandbox ...")
    try:
        there = stop(Settings())
    except SandboxError as error:
        raise CommandError(str(error)) from error
    finally:
        _progress("")
    click.echo("sandbox is down" if there else "sandbox was not up")


@sandbox.command(cls=MeshCommand)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
def status(output: str) -> None:
    """Show whether the sandbox is up, what it uses, and its pods. Exits with 1 when it is down."""
    from sandbox.settings import Settings
    from sandbox.status import read

    found = read(Settings())
    if output == "json":
        click.echo(_json(found))
    elif found is None:
        click.echo("sandbox is down")
    else:
        _print(found)
    if found is None:
        sys.exit(EXIT_DOWN)


@sandbox.command(cls=MeshCommand)
@click.option("--raw", is_flag=True, help="Print the file itself instead of its path.")
def kubeconfig(raw: bool) -> None:
    """Print where the kubeconfig of the sandbox is."""
    from sandbox.settings import Settings

    path = Settings().kubeconfig
    if not path.exists():
        raise CommandError("the sandbox is down", hint="start it with `mesh sandbox up`")
    try:
        click.echo(path.read_text() if raw else path, nl=not raw)
    except PermissionError as error:
        raise CommandError(f"{path} may be read by root only") from error


@sandbox.command(cls=MeshCommand)
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--as", "reference", metavar="IMAGE", help="The image's name, where the file says none."
)
def load(files: tuple[Path, ...], reference: str | None) -> None:
    """Load images from OCI archives, Docker archives or OCI layout directories.

    They stay until removed, whether the sandbox is up or not.
    """
    import asyncio

    from sandbox import prerequisites
    from sandbox.node.images import ImageStore
    from sandbox.node.layers import BadLayerError
    from sandbox.node.layouts import BadLayoutError
    from sandbox.node.paths import Paths
    from sandbox.node.process import CommandError as ProgramError
    from sandbox.node.references import InvalidReference
    from sandbox.settings import Settings

    if (lack := prerequisites.missing()) is not None:
        raise CommandError(lack)
    if reference is not None and len(files) > 1:
        raise CommandError("--as names one image, so it goes with one FILE")
    chosen = Settings()
    images = ImageStore(Paths(state=chosen.state, run=chosen.run).images)
    for file in files:
        _progress(f"loading {file} ...")
        try:
            loaded = asyncio.run(images.load(file, reference))
        except (BadLayerError, BadLayoutError, InvalidReference, ProgramError, OSError) as error:
            raise CommandError(f"{file}: {error}") from error
        finally:
            _progress("")
        for image in loaded:
            click.echo(f"loaded {image.reference}")


def _progress(text: str) -> None:
    """One line on a terminal's stderr, overwritten by the next; nothing in a pipe."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)


def _print(found: "Status") -> None:
    click.echo(f"sandbox is up, pid {found.daemon.pid}, for {_duration(found.uptime)}")
    click.echo(f"API server   {found.daemon.server}")
    click.echo(f"memory       {found.memory / 2**20:.0f} MB")
    if found.pods is None:
        click.echo("pods         the API server does not answer")
        return
    click.echo(f"pods         {len(found.pods)}")
    if not found.pods:
        return
    rows = [("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS")]
    rows += [
        (p.namespace, p.name, f"{p.ready}/{p.containers}", p.phase, str(p.restarts))
        for p in found.pods
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    click.echo()
    for row in rows:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _json(found: "Status | None") -> str:
    import json
    from dataclasses import asdict

    shown = {"up": False} if found is None else {"up": True, **asdict(found)}
    return json.dumps(shown, indent=2)
