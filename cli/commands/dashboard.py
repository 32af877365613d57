"""`mesh dashboard`."""

import contextlib
import webbrowser

import click

from cli.group import MeshCommand
from cli.options import Port, current_globals
from weft.durations import DurationError, parse_go_duration

DEFAULT_PORT = 50750


class Wait(click.ParamType[float]):
    """A duration, in seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds of `5m`, or fails with the rule."""
        if isinstance(value, float):
            return value
        try:
            return parse_go_duration(str(value))
        except DurationError as error:
            self.fail(str(error), param, ctx)


@click.command(cls=MeshCommand)
@click.option(
    "-p",
    "--port",
    type=Port(0),
    default=DEFAULT_PORT,
    show_default=True,
    help="Local port; 0 takes any free one.",
)
@click.option(
    "--address",
    default="localhost",
    show_default=True,
    metavar="HOST",
    help="Local address; only this host's own.",
)
@click.option(
    "--show",
    type=click.Choice(["weft", "url"]),
    default="weft",
    show_default=True,
    help="`weft` opens a browser, `url` only prints where to point one.",
)
@click.option(
    "--wait",
    type=Wait(),
    default="5m",
    show_default=True,
    metavar="TIME",
    help="How long to wait until the web service answers.",
)
def dashboard(port: int, address: str, show: str, wait: float) -> None:
    """Open the dashboard in a browser.

    Serves it on this host until interrupted, and asks the cluster with your own credentials: you see
    what you may `get services/proxy` of in the control plane's namespace, and the live requests of what
    you may tap. Only this host can reach it.

    \b
    Examples:
      mesh dashboard
      mesh dashboard --show url --port 0
    """
    from cli.commands.check import check_now
    from cli.dashboard.listener import listen, url_of
    from cli.dashboard.own import Own
    from cli.dashboard.upstream import connect_upstream, wait_until_there
    from cli.dashboard.watching import TapApi
    from cli.render.progress import Progress

    chosen = current_globals()
    reached = connect_upstream(chosen)
    own = Own()
    if reached.api_server is not None:
        own = Own(TapApi(reached.api_server, chosen.weft_namespace), lambda: check_now(chosen))
    with listen(address, port, reached.web, own) as server:
        progress = Progress()
        progress.show("waiting for the web service")
        try:
            wait_until_there(reached.web, wait)
        finally:
            progress.clear()
        url = url_of(address, server)
        click.echo(f"Weft dashboard available at:\n{url}")
        if show == "weft" and not webbrowser.open(url):
            click.echo("No browser could be opened; open the URL yourself.", err=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.1)
