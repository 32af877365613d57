"""The flags every command understands, and the flags several commands share.

The global flags may stand before or after the command (`mesh --context a check`,
`mesh check --context a`): `add_global_flags` puts the same options on the program and on each command
when it is loaded, and all of them write to one `Globals` value, read with `current_globals`.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

from weft.durations import DurationError, parse_go_duration
from weft.ports import MAX_PORT

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
HOST_PORT = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
NAMESPACE_VARIABLE = "WEFT_NAMESPACE"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Globals:
    """What the global flags say; a command reads it once and passes on what it needs."""

    kubeconfig: str | None = None
    """Path of the kubeconfig; None follows $KUBECONFIG and ~/.kube/config."""
    context: str | None = None
    weft_namespace: str = "weft"
    """Where the control plane lives."""
    impersonate: str | None = None
    impersonate_groups: tuple[str, ...] = ()
    api_addr: str | None = None
    """`host:port` of Weft's web API, reached directly instead of through the API server."""
    verbose: bool = False


def current_globals() -> Globals:
    """The global flags of the command being run."""
    found = click.get_current_context().find_root().obj
    return found if isinstance(found, Globals) else default_globals()


def default_globals() -> Globals:
    """The global flags when none is given: the namespace may come from $WEFT_NAMESPACE."""
    namespace = os.environ.get(NAMESPACE_VARIABLE, "")
    if not namespace:
        return Globals()
    if not DNS_LABEL.fullmatch(namespace):
        raise click.UsageError(f"${NAMESPACE_VARIABLE} is {namespace!r}: {NAMESPACE_RULE}")
    return Globals(weft_namespace=namespace)


NAMESPACE_RULE = "a namespace is at most 63 lower-case letters, digits and '-', and begins and ends with a letter or digit"


class Namespace(click.ParamType[str]):
    """The name of a namespace (a DNS-1123 label)."""

    name = "namespace"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the name unchanged, or fails with the rule."""
        if not DNS_LABEL.fullmatch(str(value)):
            self.fail(f"{value!r} is not a namespace: {NAMESPACE_RULE}", param, ctx)
        return str(value)


class Port(click.IntRange):
    """A port's number."""

    name = "port"

    def __init__(self, least: int = 1) -> None:
        super().__init__(least, MAX_PORT)


class HostPort(click.ParamType[str]):
    """`host:port`; IPv6 addresses stand in brackets."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the address unchanged, or fails naming the form."""
        text = str(value)
        if not HOST_PORT.fullmatch(text) or not 0 < int(text.rpartition(":")[2]) < 65536:
            self.fail(f"{value!r} is not of the form host:port", param, ctx)
        return text


class Duration(click.ParamType[float]):
    """A duration such as 300s or 1h30m, in seconds."""

    name = "duration"

    def __init__(self, *, positive: bool = False) -> None:
        """`positive`: nothing at all is no answer."""
        self._positive = positive

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds, or a failure that names the form."""
        if isinstance(value, float):
            return value
        try:
            seconds = parse_go_duration(str(value))
        except DurationError as error:
            self.fail(str(error), param, ctx)
        if self._positive and not seconds:
            self.fail("allowed are durations above 0, such as 10m", param, ctx)
        return seconds


class GlobalOption(click.Option):
    """An option whose value goes into `Globals` instead of the command's arguments."""

    def __init__(self, field: str, *declarations: str, **attributes: Any) -> None:
        super().__init__(
            [*declarations, f"global_{field}"],
            expose_value=False,
            callback=self._store,
            default=None,
            **attributes,
        )
        self.field = field

    def _store(self, ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        root = ctx.find_root()
        if not isinstance(root.obj, Globals):
            root.obj = default_globals()
        if value in (None, ()):
            return
        root.obj = replace(root.obj, **{self.field: value})


def global_flags() -> list[GlobalOption]:
    """Fresh options for one command, in the order help shows them."""
    return [
        GlobalOption("kubeconfig", "--kubeconfig", metavar="FILE", help="Kubeconfig to use instead of $KUBECONFIG or ~/.kube/config."),
        GlobalOption("context", "--context", metavar="NAME", help="Context of the kubeconfig to use."),
        GlobalOption("weft_namespace", "-L", "--weft-namespace", "--linkerd-namespace", type=Namespace(), metavar="NS", help=f"Namespace of the control plane (default weft, or ${NAMESPACE_VARIABLE})."),
        GlobalOption("impersonate", "--as", metavar="USER", help="User to impersonate for every request."),
        GlobalOption("impersonate_groups", "--as-group", multiple=True, metavar="GROUP", help="Group to impersonate; may be repeated."),
        GlobalOption("api_addr", "--api-addr", type=HostPort(), metavar="HOST:PORT", help="Reach Weft's web API at this address, not through the API server."),
        GlobalOption("verbose", "--verbose", is_flag=True, flag_value=True, help="Say more on stderr."),
    ]  # fmt: skip


def given_globals() -> list[str]:
    """The global flags of this run that say something, as another program takes them.

    Where a flag has several names it is the last one, which Linkerd's programs know as well.
    """
    chosen, default = current_globals(), default_globals()
    found: list[str] = []
    for flag in global_flags():
        value = getattr(chosen, flag.field)
        if value == getattr(default, flag.field):
            continue
        for one in value if isinstance(value, tuple) else (value,):
            found += [flag.opts[-1]] if flag.is_flag else [flag.opts[-1], str(one)]
    return found


def add_global_flags(command: click.Command) -> None:
    """Gives `command` the global flags, except those whose spelling it already uses itself."""
    taken = {spelling for param in command.params for spelling in param.opts}
    if any(isinstance(param, GlobalOption) for param in command.params):
        return
    command.params.extend(flag for flag in global_flags() if not taken.intersection(flag.opts))


def output_option(*formats: str, default: str) -> Callable[[F], F]:
    """`-o/--output` with the formats a command knows."""
    return click.option(
        "-o", "--output", "output", type=click.Choice(formats), default=default, show_default=True,
        help="Format of what goes to stdout.",
    )  # fmt: skip


def namespace_option(help_text: str) -> Callable[[F], F]:
    """`-n/--namespace`; None when not given."""
    return click.option(
        "-n", "--namespace", "namespace", type=Namespace(), default=None, metavar="NS", help=help_text
    )  # fmt: skip
