"""The whole sandbox on this host: up, a real Deployment, and down without a trace.

1. up, within its time
2. a Deployment becomes available: its pods are containers with this host's own root
3. it rolls to another template, and scales
4. its Service answers by name from inside a pod, from the host, and from a pod to itself
5. a daemon killed outright is healed by the next up
6. down leaves nothing
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import prerequisites, record, status
from sandbox.node.images import ImageConfig, ImageStore
from sandbox.node.paths import Paths
from sandbox.settings import START_WITHIN, Settings
from sandbox.up import SandboxError, down, leftovers, up

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(prerequisites.missing() is not None, reason=str(prerequisites.missing())),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on the PATH"),
    pytest.mark.timeout(240),
]

IMAGE = "localhost/weft-test/host:1"
SERVE = (
    "import http.server, signal, sys;"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0));"
    "http.server.test(http.server.SimpleHTTPRequestHandler, port=8080, bind='0.0.0.0')"
)


@pytest.fixture
def chosen(tmp_path: Path) -> Iterator[Settings]:
    if record.read_alive(Settings().record) is not None:
        pytest.skip("a sandbox is up on this host")
    found = Settings(run=tmp_path / "run", state=tmp_path / "state", api_port=0)
    images = ImageStore(Paths(state=found.state, run=found.run).images)
    images.add_directory(
        Path("/"),
        IMAGE,
        ImageConfig(
            # The last word is nobody's but this test's: by it its processes are found again.
            entrypoint=("/usr/bin/python3", "-c", SERVE, str(tmp_path)),
            env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",),
            workdir="/etc",
        ),
    )
    yield found
    down(found)


def processes(marked: Path) -> list[int]:
    """Processes on this host with that word in their command line."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(marked).encode() in words:
            found.append(int(directory.name))
    return found


class Kubectl:
    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen

    def __call__(self, *words: str, data: object = None) -> str:
        done = subprocess.run(
            ["kubectl", *words],
            env={**os.environ, "KUBECONFIG": str(self._chosen.kubeconfig)},
            input=None if data is None else json.dumps(data),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def get(self, *words: str) -> Any:
        return json.loads(self("get", *words, "-o", "json"))


def deployment(version: str) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": IMAGE,
        "env": [{"name": "VERSION", "value": version}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/hostname", "port": "http"}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 2},
            },
        },
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}

ASK = """
import sys, time, urllib.request
until, names = time.monotonic() + 10, set()
while len(names) < int(sys.argv[2]) and time.monotonic() < until:
    try:
        names.add(urllib.request.urlopen(sys.argv[1], timeout=3).read().decode().strip())
    except OSError:
        time.sleep(0.05)
print(*sorted(names))
"""


def test_a_real_deployment_from_up_to_down(chosen: Settings, tmp_path: Path) -> None:
    started = up(chosen)
    assert not started.already
    assert started.seconds < START_WITHIN
    assert up(chosen).already
    kubectl = Kubectl(chosen)
    assert kubectl.get("nodes")["items"][0]["metadata"]["name"] == "sandbox"
    assert status.resident(started.daemon.pid) < 150 * 2**20

    both = {"apiVersion": "v1", "kind": "List", "items": [deployment("1"), SERVICE]}
    kubectl("apply", "-f", "-", data=both)
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    kubectl("apply", "-f", "-", data=deployment("2"))
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    kubectl("scale", "deployment/web", "--replicas=3")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    pods = [p for p in kubectl.get("pods")["items"] if "deletionTimestamp" not in p["metadata"]]
    names = sorted(pod["metadata"]["name"] for pod in pods)
    assert len(names) == 3
    assert {p["spec"]["containers"][0]["env"][0]["value"] for p in pods} == {"2"}

    by_name = kubectl("exec", names[0], "--", "python3", "-c", ASK, "http://web/hostname", "3")
    assert by_name.split() == names
    address = kubectl.get("service", "web")["spec"]["clusterIP"]
    from_here = subprocess.run(
        ["python3", "-c", ASK, f"http://{address}/hostname", "3"],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert from_here.stdout.split() == names

    found = status.read(chosen)
    assert found is not None
    assert found.pods is not None
    assert {pod.name for pod in found.pods} >= set(names)

    assert len(processes(tmp_path)) >= 3
    assert down(chosen)
    assert leftovers(chosen) == []
    assert processes(tmp_path) == []
    assert not started.daemon.alive()
    assert not down(chosen)


def test_it_hears_when_it_is_told_to_stop_though_its_parent_would_not(chosen: Settings) -> None:
    """A blocked signal is inherited. One that nobody hears would end in a kill when the time is over."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        daemon = up(chosen).daemon
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    assert down(chosen)
    assert not daemon.alive()
    assert "INFO sandbox: stopping" in chosen.log.read_text()


def test_up_heals_what_a_killed_daemon_left(chosen: Settings) -> None:
    first = up(chosen).daemon
    kubectl = Kubectl(chosen)
    kubectl("apply", "-f", "-", data=deployment("1"))
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    first.signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while first.alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert leftovers(chosen) != []
    second = up(chosen)
    assert not second.already
    assert second.daemon.pid != first.pid
    assert kubectl.get("pods")["items"] == []
    down(chosen)
    assert leftovers(chosen) == []


def test_a_start_that_fails_leaves_nothing_and_says_why(chosen: Settings) -> None:
    chosen.run.mkdir(parents=True)
    (chosen.run / "pki").write_text("in the way")
    with pytest.raises(SandboxError, match=r"did not start: .*pki"):
        up(chosen)
    assert leftovers(chosen) == []
