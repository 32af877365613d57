"""A machine whose proxy is told who it is by a SPIRE agent, and a pod whose proxy asks the identity
service: real processes behind real redirection, each in a network of its own, under one trust anchor."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from proxy.tests.attacked import Seen
from proxy.tests.pair import application
from proxy.tests.policies import ask, status
from proxy.tests.test_app import WEB, Proxy
from proxy.tests.test_cores import until
from testkit.control_plane import ControlPlane, endpoint, meshed_server
from testkit.machines import Machine, wired
from testkit.workload_api import WorkloadApi
from weft.errors import SVID_UNUSABLE
from weft.ports import ADMIN, INBOUND, OUTBOUND
from weftapi.proxy import destination_pb2, inbound_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VM = "spiffe://root.weft.test/store/VM-7"
OTHER = "spiffe://root.weft.test/store/vm-7"
"""Another one: paths have upper and lower case."""
NAME = "vm.weft.test"
EXTERNAL = '{"ns":"store","external_workload":"vm-7"}'
PORT = 8080
PROXY_GROUP = 2102

pytestmark = [pytest.mark.slow, pytest.mark.root]


@dataclass
class Site:
    """A machine with an application, its proxy, and a control plane of its own."""

    machine: Machine
    plane: ControlPlane
    proxy: Proxy
    seen: Seen = field(default_factory=Seen)

    def allows(self, *identities: str) -> None:
        """These may reach the application, and nobody else."""
        server = meshed_server()
        permit = inbound_pb2.Authn()
        for one in identities:
            permit.meshTLS.identities.identities.add(name=one)
        server.authorizations[0].authentication.CopyFrom(permit)
        self.plane.server(PORT).show(server)

    def page(self, path: str) -> str:
        """Of the proxy's admin server."""
        with self.machine.entered():
            return self.proxy.get(path)[1]

    def becomes_ready(self) -> None:
        with self.machine.entered():
            self.proxy.becomes(200, "/ready", seconds=20)

    def get(self, other: Machine, path: str) -> int:
        """A request of this machine's application to the other's; its status."""
        with self.machine.entered(), socket.create_connection((other.ip, PORT), 10) as sock:
            return status(ask(sock, f"GET {path} HTTP/1.1\r\nHost: v\r\n\r\n".encode()))


@contextmanager
def started(machine: Machine, plane: ControlPlane, **overrides: str) -> Iterator[Site]:
    """`overrides` of the proxy's environment, without their prefix."""
    seen = Seen()
    with ExitStack() as stack:
        with machine.entered():
            stack.enter_context(plane)
            stack.enter_context(application(seen.serve, PORT, "0.0.0.0"))
            redirect = ["proxy.redirect", f"--proxy-gid={PROXY_GROUP}", "--ipv6=false"]
            subprocess.run([sys.executable, "-m", *redirect], check=True)
            environment = plane.environment(
                WEB,
                INBOUND_LISTEN_ADDR=f"0.0.0.0:{INBOUND}",
                OUTBOUND_LISTEN_ADDR=f"127.0.0.1:{OUTBOUND}",
                ADMIN_LISTEN_ADDR=f"127.0.0.1:{ADMIN}",
                SHUTDOWN_GRACE_PERIOD="0",
                **overrides,
            )
            process = subprocess.Popen(
                [sys.executable, "-m", "proxy"],
                env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
                text=True,
                group=PROXY_GROUP,
                extra_groups=[],
            )
        stack.callback(_end, process)
        yield Site(machine, plane, Proxy(process, ADMIN), seen)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(20)
    finally:
        process.kill()


@pytest.fixture
def machines() -> Iterator[tuple[Machine, Machine]]:
    if shutil.which("iptables-nft-restore") is None:
        pytest.skip("iptables-nft-restore is not installed")
    vm = Machine(f"weft-vm-{os.getpid()}", "10.251.0.1")
    pod = Machine(f"weft-pod-{os.getpid()}", "10.251.0.2")
    with wired(vm, pod) as both:
        yield both


