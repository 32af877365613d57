"""The table at work: a host and two pods, each in a network namespace of its own.

The pods are wired as the node wires them: a /32 address whose only neighbour is the host, on a
bridge port that may send a frame back where it came from. The latter matters where the kernel has
bridge netfilter switched on: there a translated packet is bridged, not routed.
"""

import os
import secrets
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from sandbox.services.plan import Endpoint, Front, Plan
from sandbox.services.ruleset import removal, render

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

RANGE = IPv4Network("10.96.0.0/16")
GATEWAY = "10.244.0.1"
PODS = {"a": "10.244.0.11", "b": "10.244.0.12"}
SERVICE = "10.96.7.7"

SERVER = textwrap.dedent(
    """
    import socketserver, sys, threading

    class Tcp(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(f"{sys.argv[1]} {self.client_address[0]}".encode())

    class Udp(socketserver.BaseRequestHandler):
        def handle(self):
            answer = f"{sys.argv[1]} {self.client_address[0]}".encode()
            self.request[1].sendto(answer, self.client_address)

    socketserver.TCPServer.allow_reuse_address = True
    tcp = socketserver.ThreadingTCPServer(("0.0.0.0", 8080), Tcp)
    udp = socketserver.ThreadingUDPServer(("0.0.0.0", 8080), Udp)
    threading.Thread(target=udp.serve_forever, daemon=True).start()
    print("listening", flush=True)
    tcp.serve_forever()
    """
)

CLIENT = textwrap.dedent(
    """
    import socket, sys
    host, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    for _ in range(int(sys.argv[4])):
        try:
            with socket.socket(socket.AF_INET, getattr(socket, kind)) as s:
                s.settimeout(3)
                s.connect((host, port))
                if kind == "SOCK_DGRAM":
                    s.send(b"?")
                print(s.recv(100).decode())
        except OSError as error:
            print(type(error).__name__)
    """
)


