"""The flags `mesh tap` and `mesh top` share."""

import math
from collections.abc import Callable
from typing import Any

import click

from cli.live.question import Filters
from cli.options import Namespace, namespace_option


class Rate(click.FloatRange):
    """Requests a second: more than none, and no more than the tap service takes."""

    name = "rate"

    def __init__(self) -> None:
        super().__init__(min=0, max=1_000_000_000, min_open=True)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """A number within the range, or a failure that names it; NaN is beside every range."""
        rate = float(super().convert(value, param, ctx))
        if math.isnan(rate):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return rate


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The resource and every filter."""
    for option in reversed((
        click.argument("resource", nargs=-1, required=True),
        namespace_option("Namespace of the resource (default: the context's)."),
        click.option("--to", default="", metavar="RESOURCE", help="Only requests to this resource: TYPE or TYPE/NAME."),
        click.option("--to-namespace", type=Namespace(), default=None, metavar="NS", help="Namespace of --to; alone, every request into it."),
        click.option("-l", "--selector", default="", metavar="LABELS", help="Only pods of the resource with these labels: app=web,tier!=cache."),
        click.option("--max-rps", type=Rate(), default=100.0, show_default=True, help="Show at most so many requests a second."),
        click.option("--scheme", type=click.Choice(["http", "https"]), default=None, help="Only requests with this scheme."),
        click.option("--method", default="", metavar="METHOD", help="Only requests with this method."),
        click.option("--authority", default="", metavar="NAME", help="Only requests for exactly this :authority."),
        click.option("--path", default="", metavar="PREFIX", help="Only requests whose path begins with this."),
    )):  # fmt: skip
        command = option(command)
    return command


def read_filters(flags: dict[str, Any]) -> Filters:
    """The filters among a command's flags."""
    return Filters(
        to=flags["to"],
        to_namespace=flags["to_namespace"] or "",
        method=flags["method"],
        scheme=flags["scheme"] or "",
        authority=flags["authority"],
        path=flags["path"],
        max_rps=flags["max_rps"],
        selector=flags["selector"],
    )
