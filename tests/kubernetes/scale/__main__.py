"""`python -m tests.kubernetes.scale [PODS]`: measure, and write the page. 200 pods when not said.

Starts the one-node cluster unless one runs, and installs the mesh unless it is there.
WEFT_SCALE_SECONDS is how long the sleepers may take to grow (900): the page says what was reached.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tests.kubernetes.cluster.build import KUBERNETES_VERSION
from tests.kubernetes.scale.measuring import measure
from tests.kubernetes.scale.page import PATH, render
from tests.mesh import choose, story, workloads

MOST_PODS = 230
"""The kubelet allows 250, the control plane and DNS among them."""


def main() -> None:
    wanted = _whole("PODS", sys.argv[1] if len(sys.argv) > 1 else "200", MOST_PODS)
    patience = _whole("WEFT_SCALE_SECONDS", os.environ.get("WEFT_SCALE_SECONDS", "900"), 86_400)
    with choose.chosen("kubernetes") as cluster:
        story.install(cluster)
        workloads.delete_namespace(cluster, wait=True)
        try:
            figures = measure(cluster, wanted, patience)
        finally:
            workloads.delete_namespace(cluster, wait=False)
    PATH.write_text(render(figures, KUBERNETES_VERSION, _machine()))
    print(f"{figures.pods} pods, ready after {figures.steps[-1].seconds:.0f} s: {PATH}")


def _whole(name: str, text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        sys.exit(f"{name} is {text!r}: allowed are whole numbers from 1 to {most}")
    return int(text)


def _machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    assert memory, "Linux says how much memory it has"
    cpu = f"{os.cpu_count()} × {model[1]}" if model else f"{os.cpu_count()} cores"
    return f"The machine: {cpu}, {int(memory[1]) / 1024**2:.0f} GiB"


if __name__ == "__main__":
    main()
