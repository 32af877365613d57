"""A pod is gone and another has its address. Clients that have not heard of it talk to nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deploy.demo.steps import NAMESPACE
from tests.kubernetes.cluster import runtime
from tests.mesh import network, outages, pods, workloads
from tests.mesh.load import pod as load
from weft import labels
from weft.names import DESTINATION_COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kubernetes.cluster.places import Places
    from tests.mesh.cluster import Cluster
    from tests.mesh.load.pod import Load
    from tests.mesh.story import Story

NAME = "stranger"
VOTING = "app=voting-svc"
WORDS = ("emojivoto.v1.", "VoteDoughnut", "VoteJoy", "PRI * HTTP/2.0", "HTTP/1.1")
TLS_HANDSHAKE = "1603"
ENOUGH = 3
"""Connections that are looked at."""
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
def asking(demo: Story, installed: Cluster) -> Iterator[Load]:
    """Somebody who asks voting all the time, and so tries whatever its proxy knows."""
    with load.running(installed, "voting=20") as running:
        yield running


@pytest.fixture
def unheard(asking: Load, installed: Cluster) -> Iterator[None]:
    """Proxies hear of no change: destination is away. Everything is put back afterwards."""
    try:
        with outages.down(installed, DESTINATION_COMPONENT):
            yield
    finally:
        installed.kubectl("delete", "pod", NAME, "-n", workloads.NAMESPACE, "--ignore-not-found")
        pods.scale(installed, NAMESPACE, "voting", 1)


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("unheard")
@pytest.mark.parametrize("inject", [labels.INJECT_DISABLED, labels.INJECT_ENABLED])
def test_the_new_pod_of_an_address_hears_nothing_meant_for_the_old(
    installed: Cluster, asking: Load, places: Places, inject: str
) -> None:
    """With a proxy of its own or without: it is shown a handshake for another's name, and no word
    of what was meant for that one."""
    old = pods.only(installed, NAMESPACE, VOTING)
    asker = pods.only(installed, workloads.NAMESPACE, f"app={load.NAME}")
    pods.scale(installed, NAMESPACE, "voting", 0)
    pods.await_none(installed, NAMESPACE, VOTING)
    before = asking.read()
    runtime.next_pod_address(places, old.ip)
    meshed = inject == labels.INJECT_ENABLED
    installed.apply(_stranger(inject, PORTS[1:] if meshed else PORTS))
    installed.kubectl(
        "wait", f"pod/{NAME}", "-n", workloads.NAMESPACE, "--for=condition=Ready", "--timeout=60s"
    )
    stranger = pods.only(installed, workloads.NAMESPACE, f"app={NAME}")
    assert stranger.ip == old.ip, "the address was not given again"
    network.forget_neighbour(network.find(asker.ip), stranger.ip)
    # Behind a proxy of its own the stranger sees connections come from its own address.
    sources = {asker.ip, stranger.ip}
    installed.terminal.wait_until(
        "the asker's proxy has tried the address that it knows",
        lambda: len(_heard(installed, sources)) >= ENOUGH,
        seconds=60,
        every=0.5,
    )
    heard = _heard(installed, sources)
    span = asking.since(before)
    print(f"{len(heard)} connections to what was voting's address; requests: {span}")
    for data in heard:
        assert data.startswith(TLS_HANDSHAKE), data[:80]
        assert [word for word in WORDS if word.encode().hex() in data] == []
    assert span.answered == 0
    assert span.failed > 0


def _heard(cluster: Cluster, sources: set[str]) -> list[str]:
    """The first bytes of each connection from there, in hexadecimal."""
    log = cluster.kubectl("logs", NAME, "-n", workloads.NAMESPACE, "-c", NAME)
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [one["data"] for one in lines if one["data"] and one["from"] in sources]


def _stranger(inject: str, ports: tuple[int, ...]) -> dict[str, object]:
    command = ("/usr/bin/python3", "-c", _SERVER, *map(str, ports))
    pod = workloads.pod_template(NAME, command, {labels.INJECT: inject})
    pod["metadata"] |= {"name": NAME, "namespace": workloads.NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", **pod}
