"""`mesh completion`: the script a shell needs to complete commands and flags."""

import click
from click.shell_completion import get_completion_class

from cli.failure import CommandError
from cli.group import MeshCommand

VARIABLE = "_MESH_COMPLETE"


@click.command(cls=MeshCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      mesh completion bash > /etc/bash_completion.d/mesh
      source <(mesh completion zsh)
      mesh completion fish > ~/.config/fish/completions/mesh.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise CommandError(f"completion for {shell} is not available")
    program = click.get_current_context().find_root().command
    click.echo(kind(program, {}, "mesh", VARIABLE).source())
