"""Executables of the PATH as commands, and commands of Linkerd's that there are none of."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.command_table import ABSENT, ABSENT_OF_EXTENSIONS
from cli.tests.run_mesh import mesh

SCRIPT = '#!/bin/sh\necho "$0"\nfor one in "$@"; do echo "[$one]"; done\necho said >&2\nexit 7\n'
ROOT = Path(__file__).resolve().parents[2]
"""The checkout itself, also when Bazel runs a link to this file elsewhere."""


def program(folder: Path, name: str, *, mode: int = 0o755, text: str = SCRIPT) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(text)
    file.chmod(mode)
    return file


def run(path: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """In a process of its own, whose place is taken."""
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("prefix", ["mesh-", "linkerd-"])
def test_a_program_gets_all_that_follows_and_its_end_is_the_commands_end(
    tmp_path: Path, prefix: str
) -> None:
    file = program(tmp_path, f"{prefix}hello")
    ran = run(str(tmp_path), "hello", "--help", "--", "-L", "", "a b")
    assert ran.returncode == 7
    assert ran.stdout.splitlines() == [str(file), "[--help]", "[--]", "[-L]", "[]", "[a b]"]
    assert ran.stderr == "said\n"


def test_global_flags_before_the_name_come_first(tmp_path: Path) -> None:
    program(tmp_path, "mesh-hello")
    flags = ("--context", "a", "-L", "other", "--as-group", "g", "--as-group", "h", "--verbose")
    assert run(str(tmp_path), *flags, "hello", "x").stdout.splitlines()[1:] == [
        f"[{one}]"
        for one in (
            "--context", "a", "--linkerd-namespace", "other", "--as-group", "g", "--as-group", "h", "--verbose", "x",
        )
    ]  # fmt: skip


def test_ours_come_before_linkerds_and_earlier_folders_before_later_ones(tmp_path: Path) -> None:
    program(tmp_path / "first", "linkerd-hello")
    ours = program(tmp_path / "second", "mesh-hello")
    program(tmp_path / "third", "mesh-hello")
    path = os.pathsep.join(str(tmp_path / one) for one in ("first", "second", "third"))
    assert run(path, "hello").stdout.splitlines() == [str(ours)]


def test_commands_of_our_own_are_not_looked_for(tmp_path: Path) -> None:
    program(tmp_path, "mesh-version")
    program(tmp_path, "mesh-viz")
    assert run(str(tmp_path), "version", "--client").stdout.startswith("Client version")
    assert run(str(tmp_path), "viz", "--help").returncode == 0


def test_an_absent_command_may_be_a_program(tmp_path: Path) -> None:
    program(tmp_path, "linkerd-jaeger")
    assert run(str(tmp_path), "jaeger", "check").returncode == 7


@pytest.mark.parametrize("path", [".", "", "relative"])
def test_folders_that_depend_on_where_one_is_do_not_count(tmp_path: Path, path: str) -> None:
    program(tmp_path, "mesh-hello")
    program(tmp_path / "relative", "mesh-hello")
    ran = run(path, "hello", folder=tmp_path)
    assert ran.returncode == 2
    assert "No such command 'hello'" in ran.stderr


@pytest.mark.parametrize("name", ["../hello", "sub/hello", "a.b", " "])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    program(tmp_path / "mesh-", "hello")
    program(tmp_path / "mesh-sub", "hello")
    program(tmp_path, "mesh-a.b")
    ran = run(str(tmp_path), name)
    assert ran.returncode == 2
    assert "No such command" in ran.stderr


def test_what_may_not_be_run_is_no_program(tmp_path: Path) -> None:
    program(tmp_path, "mesh-hello", mode=0o644)
    (tmp_path / "linkerd-hello").mkdir()
    assert run(str(tmp_path), "hello").returncode == 2


def test_what_cannot_be_run_is_named(tmp_path: Path) -> None:
    file = program(tmp_path, "mesh-hello", text="#!/nowhere/interpreter\n")
    ran = run(str(tmp_path), "hello")
    assert ran.returncode == 1
    assert ran.stderr == f"Error: cannot run {file}: No such file or directory\n"


def test_a_mistyped_command_is_still_answered_with_the_nearest(tmp_path: Path) -> None:
    program(tmp_path, "mesh-hello")
    ran = run(str(tmp_path), "chek")
    assert ran.returncode == 2
    assert "Did you mean 'check'?" in ran.stderr


@pytest.mark.parametrize("name", [*ABSENT, *(f"viz {one}" for one in ABSENT_OF_EXTENSIONS["viz"])])
def test_what_there_is_none_of_is_said_with_what_there_is_instead(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    ran = mesh(*name.split(), "--some-flag", "argument")
    assert (ran.code, ran.out) == (1, "")
    first, second = ran.err.splitlines()
    assert first.startswith("Error: ")
    assert second.startswith("  ")


def test_hints_name_pages_that_there_are() -> None:
    said = [*ABSENT.values(), *ABSENT_OF_EXTENSIONS["viz"].values()]
    pages = {word.rstrip(".") for one in said for word in one.instead.split() if "docs/" in word}
    assert pages
    assert [page for page in pages if not (ROOT / page).is_file()] == []


def test_short_names_of_linkerds() -> None:
    assert mesh("dg", "--help").out == mesh("diagnostics", "--help").out.replace(
        "mesh diagnostics [", "mesh dg ["
    )