def test_an_agents_identity_and_the_identity_services_believe_each_other(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    vm_plane, pod_plane = ControlPlane(), ControlPlane()
    vm_plane.authority = pod_plane.authority
    vm_machine, pod_machine = machines
    agent = WorkloadApi(tmp_path / "agent.sock", pod_plane.authority)
    agent.svids.show(agent.says(agent.svid(OTHER)))
    is_external = {"POLICY_WORKLOAD": EXTERNAL, **agent.environment(VM, NAME)}
    with (
        agent,
        started(vm_machine, vm_plane, **is_external) as vm,
        started(pod_machine, pod_plane) as pod,
    ):
        # Another identity than the one of the settings is refused, by number and name.
        with vm.machine.entered():
            vm.proxy.becomes(503, "/ready", seconds=20)
        until(lambda: f'"number":{SVID_UNUSABLE.number}' in vm.page("/errors").replace(" ", ""))
        assert f"the agent sent {OTHER} and not {VM}" in vm.page("/errors")
        with vm.machine.entered():
            assert vm.proxy.get("/ready")[0] == 503
        agent.svids.show(agent.says(agent.svid(VM)))
        vm.becomes_ready()
        pod.becomes_ready()
        assert 'control_identity_cert_refreshes_total{result="ok"} 1' in vm.page("/metrics")

        # Each is told where the other is, and who it must prove to be.
        to_vm = endpoint(f"{vm.machine.ip}:{PORT}", h2=True)
        to_vm.tls_identity.uri_like_identity.uri = VM
        to_vm.tls_identity.server_name.name = NAME
        pod.plane.profile(f"{vm.machine.ip}:{PORT}").show(
            destination_pb2.DestinationProfile(endpoint=to_vm)
        )
        to_pod = endpoint(f"{pod.machine.ip}:{PORT}", identity=WEB, h2=True)
        vm.plane.profile(f"{pod.machine.ip}:{PORT}").show(
            destination_pb2.DestinationProfile(endpoint=to_pod)
        )

        vm.allows(WEB)
        pod.allows(VM)
        until(lambda: pod.get(vm.machine, "/to-vm") == 200)
        until(lambda: vm.get(pod.machine, "/to-pod") == 200)
        assert f"l5d-client-id: {WEB}".encode() in vm.seen.requests[-1]
        assert f"l5d-client-id: {VM}".encode() in pod.seen.requests[-1]
        assert f'client_id="{VM}"' in pod.page("/metrics")
        assert f'server_id="{VM}"' in pod.page("/metrics")
        assert EXTERNAL in vm.plane.contexts

        # Whom policy does not name is refused, and names are compared to the letter.
        pod.allows(OTHER)
        until(lambda: vm.get(pod.machine, "/to-pod") == 403)
        pod.allows(VM)
        until(lambda: vm.get(pod.machine, "/to-pod") == 200)

        # A renewed certificate serves new connections.
        agent.svids.show(agent.says(agent.svid(VM)))
        until(lambda: 'refreshes_total{result="ok"} 2' in vm.page("/metrics"))
        assert vm.get(pod.machine, "/renewed") == 200
        assert pod.get(vm.machine, "/renewed") == 200

        # Without its agent the proxy goes on.
        agent.stop()
        until(lambda: "the SPIRE agent cannot be reached" in vm.page("/errors"))
        assert pod.get(vm.machine, "/without-agent") == 200

        # An endpoint that is not whom discovery promised is not spoken to.
        to_vm.tls_identity.uri_like_identity.uri = OTHER
        pod.plane.profile(f"{vm.machine.ip}:{PORT}").show(
            destination_pb2.DestinationProfile(endpoint=to_vm)
        )
        until(lambda: pod.get(vm.machine, "/promised") == 502)  # once it has heard of it
        heard = len(vm.seen.requests)
        assert pod.get(vm.machine, "/promised") == 502
        assert len(vm.seen.requests) == heard
