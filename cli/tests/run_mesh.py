"""Runs `mesh` in this process, as a shell would."""

from dataclasses import dataclass

from click.testing import CliRunner

from cli.main import build


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


def mesh(*arguments: str, stdin: str | bytes = "", env: dict[str, str] | None = None) -> Ran:
    """One run; an exception that is no message for people is raised."""
    result = CliRunner().invoke(
        build(), list(arguments), input=stdin, prog_name="mesh", env=env, catch_exceptions=False
    )
    return Ran(result.exit_code, result.stdout, result.stderr)