def sh(command: str, data: str | None = None) -> str:
    done = subprocess.run(
        command.split(), input=data, capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@dataclass
class Lab:
    tag: str
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def ns(self, name: str) -> str:
        return f"{self.tag}-{name}"

    def load(self, text: str) -> None:
        sh(f"ip netns exec {self.ns('host')} nft -f -", text)

    def ask(self, where: str, host: str, port: int, kind: str = "SOCK_STREAM", n: int = 1) -> str:
        command = ["ip", "netns", "exec", self.ns(where), sys.executable, "-c", CLIENT]
        done = subprocess.run(
            [*command, host, str(port), kind, str(n)],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        return done.stdout.strip()


@pytest.fixture(scope="module", params=["0", "1"], ids=["routed", "bridge-netfilter"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    if request.param == "1" and not Path("/proc/sys/net/bridge").exists():
        pytest.skip("this kernel has no bridge netfilter")
    made = Lab(f"wt{secrets.token_hex(3)}")
    names = ["host", *PODS]
    try:
        for name in names:
            sh(f"ip netns add {made.ns(name)}")
            sh(f"ip -n {made.ns(name)} link set lo up")
        host = made.ns("host")
        sh(f"ip -n {host} link add weft0 type bridge")
        sh(f"ip -n {host} address add {GATEWAY}/24 dev weft0")
        sh(f"ip -n {host} link set weft0 up")
        sh(f"ip -n {host} route add {RANGE} dev weft0")
        for knob in ("ip_forward=1", "conf.all.send_redirects=0", "conf.weft0.send_redirects=0"):
            sh(f"ip netns exec {host} sysctl -qw net.ipv4.{knob}")
        if Path("/proc/sys/net/bridge").exists():
            knob = f"net.bridge.bridge-nf-call-iptables={request.param}"
            sh(f"ip netns exec {host} sysctl -qw {knob}")
        for name, address in PODS.items():
            pod = made.ns(name)
            sh(f"ip -n {host} link add v{name} type veth peer name eth0 netns {pod}")
            sh(f"ip -n {host} link set v{name} master weft0 up")
            sh(f"ip -n {host} link set v{name} type bridge_slave hairpin on")
            sh(f"ip -n {pod} address add {address}/32 dev eth0")
            sh(f"ip -n {pod} link set eth0 up")
            sh(f"ip -n {pod} route add {GATEWAY} dev eth0 scope link")
            sh(f"ip -n {pod} route add default via {GATEWAY} dev eth0")
            server = subprocess.Popen(
                ["ip", "netns", "exec", pod, sys.executable, "-c", SERVER, name],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            made.servers.append(server)
            assert server.stdout is not None
            assert server.stdout.readline() == "listening\n"
        yield made
    finally:
        for server in made.servers:
            server.kill()
            server.communicate()
        for name in names:
            subprocess.run(["ip", "netns", "delete", made.ns(name)], check=False, timeout=20)


def front(protocol: str, *pods: str, affinity: int | None = None, port: int = 80) -> Front:
    assert protocol in ("tcp", "udp")
    return Front(
        f"default/web:{port}",
        "tcp" if protocol == "tcp" else "udp",
        port,
        (IPv4Address(SERVICE),),
        tuple(Endpoint(IPv4Address(PODS[pod]), 8080) for pod in pods),
        node_port=30080 if protocol == "tcp" else None,
        affinity_seconds=affinity,
    )


def plan(*fronts: Front) -> Plan:
    return Plan(fronts, frozenset(IPv4Address(address) for address in PODS.values()))


def test_a_pod_reaches_the_other_by_the_service_and_is_seen_as_itself(lab: Lab) -> None:
    lab.load(render(plan(front("tcp", "b"), front("udp", "b")), RANGE))
    assert lab.ask("a", SERVICE, 80) == f"b {PODS['a']}"
    assert lab.ask("a", SERVICE, 80, "SOCK_DGRAM") == f"b {PODS['a']}"


def test_the_host_reaches_pods_by_the_service(lab: Lab) -> None:
    lab.load(render(plan(front("tcp", "b"), front("udp", "b")), RANGE))
    assert lab.ask("host", SERVICE, 80) == f"b {GATEWAY}"
    assert lab.ask("host", SERVICE, 80, "SOCK_DGRAM") == f"b {GATEWAY}"


def test_every_endpoint_gets_its_share(lab: Lab) -> None:
    lab.load(render(plan(front("tcp", "a", "b")), RANGE))
    answers = lab.ask("host", SERVICE, 80, n=60).split("\n")
    by_a = sum(answer.startswith("a ") for answer in answers)
    assert 0 < by_a < 60
    assert all(answer[0] in "ab" for answer in answers)


def test_affinity_keeps_a_client_with_one_endpoint(lab: Lab) -> None:
    lab.load(render(plan(front("tcp", "a", "b", affinity=60)), RANGE))
    assert len(set(lab.ask("host", SERVICE, 80, n=20).split("\n"))) == 1


def test_a_pod_reaches_itself_by_its_service(lab: Lab) -> None:
    lab.load(render(plan(front("tcp", "a"), front("udp", "a")), RANGE))
    assert lab.ask("a", SERVICE, 80) == f"a {GATEWAY}"
    assert lab.ask("a", SERVICE, 80, "SOCK_DGRAM") == f"a {GATEWAY}"


@pytest.mark.parametrize("where", ["a", "host"])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
@pytest.mark.parametrize(
    ("address", "port"), [(SERVICE, 80), (SERVICE, 81), ("10.96.200.1", 80)],
    ids=["no endpoint", "no such port", "no such service"],
)  # fmt: skip
def test_what_has_no_endpoint_is_refused_at_once(
    lab: Lab, where: str, kind: str, address: str, port: int
) -> None:
    lab.load(render(plan(front("tcp"), front("udp")), RANGE))
    # A datagram the host itself may not send is refused in the very call (EPERM).
    own = where == "host" and kind == "SOCK_DGRAM"
    expected = "PermissionError" if own else "ConnectionRefusedError"
    assert lab.ask(where, address, port, kind) == expected


def test_a_node_port_leads_in_from_every_address_of_the_host(lab: Lab) -> None:
    lab.load(render(plan(front("tcp", "b")), RANGE))
    assert lab.ask("a", GATEWAY, 30080) == f"b {PODS['a']}"
    assert lab.ask("host", GATEWAY, 30080) == f"b {GATEWAY}"


def test_an_open_connection_outlives_a_new_table(lab: Lab) -> None:
    lab.load(render(plan(front("tcp", "b")), RANGE))
    holder = subprocess.Popen(
        ["ip", "netns", "exec", lab.ns("a"), sys.executable, "-c", textwrap.dedent(
            f"""
            import socket, sys
            s = socket.create_connection(("{SERVICE}", 80), 3)
            print(s.getpeername()[0], flush=True)
            sys.stdin.readline()
            print(s.recv(100).decode(), flush=True)
            """
        )],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == SERVICE
    lab.load(render(plan(front("tcp", "a")), RANGE))
    said, _ = holder.communicate("\n", timeout=10)
    assert said.strip() == f"b {PODS['a']}"


def test_removal_leaves_no_table(lab: Lab) -> None:
    lab.load(render(plan(front("tcp", "b")), RANGE))
    lab.load(removal())
    lab.load(removal())
    assert sh(f"ip netns exec {lab.ns('host')} nft list tables") == ""
