"""The flags of the commands that ask the destination service."""

from collections.abc import Callable
from typing import Any

import click


def destination_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which pod to ask, and on whose behalf."""
    for option in reversed((
        click.option("--destination-pod", default="", metavar="POD", help="Ask this pod of the destination service."),
        click.option("--token", default="", metavar="TOKEN", help='Ask as the proxy with this context token, e.g. {"ns":"emojivoto"}.'),
    )):  # fmt: skip
        command = option(command)
    return command
