"""Letting pods' packets through a host whose firewall forwards nothing by itself.

Docker, for one, sets iptables' FORWARD policy to DROP. An accept in a table of our own would not
outweigh that, so two rules go to the head of FORWARD itself, and are taken away again; where the
policy is ACCEPT nothing is touched.
"""

import shutil

from sandbox.services.commands import run

COMMENT = "weft-sandbox"


def _rules(bridge: str) -> list[list[str]]:
    tail = ["-m", "comment", "--comment", COMMENT, "-j", "ACCEPT"]
    return [[direction, bridge, *tail] for direction in ("-i", "-o")]


def is_closed(listing: str) -> bool:
    """Whether `iptables -S FORWARD` shows a chain that drops what no rule accepts."""
    return listing.startswith("-P FORWARD DROP")


async def allow(bridge: str) -> None:
    """Raises NetworkError when iptables refuses; a host without iptables has nothing to open."""
    if shutil.which("iptables") is None:
        return
    _, listing = await run("iptables", "-w", "-S", "FORWARD", accept=range(256))
    if not is_closed(listing):
        return
    for rule in _rules(bridge):
        missing, _ = await run("iptables", "-w", "-C", "FORWARD", *rule, accept=(0, 1))
        if missing:
            await run("iptables", "-w", "-I", "FORWARD", "1", *rule)


async def withdraw(bridge: str) -> None:
    """Take the rules away, however often they stand there. Never fails for absence."""
    if shutil.which("iptables") is None:
        return
    _, listing = await run("iptables", "-w", "-S", "FORWARD", accept=range(256))
    if COMMENT not in listing:
        return
    for rule in _rules(bridge):
        while (await run("iptables", "-w", "-D", "FORWARD", *rule, accept=range(256)))[0] == 0:
            pass
