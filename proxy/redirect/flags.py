"""The command line of the init container: the flags of Linkerd's proxy-init."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from proxy.redirect.rules import Redirection
from weft import ports
from weft.addresses import parse_networks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Command:
    """What to do, and with which programs."""

    redirection: Redirection
    firewall: str
    """`iptables-nft` or `iptables`; its companions' names are made from it."""
    firewall_save: str | None
    """Prints the present rules for IPv4, when it is not the firewall's companion."""
    ipv6: bool
    simulate: bool
    """Print the rules instead of installing them."""
    wait: bool
    """Wait for other users of the rules instead of failing."""
    close_wait_timeout: int | None
    """Seconds for the kernel's connection tracking to keep half-closed connections."""


def parse(arguments: Sequence[str]) -> Command:
    """Ends the process with a usage message for a flag that cannot be used."""
    given = _parser().parse_args(arguments)
    if given.proxy_uid is None and given.proxy_gid is None:
        _parser().error("--proxy-uid or --proxy-gid is required: else the proxy redirects itself")
    return Command(
        Redirection(
            incoming_port=given.incoming_proxy_port,
            outgoing_port=given.outgoing_proxy_port,
            proxy_uid=given.proxy_uid,
            proxy_gid=given.proxy_gid,
            ports_to_redirect=given.ports_to_redirect,
            inbound_ports_to_ignore=given.inbound_ports_to_ignore,
            outbound_ports_to_ignore=given.outbound_ports_to_ignore,
            subnets_to_ignore=given.subnets_to_ignore,
        ),
        firewall=given.firewall_bin_path,
        firewall_save=given.firewall_save_bin_path,
        ipv6=given.ipv6,
        simulate=given.simulate,
        wait=given.use_wait_flag,
        close_wait_timeout=given.timeout_close_wait_secs or None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proxy.redirect",
        description="Redirect this network namespace's TCP connections to the proxy.",
    )
    add = parser.add_argument
    add("-p", "--incoming-proxy-port", type=_type(ports.parse_port), default=ports.INBOUND)
    add("-o", "--outgoing-proxy-port", type=_type(ports.parse_port), default=ports.OUTBOUND)
    add("-u", "--proxy-uid", type=int, help="user the proxy runs as")
    add("-g", "--proxy-gid", type=int, help="group the proxy runs as")
    port_set = _type(ports.parse_port_set)
    nothing = ports.PortSet()
    add("-r", "--ports-to-redirect", type=port_set, default=nothing, help="inbound; default all")
    add("--inbound-ports-to-ignore", type=port_set, default=nothing, metavar="PORTS")
    add("--outbound-ports-to-ignore", type=port_set, default=nothing, metavar="PORTS")
    add("--subnets-to-ignore", type=_type(parse_networks), default=(), metavar="CIDRS")
    add("--ipv6", type=_type(_flag), nargs="?", const=True, default=True, metavar="true|false")
    add("--firewall-bin-path", default="iptables-nft", metavar="PROGRAM")
    add(
        "--firewall-save-bin-path",
        default=None,
        metavar="PROGRAM",
        help="default: made from the above",
    )
    add("--timeout-close-wait-secs", type=int, default=0, metavar="SECONDS")
    add("--simulate", action="store_true", help="print the rules and install nothing")
    add("-w", "--use-wait-flag", action="store_true", help="wait for the rules' lock")
    add("--log-format", choices=("plain", "json"), default="plain", help="errors are plain text")
    add("--log-level", default="info", help="accepted; there is nothing to log but errors")
    return parser


def _type(parse_text: Callable[[str], T]) -> Callable[[str], T]:
    """argparse shows the message of this error only, and not of others."""

    def parse_argument(text: str) -> T:
        try:
            return parse_text(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_argument


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r}: allowed are true and false")
    return text == "true"
