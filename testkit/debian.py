"""Programs of Debian that only tests use: installed when a test first needs one.

They are not in deploy/packages.txt, so that whoever only runs the demo does not fetch them.
"""

import os
import shutil
import subprocess


class NotInstalled(Exception):
    """The program is not there and could not be installed; the message says why."""


def program(name: str, package: str = "") -> str:
    """The path of a program, from the package of its own name if none is given. Raises NotInstalled.

    Only root may install; a machine that has the program already needs no network.
    """
    found = shutil.which(name)
    if found is None:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {package or name}"
        result = subprocess.run(
            ["sh", "-c", install], env=environment, capture_output=True, text=True, check=False
        )
        found = shutil.which(name)
        if found is None:
            raise NotInstalled(f"apt-get cannot install {package or name}: {result.stderr[-1000:]}")
    return found
