"""What the host must have before a sandbox can run, each lack said in one sentence."""

import os
import shutil
from collections.abc import Callable, Mapping

PROGRAMS: Mapping[str, str] = {
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
}
"""Program -> the Debian package that has it."""


def missing(
    uid: int | None = None, which: Callable[[str], str | None] = shutil.which
) -> str | None:
    """The one sentence to refuse with; None when nothing is missing."""
    if (os.geteuid() if uid is None else uid) != 0:
        return "the sandbox makes network namespaces and containers: run it as root"
    lacking = [(program, package) for program, package in PROGRAMS.items() if not which(program)]
    if not lacking:
        return None
    packages = " ".join(dict.fromkeys(package for _, package in lacking))
    programs = ", ".join(program for program, _ in lacking)
    return f"{programs} not found: install with `apt-get install {packages}`"
