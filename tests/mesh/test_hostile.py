"""Clients that mean harm: at every port of a proxy, and at identity. Nothing crashes, nothing hangs."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.mesh import network, pods, scrape, talk, workloads
from tests.mesh.certify import certify, make_token
from tests.mesh.garbage import HOSTILE
from weft import ports
from weft.names import TrustDomain
from weft.pki import certificate, csr, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.mesh.cluster import Cluster
    from tests.mesh.pods import Pod

PATIENCE = 15.0
"""Seconds until a connection must be over: the time-out of protocol detection and a bit."""
MOST_MEMORY = 80 * 1000 * 1000


class Target(NamedTuple):
    """A meshed pod to harm, and another it can call."""

    pod: Pod
    neighbour: Pod
    namespace: Path


@pytest.fixture(scope="module")
def target(reachable: Cluster) -> Iterator[Target]:
    names = ("target", "neighbour")
    reachable.apply(*(workloads.http_server(name) for name in names))
    for name in names:
        pods.await_rollout(reachable, workloads.NAMESPACE, name)
    harmed, neighbour = (pods.only(reachable, workloads.NAMESPACE, f"app={name}") for name in names)
    yield Target(harmed, neighbour, network.find(harmed.ip))
    for name in names:
        reachable.kubectl("delete", f"deploy/{name}", "-n", workloads.NAMESPACE)


def doors(target: Target) -> dict[str, Callable[[], socket.socket]]:
    """Every way into the proxy."""

    def outside(port: int) -> Callable[[], socket.socket]:
        return lambda: socket.create_connection((target.pod.ip, port), PATIENCE)

    def inside(host: str, port: int) -> Callable[[], socket.socket]:
        return lambda: network.connect(target.namespace, (host, port), timeout=PATIENCE)

    return {
        "inbound": outside(workloads.HTTP_PORT),
        "inbound, directly": outside(ports.INBOUND),
        "tap": outside(ports.CONTROL),
        "admin": outside(ports.ADMIN),
        "outbound": inside(target.neighbour.ip, workloads.HTTP_PORT),
        "outbound, directly": inside("127.0.0.1", ports.OUTBOUND),
    }


DOORS = ("inbound", "inbound, directly", "tap", "admin", "outbound", "outbound, directly")


@pytest.mark.parametrize("door", DOORS)
def test_garbage_is_answered_or_the_connection_closed(
    reachable: Cluster, target: Target, door: str
) -> None:
    connect = doors(target)[door]
    before = _state(reachable, target)
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda data: _throw(connect, data), HOSTILE.values())
        came = dict(zip(HOSTILE, results, strict=True))
    print("\n".join(f"{name}: {what}" for name, what in came.items()))
    assert [name for name, what in came.items() if what.startswith("hangs")] == []
    _require_sound(reachable, target, before)


def test_connections_that_say_nothing_keep_nobody_out(reachable: Cluster, target: Target) -> None:
    before = _state(reachable, target)
    with ExitStack() as held:
        for door in ("inbound", "inbound, directly", "admin", "outbound"):
            for _ in range(100):
                held.enter_context(doors(target)[door]())
        _require_good_requests(target)
    _require_sound(reachable, target, before)


def test_headers_that_come_byte_by_byte_keep_nobody_out(reachable: Cluster, target: Target) -> None:
    before = _state(reachable, target)
    head = b"GET / HTTP/1.1\r\nHost: slow\r\nA: "
    with ExitStack() as held:
        slow = [
            held.enter_context(doors(target)[door]())
            for door in ("inbound", "admin", "outbound")
            for _ in range(20)
        ]
        for byte in head:
            for one in slow:
                one.sendall(bytes([byte]))
            time.sleep(0.05)
        _require_good_requests(target)
    _require_sound(reachable, target, before)


# -- identity -------------------------------------------------------------------------------------

OWN = TrustDomain().identity("default", workloads.NAMESPACE)
OTHER = TrustDomain().identity("weft-destination", "weft")


def _request(*names: str, rsa_key: bool = False) -> bytes:
    """A signing request for any names, with any key."""
    key = rsa.generate_private_key(65537, 2048) if rsa_key else keys.generate()
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
        )
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def _broken_signature() -> bytes:
    good = bytearray(csr.make(keys.generate(), OWN))
    good[-1] ^= 1
    return bytes(good)


REQUESTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "INVALID_ARGUMENT"),
    "noise": (lambda: HOSTILE["noise"], "INVALID_ARGUMENT"),
    "another's name": (lambda: _request(OTHER), "FAILED_PRECONDITION"),
    "two names": (lambda: _request(OWN, OTHER), "FAILED_PRECONDITION"),
    "no name": (lambda: _request(), "FAILED_PRECONDITION"),
    "a wildcard": (lambda: _request("*." + OWN.partition(".")[2]), "FAILED_PRECONDITION"),
    "an RSA key": (lambda: _request(OWN, rsa_key=True), "FAILED_PRECONDITION"),
    "a broken signature": (_broken_signature, "FAILED_PRECONDITION"),
}


@pytest.mark.parametrize("what", REQUESTS)
def test_identity_signs_no_wrong_request(reachable: Cluster, what: str) -> None:
    make, code = REQUESTS[what]
    token = make_token(reachable, workloads.NAMESPACE, "default")
    verdict = certify(reachable, OWN, token, make())
    print(verdict)
    assert verdict.code == code
    assert verdict.details


TOKENS: dict[str, tuple[Callable[[Cluster], bytes], str]] = {
    "empty": (lambda _: b"", "INVALID_ARGUMENT"),
    "noise": (lambda _: HOSTILE["noise"], "INVALID_ARGUMENT"),
    "no token": (lambda _: b"a.b.c", "FAILED_PRECONDITION"),
    "for another audience": (
        lambda cluster: make_token(
            cluster, workloads.NAMESPACE, "default", audience="https://elsewhere"
        ),
        "FAILED_PRECONDITION",
    ),
    "of another account": (
        lambda cluster: make_token(cluster, "weft", "weft-destination"),
        "FAILED_PRECONDITION",
    ),
    "with a changed signature": (
        lambda cluster: make_token(cluster, workloads.NAMESPACE, "default")[:-4] + b"AAAA",
        "FAILED_PRECONDITION",
    ),
}


@pytest.mark.parametrize("what", TOKENS)
def test_identity_believes_no_wrong_token(reachable: Cluster, what: str) -> None:
    make, code = TOKENS[what]
    verdict = certify(reachable, OWN, make(reachable), csr.make(keys.generate(), OWN))
    print(verdict)
    assert verdict.code == code
    assert verdict.details


def test_identity_signs_the_right_request(reachable: Cluster) -> None:
    """So that the refusals above are for the reasons they give."""
    token = make_token(reachable, workloads.NAMESPACE, "default")
    verdict = certify(reachable, OWN, token, csr.make(keys.generate(), OWN))
    assert verdict.code == "OK", verdict
    assert certificate.dns_names(certificate.from_der(verdict.leaf)) == [OWN]


# -- what it came to ------------------------------------------------------------------------------


def _throw(connect: Callable[[], socket.socket], data: bytes) -> str:
    """Send, say that nothing more comes, and see the connection end."""
    try:
        sock = connect()
    except ConnectionRefusedError:
        return "nobody listens"
    received, began = 0, time.monotonic()
    with sock:
        sock.settimeout(PATIENCE)
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while got := sock.recv(65536):
                received += len(got)
        except TimeoutError:
            return f"hangs after {received} bytes"
        except OSError as error:
            return f"{received} bytes, then {type(error).__name__}"
    return f"{received} bytes, closed after {time.monotonic() - began:.1f} s"


class State(NamedTuple):
    """What must not change: which process it is. What must come back: what it holds."""

    started: float
    descriptors: float


def _state(cluster: Cluster, target: Target) -> State:
    found = scrape.proxy(cluster, workloads.NAMESPACE, target.pod.name)
    return State(found.total("process_start_time_seconds"), found.total("process_open_fds"))


def _require_sound(cluster: Cluster, target: Target, before: State) -> None:
    """The same process, still working, that has let go of everything."""
    _require_good_requests(target)
    cluster.terminal.wait_until(
        "the proxy has closed what it opened",
        lambda: _state(cluster, target).descriptors <= before.descriptors + 5,
        seconds=30,
    )
    assert _state(cluster, target).started == before.started
    found = scrape.proxy(cluster, workloads.NAMESPACE, target.pod.name)
    resident = found.total("process_resident_memory_bytes")
    print(f"resident afterwards: {resident / 1e6:.1f} MB")
    assert resident <= MOST_MEMORY
    now = pods.only(cluster, workloads.NAMESPACE, "app=target")
    assert now == target.pod, "a container was restarted"


def _require_good_requests(target: Target) -> None:
    """In, out, and to the proxy itself, each at once."""
    began = time.monotonic()
    assert talk.ask((target.pod.ip, workloads.HTTP_PORT)).status == 200
    assert talk.ask((target.pod.ip, ports.ADMIN), path="/live").status == 200
    with network.connect(target.namespace, (target.neighbour.ip, workloads.HTTP_PORT)) as sock:
        assert talk.get(sock, (target.neighbour.ip, workloads.HTTP_PORT), "/").status == 200
    assert time.monotonic() - began < 3.0
