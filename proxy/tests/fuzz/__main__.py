"""Look for bytes that break a target: `make fuzz`, or `python -m proxy.tests.fuzz TARGET [--seconds N]`.

atheris guides the search by the code it reaches. It is installed from a pinned wheel the first time, for this
alone: nobody else needs its 35 MB. What it finds is kept in .build/fuzz/TARGET, crashes as crash-*.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).parents[3]
PLACE = ROOT / ".build/fuzz"
LONGEST = 4_096


def install() -> None:
    """Make atheris importable. Raises ClickException."""
    packages = PLACE / "packages"
    if not (packages / "atheris").exists():
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--no-deps", "--target", str(packages),
            "-r", str(Path(__file__).parent / "requirements.txt"),
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise click.ClickException(f"atheris cannot be installed: {result.stderr[-1000:]}")
    sys.path.insert(0, str(packages))


def _in_turn(seconds: int) -> list[int]:
    """The exit codes of the targets, each in a process of its own: the fuzzer ends the one it runs in."""
    from proxy.tests.fuzz.targets import TARGETS

    ends = []
    for name in TARGETS:
        click.echo(f"== {name}")
        command = [sys.executable, "-m", "proxy.tests.fuzz", name, f"--seconds={seconds}"]
        ends.append(subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode)
    return ends


@click.command()
@click.argument("target", required=False)
@click.option("--seconds", default=60, help="How long to look.", show_default=True)
def main(target: str | None, *, seconds: int) -> None:
    """Fuzz TARGET, or every target one after the other."""
    install()
    if target is None:
        sys.exit(max(_in_turn(seconds)))
    import atheris

    with atheris.instrument_imports(
        include=["proxy.codec", "proxy.detect", "proxy.net", "proxy.inbound"]
    ):
        from proxy.tests.fuzz import targets
    if target not in targets.TARGETS:
        raise click.BadParameter(f"allowed are {', '.join(targets.TARGETS)}", param_hint="TARGET")
    corpus = PLACE / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(targets.seeds()):
        for cut in (6, 31):
            (corpus / f"seed-{number}-{cut}").write_bytes(bytes([cut]) + seed)
    arguments = [
        sys.argv[0], str(corpus), f"-max_total_time={seconds}", f"-max_len={LONGEST}",
        f"-artifact_prefix={corpus}/", "-print_final_stats=1", "-verbosity=1",
    ]  # fmt: skip
    atheris.Setup(arguments, targets.TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
