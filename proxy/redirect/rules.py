"""The redirection rules, as text for `iptables-restore --noflush`.

Chains, order and comments are proxy-init's, so that tools that know Linkerd's rules know these.

Restoring names both chains, which empties them if they exist, and fills them anew in the same
transaction: installing twice leaves the same rules. The two jumps into the chains live in chains
that belong to everybody; they are added only if a look at the present rules does not show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weft.ports import PortRange, PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weft.addresses import IPNetwork

REDIRECT_CHAIN = "PROXY_INIT_REDIRECT"
OUTPUT_CHAIN = "PROXY_INIT_OUTPUT"

NO_PORTS = PortSet()

MAX_PORTS_PER_RULE = 15
"""What the multiport match takes; a range counts twice."""


@dataclass(frozen=True, slots=True)
class Redirection:
    """What goes to the proxy, and what does not."""

    incoming_port: int
    outgoing_port: int
    proxy_uid: int | None = None
    """The proxy's own connections are left alone: by user, by group, or by both."""
    proxy_gid: int | None = None
    ports_to_redirect: PortSet = NO_PORTS
    """Inbound ports to redirect; empty means all."""
    inbound_ports_to_ignore: PortSet = NO_PORTS
    outbound_ports_to_ignore: PortSet = NO_PORTS
    subnets_to_ignore: tuple[IPNetwork, ...] = ()
    """Connections from these addresses reach the application directly."""


def restore_text(redirection: Redirection, present: str, *, version: int = 4) -> str:
    """Input for `iptables-restore --noflush`.

    `present` is what `iptables-save -t nat` prints; `version` 6 is for `ip6tables-restore`.
    """
    lines = ["*nat", f":{REDIRECT_CHAIN} - [0:0]", f":{OUTPUT_CHAIN} - [0:0]"]
    lines += _incoming(redirection, version)
    if not _jumps(present, "PREROUTING", REDIRECT_CHAIN):
        lines.append(_rule("PREROUTING", f"-j {REDIRECT_CHAIN}", "install-proxy-init-prerouting"))
    lines += _outgoing(redirection)
    if not _jumps(present, "OUTPUT", OUTPUT_CHAIN):
        lines.append(_rule("OUTPUT", f"-j {OUTPUT_CHAIN}", "install-proxy-init-output"))
    lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def _incoming(redirection: Redirection, version: int) -> Iterator[str]:
    yield from _ignored(REDIRECT_CHAIN, redirection.inbound_ports_to_ignore)
    for subnet in redirection.subnets_to_ignore:
        if subnet.version == version:
            yield _rule(REDIRECT_CHAIN, f"-s {subnet} -j RETURN", f"ignore-subnet-{subnet}")
    to_proxy = f"-j REDIRECT --to-ports {redirection.incoming_port}"
    if not redirection.ports_to_redirect:
        yield _rule(REDIRECT_CHAIN, f"-p tcp {to_proxy}", "redirect-all-incoming-to-proxy-port")
    for ports in _groups(redirection.ports_to_redirect):
        yield _rule(
            REDIRECT_CHAIN,
            f"-p tcp -m multiport --dports {ports} {to_proxy}",
            f"redirect-port-{ports}-to-proxy-port",
        )


def _outgoing(redirection: Redirection) -> Iterator[str]:
    if redirection.proxy_uid is not None:
        owner = f"-m owner --uid-owner {redirection.proxy_uid}"
        yield _rule(OUTPUT_CHAIN, f"{owner} -j RETURN", "ignore-proxy-user-id")
    if redirection.proxy_gid is not None:
        owner = f"-m owner --gid-owner {redirection.proxy_gid}"
        yield _rule(OUTPUT_CHAIN, f"{owner} -j RETURN", "ignore-proxy-group-id")
    yield _rule(OUTPUT_CHAIN, "-o lo -j RETURN", "ignore-loopback")
    yield from _ignored(OUTPUT_CHAIN, redirection.outbound_ports_to_ignore)
    yield _rule(
        OUTPUT_CHAIN,
        f"-p tcp -j REDIRECT --to-ports {redirection.outgoing_port}",
        "redirect-all-outgoing-to-proxy-port",
    )


def _ignored(chain: str, ports_to_ignore: PortSet) -> Iterator[str]:
    for ports in _groups(ports_to_ignore):
        yield _rule(
            chain, f"-p tcp -m multiport --dports {ports} -j RETURN", f"ignore-port-{ports}"
        )


def _groups(ports: PortSet) -> Iterator[str]:
    """Ports as multiport writes them, in as many rules as its limit asks for."""
    group: list[str] = []
    size = 0
    for one in ports.ranges:
        cost = 1 if one.first == one.last else 2
        if size + cost > MAX_PORTS_PER_RULE:
            yield ",".join(group)
            group, size = [], 0
        group.append(_port(one))
        size += cost
    if group:
        yield ",".join(group)


def _port(ports: PortRange) -> str:
    return str(ports.first) if ports.first == ports.last else f"{ports.first}:{ports.last}"


def _rule(chain: str, what: str, comment: str) -> str:
    return f'-A {chain} {what} -m comment --comment "proxy-init/{comment}"'


def _jumps(present: str, chain: str, target: str) -> bool:
    return any(
        line.startswith(f"-A {chain} ")
        and f"-j {target}" in line.split('"')[0] + line.split('"')[-1]
        for line in present.splitlines()
    )
