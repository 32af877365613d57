"""Programs of Debian that only tests use: installed when a test first needs one.

They are not in deploy/packages.txt, so that whoever only runs the demo does not fetch them.
"""

import fcntl
import os
import shutil
import subprocess

_LOCK = "/run/lock/weft-debian"
"""Tests that run at the same time would find apt-get's own locks taken."""


class NotInstalled(Exception):
    """The program is not there and could not be installed; the message says why."""


def program(name: str, package: str = "") -> str:
    """The path of a program, from the package of its own name if none is given. Raises NotInstalled.

    Only root may install; a machine that has the program already needs no network.
    """
    found = shutil.which(name)
    if found is not None:
        return found
    with open(_LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = shutil.which(name)
        if found is None:
            _install(package or name)
            found = shutil.which(name)
    if found is None:
        raise NotInstalled(f"package {package or name} has no program {name}")
    return found


def _install(package: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {package}"
    result = subprocess.run(
        ["sh", "-c", install], env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise NotInstalled(f"apt-get cannot install {package}: {result.stderr[-1000:]}")
