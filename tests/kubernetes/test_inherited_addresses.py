"""A pod is gone and another has its address. Clients that have not heard of it talk to nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deploy.demo.steps import NAMESPACE
from tests.kubernetes.cluster import runtime
from tests.mesh import pods, workloads
from weft import labels
from weft.names import CONTROL_PLANE_NAMESPACE, DESTINATION_COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kubernetes.cluster.places import Places
    from tests.mesh.cluster import Cluster
    from tests.mesh.story import Story

NAME = "stranger"
VOTING = "app=voting-svc"
DESTINATION = f"{labels.CONTROL_PLANE_COMPONENT_LABEL}=destination"
WORDS = ("emojivoto.v1.", "VoteDoughnut", "VoteJoy", "PRI * HTTP/2.0", "HTTP/1.1")
TLS_HANDSHAKE = "1603"
PORTS = (4143, 8080)
"""The proxy's port for meshed peers, and the application's."""
_SERVER = """\
import json, socket, sys, threading
def serve(port):
    listener = socket.create_server(("", port))
    while True:
        sock, peer = listener.accept()
        sock.settimeout(3)
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        print(json.dumps({"port": port, "from": peer[0], "data": data.hex()}), flush=True)
        sock.close()
for port in map(int, sys.argv[1:]):
    threading.Thread(target=serve, args=(port,)).start()
print("ready", flush=True)
"""


@pytest.fixture
def unheard(demo: Story, installed: Cluster) -> Iterator[None]:
    """Proxies hear of no change: destination is away. Everything is put back afterwards."""
    try:
        pods.scale(installed, CONTROL_PLANE_NAMESPACE, DESTINATION_COMPONENT, 0)
        pods.await_none(installed, CONTROL_PLANE_NAMESPACE, DESTINATION)
        yield
    finally:
        installed.kubectl("delete", "pod", NAME, "-n", workloads.NAMESPACE, "--ignore-not-found")
        pods.scale(installed, CONTROL_PLANE_NAMESPACE, DESTINATION_COMPONENT, 1)
        pods.scale(installed, NAMESPACE, "voting", 1)
        pods.await_rollout(installed, CONTROL_PLANE_NAMESPACE, DESTINATION_COMPONENT)
        pods.await_rollout(installed, NAMESPACE, "voting")


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("unheard")
@pytest.mark.parametrize("inject", [labels.INJECT_DISABLED, labels.INJECT_ENABLED])
def test_the_new_pod_of_an_address_hears_nothing_meant_for_the_old(
    installed: Cluster, places: Places, inject: str
) -> None:
    """With a proxy of its own or without: it is shown a handshake for another's name, and no word
    of what was meant for that one."""
    old = pods.only(installed, NAMESPACE, VOTING)
    web = pods.only(installed, NAMESPACE, "app=web-svc")
    pods.scale(installed, NAMESPACE, "voting", 0)
    pods.await_none(installed, NAMESPACE, VOTING)
    runtime.next_pod_address(places, old.ip)
    meshed = inject == labels.INJECT_ENABLED
    installed.apply(_stranger(inject, PORTS[1:] if meshed else PORTS))
    installed.kubectl(
        "wait", f"pod/{NAME}", "-n", workloads.NAMESPACE, "--for=condition=Ready", "--timeout=60s"
    )
    found = installed.read("pod", NAME, "-n", workloads.NAMESPACE)
    assert found["status"]["podIP"] == old.ip, "the address was not given again"
    installed.terminal.wait_until(
        "web has tried the address that it knows",
        lambda: bool(_heard(installed, web.ip)),
        seconds=60,
        every=0.5,
    )
    heard = _heard(installed, web.ip)
    print(f"{len(heard)} connections from web to what was voting's address")
    for data in heard:
        assert data.startswith(TLS_HANDSHAKE), data[:80]
        assert [word for word in WORDS if word.encode().hex() in data] == []


def _heard(cluster: Cluster, source: str) -> list[str]:
    """The first bytes of each connection of that pod, in hexadecimal. Behind a proxy of its own the
    stranger sees connections come from its own address."""
    log = cluster.kubectl("logs", NAME, "-n", workloads.NAMESPACE, "-c", NAME)
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    own = cluster.read("pod", NAME, "-n", workloads.NAMESPACE)["status"]["podIP"]
    return [one["data"] for one in lines if one["data"] and one["from"] in (source, own)]


def _stranger(inject: str, ports: tuple[int, ...]) -> dict[str, object]:
    command = ("/usr/bin/python3", "-c", _SERVER, *map(str, ports))
    pod = workloads.pod_template(NAME, command, {labels.INJECT: inject})
    pod["metadata"] |= {"name": NAME, "namespace": workloads.NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", **pod}
