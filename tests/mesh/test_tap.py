"""Live requests: within a second of asking, from both sides, to whoever may watch and to nobody else."""

from __future__ import annotations

import json
import struct
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from cli.cluster.client import connect
from cli.options import Globals
from deploy.demo.steps import NAMESPACE
from deploy.demo.terminal import MESH, ROOT
from tests.mesh import pods, workloads
from tests.mesh.screen import screen
from weft import labels
from weftapi.viz import tap_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.mesh.cluster import Cluster
    from tests.mesh.story import Story

PATIENCE = 30.0
START = 3.0
"""The command's own start, on a busy machine, on top of the second until requests are seen."""
DOUGHNUT = "/emojivoto.v1.VotingService/VoteDoughnut"


@contextmanager
def tapping(cluster: Cluster, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*MESH, "tap", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        cwd=ROOT, env=dict(cluster.terminal.environment),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def refused(cluster: Cluster, *arguments: str, kubeconfig: Path | None = None) -> str:
    """What a command that must fail says."""
    environment = dict(cluster.terminal.environment)
    if kubeconfig is not None:
        environment["KUBECONFIG"] = str(kubeconfig)
    result = subprocess.run(
        [*MESH, *arguments], capture_output=True, text=True, cwd=ROOT, env=environment,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert result.returncode == 1, result.stdout + result.stderr
    print(result.stderr)
    return result.stderr


def test_requests_of_both_directions_are_seen_within_a_second(
    demo: Story, installed: Cluster
) -> None:
    began = time.monotonic()
    seen: dict[str, tuple[float, dict[str, str]]] = {}
    with tapping(installed, "deploy/web", "-n", NAMESPACE, "-o", "wide") as process:
        assert process.stdout is not None
        for line in process.stdout:
            word, _, rest = line.partition(" ")
            fields = dict(part.split("=", 1) for part in rest.split() if "=" in part)
            if word == "req":
                seen.setdefault(fields["proxy"] or "in", (time.monotonic() - began, fields))
            if len(seen) == 2 or time.monotonic() - began > PATIENCE:
                break
    for direction, (seconds, fields) in seen.items():
        print(f"{direction}: {seconds:.2f} s after the command began: {fields}")
    assert set(seen) == {"in", "out"}
    inbound, outbound = seen["in"][1], seen["out"][1]
    assert (inbound["tls"], outbound["tls"]) == ("true", "true")
    assert (inbound["src_deployment"], inbound["dst_deployment"]) == ("vote-bot", "web")
    assert outbound["src_deployment"] == "web"
    assert outbound["dst_deployment"] in ("emoji", "voting")
    assert inbound["src_namespace"] == outbound["dst_namespace"] == NAMESPACE
    assert all(seconds < 1.0 + START for seconds, _ in seen.values())


@pytest.mark.parametrize("columns", [80, 160])
def test_top_finds_the_doughnut(demo: Story, installed: Cluster, columns: int) -> None:
    command = [
        *MESH,
        "top",
        "deploy/web",
        "-n",
        NAMESPACE,
        "--to",
        "deploy/voting",
        "--hide-sources",
    ]
    environment = dict(installed.terminal.environment) | {"PYTHONPATH": str(ROOT)}

    def doughnut(picture: list[str]) -> list[str]:
        return [line for line in picture if "VoteDoughnut" in line]

    with screen(command, environment, columns) as shown:
        picture = shown.wait_until(
            "the doughnut's row", lambda found: bool(doughnut(found)), seconds=PATIENCE
        )
        assert shown.press("q") == 0
    print("\n".join(picture))
    hint, heads, *_ = [line for line in picture if line]
    assert hint == "(press q to quit)"
    assert heads.split()[-2:] == ["Success", "Rate"]
    assert all(len(line) <= columns for line in picture)
    (row,) = doughnut(picture)
    assert row.startswith("deploy/voting")
    assert row.endswith("0.00%")
    if columns == 160:
        assert heads.split()[:7] == [
            "Destination",
            "Method",
            "Path",
            "Count",
            "Best",
            "Worst",
            "Last",
        ]
        assert DOUGHNUT in row


@pytest.fixture(scope="module")
def stranger(installed: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of a service account that may do nothing."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "stranger", "namespace": workloads.NAMESPACE}}  # fmt: skip
    installed.apply(account)
    path = tmp_path_factory.mktemp("stranger") / "config"
    path.write_text(json.dumps(installed.kubeconfig_of("stranger", workloads.NAMESPACE)))
    return path


@pytest.mark.parametrize("command", ["tap", "top"])
def test_who_has_no_right_is_told_so(
    demo: Story, installed: Cluster, stranger: Path, command: str
) -> None:
    if command == "top":
        environment = dict(installed.terminal.environment) | {
            "KUBECONFIG": str(stranger), "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        arguments = [*MESH, "top", "deploy/web", "-n", NAMESPACE]
        with screen(arguments, environment, 160) as shown:
            said = shown.wait_end(seconds=PATIENCE)
    else:
        said = refused(installed, "tap", "deploy/web", "-n", NAMESPACE, kubeconfig=stranger)
    assert f"system:serviceaccount:{workloads.NAMESPACE}:stranger" in said
    assert "deployments" in said
    assert "tap.linkerd.io" in said
    assert "kubectl create clusterrolebinding" in said


def test_a_pod_whose_annotation_forbids_it_is_named(installed: Cluster) -> None:
    installed.apply(workloads.http_server("private", {labels.DISABLE_TAP: "true"}))
    pods.await_rollout(installed, workloads.NAMESPACE, "private")
    try:
        said = refused(installed, "tap", "deploy/private", "-n", workloads.NAMESPACE)
    finally:
        installed.kubectl("delete", "deploy/private", "-n", workloads.NAMESPACE)
    assert f"{workloads.NAMESPACE}/private-" in said
    assert f"its annotation {labels.DISABLE_TAP} says no" in said


def test_linkerds_own_protocol(demo: Story, installed: Cluster) -> None:
    """What its command line sends through the API server, and understands."""
    question = tap_pb2.TapByResourceRequest()
    resource = question.target.resource
    resource.namespace, resource.type, resource.name = NAMESPACE, "deployment", "web"
    path = f"/apis/tap.linkerd.io/v1alpha1/watch/namespaces/{NAMESPACE}/deployments/web/tap"
    cluster = connect(Globals(kubeconfig=installed.terminal.environment["KUBECONFIG"]))
    answer = cluster.new_pool().request(
        "POST", cluster.server + path, body=question.SerializeToString(),
        headers=cluster.headers(), preload_content=False, timeout=PATIENCE,
    )  # fmt: skip
    try:
        assert answer.status == 200
        directions = set()
        for _ in range(30):
            (length,) = struct.unpack("<I", _exactly(answer, 4))
            event = tap_pb2.TapEvent.FromString(_exactly(answer, length))
            directions.add(event.proxy_direction)
            assert event.source_meta.labels["namespace"] == NAMESPACE
    finally:
        answer.close()
    assert directions == {tap_pb2.TapEvent.INBOUND, tap_pb2.TapEvent.OUTBOUND}


def _exactly(answer: Any, count: int) -> bytes:
    found = b""
    while len(found) < count:
        data = answer.read(count - len(found))
        assert data, "the answer ended inside a frame"
        found += data
    return found
