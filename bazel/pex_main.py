"""Lay out a program's sources and hand them to pex with the wheels of the virtual environment.

`pex_main.py FILES OUT ENVIRONMENT MODULE WHEEL...`, where FILES lists `path<tab>path inside`.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main(listing: str, out: str, environment: str, module: str, *wheels: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder) / "sources"
        for line in Path(listing).read_text().splitlines():
            path, inside = line.split("\t")
            target = sources / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        command = [
            sys.executable, "-m", "pex", "--venv-repository", environment, "-D", str(sources),
            *wheels, "-m", module, "-o", out, "--python-shebang", "/usr/bin/env python3",
            "--sh-boot", "--venv", "--pex-root", f"{folder}/root", "--runtime-pex-root", "~/.cache/weft/pex",
        ]  # fmt: skip
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
