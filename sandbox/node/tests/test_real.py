"""Runs `real_pods.py` in namespaces of its own, so that it meets no other sandbox on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PREPARE = "mount -t tmpfs tmpfs /run/netns && ip link set lo up && exec"
_RUN = """
import sys
from sandbox.node.own_root import own_root
own_root()
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""
_WITHIN = 110.0


@pytest.mark.root
@pytest.mark.slow
def test_pods_really_run() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    Path("/run/netns").mkdir(exist_ok=True)
    done = subprocess.run(
        [
            *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *("bash", "-c", f'{_PREPARE} "$@"', "bash"),
            *(sys.executable, "-c", _RUN, str(Path(__file__).with_name("real_pods.py"))),
        ],
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
