"""Installs the rules: looks at what is there, then one `iptables-restore` per IP version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.redirect.rules import restore_text

if TYPE_CHECKING:
    from proxy.redirect.flags import Command

_CLOSE_WAIT = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait")


class RedirectError(Exception):
    """The rules could not be installed; the message names the program and what it said."""


def apply(command: Command) -> None:
    """Install for IPv4, and for IPv6 if asked. Raises RedirectError."""
    for version in (4, 6) if command.ipv6 else (4,):
        restore, save = programs(command.firewall, version)
        if version == 4 and command.firewall_save is not None:
            save = command.firewall_save
        present = "" if command.simulate else _run([save, "-t", "nat"])
        text = restore_text(command.redirection, present, version=version)
        if command.simulate:
            sys.stdout.write(f"# {restore} --noflush\n{text}")
        else:
            _run([restore, "--noflush", *(["-w"] if command.wait else [])], text)
    if command.close_wait_timeout is not None and not command.simulate:
        try:
            _CLOSE_WAIT.write_text(f"{command.close_wait_timeout}\n")
        except OSError as error:
            raise RedirectError(f"{_CLOSE_WAIT}: {error.strerror}") from error


def programs(firewall: str, version: int) -> tuple[str, str]:
    """The restoring and the saving companion of a program.

    >>> programs("/usr/sbin/iptables-nft", 6)
    ('/usr/sbin/ip6tables-nft-restore', '/usr/sbin/ip6tables-nft-save')
    """
    folder, slash, name = firewall.rpartition("/")
    if version == 6:
        name = name.replace("iptables", "ip6tables", 1)
    return f"{folder}{slash}{name}-restore", f"{folder}{slash}{name}-save"


def _run(arguments: list[str], text: str = "") -> str:
    try:
        done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RedirectError(f"{arguments[0]}: {error.strerror}") from error
    if done.returncode != 0:
        reason = done.stderr.strip() or f"exit code {done.returncode}"
        raise RedirectError(f"{' '.join(arguments)}: {reason}")
    return done.stdout
