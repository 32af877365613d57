"""The program itself: what it imports, what it suggests, where global flags may stand."""

import importlib
import os
import subprocess
import sys

import click
import pytest

from cli.command_table import COMMANDS, EXTENSIONS
from cli.main import build
from cli.options import GlobalOption, Globals, current_globals
from cli.tests.run_mesh import mesh
from weft.version import VERSION

HEAVY = ("kubernetes", "pydantic", "cryptography", "yaml", "urllib3", "rich", "aiohttp", "httpx")


def test_the_version_needs_nothing_heavy() -> None:
    """Times differ between machines; what is imported does not."""
    program = (
        "import sys; sys.argv = ['mesh', 'version', '--client']\n"
        "from cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "print(code, *(name for name in sys.modules if '.' not in name))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    first, second = ran.stdout.splitlines()
    assert first == f"Client version: {VERSION}"
    code, *imported = second.split()
    assert code == "0"
    assert [name for name in HEAVY if name in imported] == []


def test_output_is_utf_8_whatever_the_locale_says() -> None:
    """Manifests are, and a terminal that lacks a sign is no reason to stop half-way."""
    manifest = "kind: Pod\nmetadata: {name: café √}\nspec: {containers: [{name: a}]}\n"
    program = "import sys; sys.argv = ['mesh', 'inject', '-']; from cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", program], input=manifest.encode(), capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr.decode()) == (0, '\npod "café √" injected\n\n')
    assert "name: café √\n" in ran.stdout.decode()


def test_every_command_of_the_table_exists_and_helps() -> None:
    for name, entry in COMMANDS.items():
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command), name
        ran = mesh(name, "--help")
        assert ran.code == 0
        assert "--kubeconfig" in ran.out
        assert entry.help.endswith(".")


def test_help_lists_every_command_without_importing_it() -> None:
    ran = mesh("--help")
    for name, entry in COMMANDS.items():
        assert f"  {name} " in ran.out
        assert entry.help[:40] in ran.out


def test_extension_names_are_aliases() -> None:
    for extension, names in EXTENSIONS.items():
        for name in names:
            assert mesh(extension, name, "--help").code == 0


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (("vesion",), "Did you mean 'version'?"),
        (("viz", "chek"), "Did you mean 'check'?"),
        (("version", "--clientt"), "'--client'"),
        (("check", "--contxt", "x"), "'--context'"),
        (("--kubecnfig", "x", "version"), "'--kubeconfig'"),
    ],
)
def test_typos_are_answered_with_what_was_meant(
    arguments: tuple[str, ...], suggestion: str
) -> None:
    ran = mesh(*arguments)
    assert ran.code == 2
    assert suggestion in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-L", "Weft", "version"), "'Weft' is not a namespace"),
        (("version", "-L", "a_b"), "'a_b' is not a namespace"),
        (("version", "--api-addr", "host"), "'host' is not of the form host:port"),
        (("version", "--api-addr", "host:0"), "'host:0' is not of the form host:port"),
        (("check", "-n", "x" * 64), "is not a namespace"),
        (("check", "--pre", "--proxy"), "--pre and --proxy exclude each other"),
        (("check", "--crds", "--proxy"), "--crds and --proxy exclude each other"),
        (("check", "--wait", "soon"), "'soon' is not a duration"),
        (("install", "--crds", "--skip-crds"), "leave nothing to print"),
        (("completion", "tcsh"), "tcsh"),
    ],
)
def test_unusable_flags_are_named(arguments: tuple[str, ...], said: str) -> None:
    ran = mesh(*arguments)
    assert ran.code == 2
    assert said in ran.err


def test_a_wrong_namespace_in_the_environment_is_named() -> None:
    ran = mesh("check", env={"WEFT_NAMESPACE": "Bad"})
    assert ran.code == 2
    assert "$WEFT_NAMESPACE is 'Bad'" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("-L", "a", "--context", "c", "--as", "u", "--as-group", "g", "--verbose", "show"),
        ("show", "-L", "a", "--context", "c", "--as", "u", "--as-group", "g", "--verbose"),
        (
            "-L",
            "b",
            "--context",
            "c",
            "show",
            "--linkerd-namespace",
            "a",
            "--as",
            "u",
            "--as-group",
            "g",
            "--verbose",
        ),
    ],
)
def test_global_flags_may_stand_before_and_after_the_command(arguments: tuple[str, ...]) -> None:
    from click.testing import CliRunner

    from cli.options import add_global_flags

    seen: list[Globals] = []

    @click.command()
    def show() -> None:
        seen.append(current_globals())

    add_global_flags(show)
    program = build()
    program.add_command(show)
    result = CliRunner().invoke(program, list(arguments), prog_name="mesh")
    assert result.exit_code == 0, result.output
    assert seen == [
        Globals(
            context="c",
            weft_namespace="a",
            impersonate="u",
            impersonate_groups=("g",),
            verbose=True,
        )
    ]


def test_a_command_keeps_a_flag_it_spells_itself() -> None:
    from cli.options import add_global_flags

    @click.command()
    @click.option("--verbose", type=int)
    def own(verbose: int) -> None:
        click.echo(verbose)

    add_global_flags(own)
    assert [param.opts for param in own.params if isinstance(param, GlobalOption)].count(
        ["--verbose"]
    ) == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    ran = mesh("completion", shell)
    assert ran.code == 0
    assert "_MESH_COMPLETE" in ran.out


def test_completion_knows_commands_and_flags() -> None:
    environment = {"_MESH_COMPLETE": "bash_complete", "COMP_WORDS": "mesh ver", "COMP_CWORD": "1"}
    from click.testing import CliRunner

    result = CliRunner().invoke(build(), [], prog_name="mesh", env=environment)
    assert "plain,version" in result.output


def test_an_unavailable_control_plane_is_no_error(tmp_path: object) -> None:
    ran = mesh("version", "--kubeconfig", f"{tmp_path}/none")
    assert (ran.code, ran.out) == (0, f"Client version: {VERSION}\nServer version: unavailable\n")
