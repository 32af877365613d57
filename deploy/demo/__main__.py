"""`python -m deploy.demo [--once]`: tell the story; stay until Ctrl-C, or take it down at once."""

from __future__ import annotations

import signal
import sys

import click

from deploy.demo import steps
from deploy.demo.terminal import StepFailed, Terminal
from deploy.images.base import BaseError


@click.command()
@click.option("--once", is_flag=True, help="Take everything down when the story is told.")
def main(*, once: bool) -> None:
    """The whole mesh on this host: install, inject, numbers."""
    terminal = Terminal()
    name = ""
    try:
        for step in steps.STORY:
            name = step.__name__.replace("_", " ")
            step(terminal)
        terminal.say(f"\nThe story took {terminal.elapsed():.0f} s.")
        terminal.say(f"Dashboard:     {terminal.dashboard}")
        terminal.say(f"Vote yourself: {steps.voting_page(terminal)}")
        if not once:
            terminal.say(
                f"kubectl and mesh: export KUBECONFIG={terminal.environment['KUBECONFIG']}\n"
                "Ctrl-C takes it all down."
            )
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        name = "stop cluster"
        terminal.background.close()
        steps.stop_cluster(terminal)
    except (StepFailed, BaseError) as failure:
        terminal.say(f"\n{failure}")
        if once:
            _try_to_stop(terminal)
        sys.exit(f"weft: the demo failed at the step: {name}")
    finally:
        terminal.background.close()


def _try_to_stop(terminal: Terminal) -> None:
    try:
        steps.stop_cluster(terminal)
    except StepFailed as failure:
        terminal.say(str(failure))


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
