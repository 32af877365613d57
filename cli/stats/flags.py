"""Flags that several commands of the stats API have, and which of them contradict each other."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from cli.options import namespace_option
from cli.resources import ALL, NAMESPACE, ResourceError, Target, parse_target
from weft.durations import DurationError, parse_go_duration

F = TypeVar("F", bound=Callable[..., Any])

MIN_WINDOW = 15.0


class Window(click.ParamType[float]):
    """A duration of at least 15s, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds of `1m30s`, or fails with the rule."""
        if isinstance(value, float):
            return value
        try:
            seconds = parse_go_duration(str(value))
        except DurationError as error:
            self.fail(str(error), param, ctx)
        if seconds < MIN_WINDOW:
            self.fail(f"{value} is too short: at least 15s, which is three scrapes", param, ctx)
        return seconds


def where_options(command: F) -> F:
    """`-n` and `-A`."""
    everywhere = click.option(
        "-A", "--all-namespaces", is_flag=True, help="Resources of all namespaces."
    )
    own = namespace_option("Namespace of the resources (default: the kubeconfig's, else default).")
    return own(everywhere(command))


window_option = click.option(
    "-t",
    "--time-window",
    "window",
    type=Window(),
    default="1m",
    show_default=True,
    metavar="TIME",
    help="How far back traffic counts: from 15s to 10m, or 24h where a Prometheus answers.",
)

selector_option = click.option(
    "-l",
    "--selector",
    default="",
    metavar="QUERY",
    help="Only resources with these labels: app=web,tier!=cache,env in (a,b).",
)


def check_where(targets: Sequence[Target], namespace: str | None, all_namespaces: bool) -> None:
    """Refuses -n and -A where they contradict each other or the resources. Raises ResourceError."""
    if all_namespaces and namespace is not None:
        raise ResourceError("--all-namespaces and --namespace do not go together")
    if any(target.kind == NAMESPACE for target in targets) and namespace is not None:
        raise ResourceError(
            "--namespace does not go with namespaces: name them, as in ns/emojivoto"
        )
    named = next((target for target in targets if target.name and target.kind != NAMESPACE), None)
    if named is not None and all_namespaces:
        raise ResourceError(
            f"{named.kind}/{named.name} is in one namespace: give it with --namespace, "
            "not --all-namespaces"
        )


def resource_of(target: Target, home: str) -> dict[str, str]:
    """A Resource as the API writes it. `home` is its namespace; empty: all."""
    found = {"kind": target.kind, "name": target.name}
    if target.kind != NAMESPACE:
        found["namespace"] = home
    return found


def peer(flag: str, text: str | None, namespace: str | None, home: str) -> dict[str, str] | None:
    """The resource at the other end, as the API writes it. Raises ResourceError."""
    if text is None:
        return None if namespace is None else {"kind": NAMESPACE, "name": namespace}
    target = parse_target(text)
    if target.kind == ALL:
        raise ResourceError(f"{flag} takes one kind of resource, not {ALL!r}")
    if target.kind == NAMESPACE:
        if namespace is not None:
            raise ResourceError(f"{flag}-namespace does not go with {flag} {text}")
        return {"kind": NAMESPACE, "name": target.name}
    return {"kind": target.kind, "namespace": namespace or home, "name": target.name}
