"""Errors people see.

::

    CommandError        something the user can read and act on: message, hint, exit code
    └── ClusterError    the Kubernetes API could not be reached or said no (cli.cluster.errors)
"""

from typing import IO, Any

import click


class CommandError(click.ClickException):
    """Ends the command with one sentence, and one more that says what to do.

    `hint` is printed on its own indented line; empty means that the message says it all.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        """Writes `Error: ...` to stderr; the program's own traceback is never shown for these."""
        click.echo(f"Error: {self.message}", file=file, err=True)
        if self.hint:
            click.echo(f"  {self.hint}", file=file, err=True)
