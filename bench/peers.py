"""What stands between client and origin: nothing, Weft's proxies, Envoys, or a landmark."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bench import envoy, landmarks
from bench.control_plane import save_authority
from bench.namespaces import CLIENT, SERVER, BenchError, run
from bench.processes import OTHER_CORE, PROXY_CORE, program, told, wait_listening
from bench.works import ENDPOINTS, P50, Shape
from deploy.images.catalogue import IMAGES
from weft import ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bench.namespaces import Pod
    from bench.processes import Program
    from bench.works import Work

    Peer = Callable[[Shape, Path], AbstractContextManager[list[Program]]]

AS_IN_IMAGE = {"PYTHONOPTIMIZE": str(next(one.optimize for one in IMAGES if one.name == "proxy"))}
"""How the image runs Weft's proxy."""
OUTBOUND = 4140
ADMIN = 4191


@contextmanager
def nothing(_: Shape, __: Path) -> Iterator[list[Program]]:
    """No proxy and no redirect."""
    yield []


@contextmanager
def weft(shape: Shape, folder: Path) -> Iterator[list[Program]]:
    """Weft's proxy in each pod that is meshed, with everything on that a cluster has on."""
    authority = folder / "authority.pem"
    save_authority(authority)
    with ExitStack() as stack:
        programs = []
        for pod, workload in _meshed(shape):
            environment = stack.enter_context(
                _control_plane(pod, workload, shape, authority, folder)
            )
            command = (sys.executable, "-m", "proxy")
            proxy = _ready(
                pod, "weft", *command, admin=ADMIN, folder=folder, env=environment | AS_IN_IMAGE
            )
            programs.append(stack.enter_context(proxy))
            stack.enter_context(_redirected(pod))
        yield programs


@contextmanager
def envoys(shape: Shape, folder: Path) -> Iterator[list[Program]]:
    """An Envoy in each pod that is meshed, with static clusters and mutual TLS between them."""
    authority = folder / "authority.pem"
    save_authority(authority)
    with ExitStack() as stack:
        programs = []
        for pod, workload in _meshed(shape):
            config = envoy.write_config(shape, workload, authority, folder)
            command = (
                str(envoy.binary()), "-c", str(config), "--concurrency", "1",
                "--disable-hot-restart", "-l", "error",
            )  # fmt: skip
            proxy = _ready(pod, "envoy", *command, admin=envoy.ADMIN, folder=folder)
            programs.append(stack.enter_context(proxy))
            stack.enter_context(_redirected(pod))
        yield programs


def _landmark(name: str, command: landmarks.Command) -> Peer:
    @contextmanager
    def run(_: Shape, folder: Path) -> Iterator[list[Program]]:
        command_line = command(folder, OUTBOUND)
        with program(CLIENT, name, *command_line, core=PROXY_CORE, folder=folder) as running:
            wait_listening(CLIENT, OUTBOUND)
            with _redirected(CLIENT):
                yield [running]

    return run


PEERS: dict[str, Peer] = {
    "nothing": nothing,
    "weft": weft,
    "envoy": envoys,
    "haproxy": _landmark("haproxy", landmarks.haproxy),
    "nginx": _landmark("nginx", landmarks.nginx),
}


def peers_of(work: Work) -> list[str]:
    """Who takes part: Weft and Envoy always; no proxy where latencies are held against each other,
    and the landmarks where nothing but forwarding is asked."""
    names = ["weft", "envoy"]
    if P50 in work.goals:
        names.insert(0, "nothing")
    if work.shape is Shape.PLAIN:
        names += ["haproxy", "nginx"]
    return names


KNOWN = {
    "weft": (ADMIN, "/metrics", r"^outbound_http_balancer_endpoints\{.*\} (\d+)"),
    "envoy": (envoy.ADMIN, "/stats", r"^cluster\.next\.membership_total: (\d+)"),
}
"""Admin port, path and pattern of the metric that counts the endpoints a peer knows."""


@contextmanager
def _ready(
    pod: Pod,
    name: str,
    *command: str,
    admin: int,
    folder: Path,
    env: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """A proxy that has said that it is ready. Raises BenchError."""
    with told(pod, "ready", str(admin)) as line:
        line()
        with program(pod, name, *command, core=PROXY_CORE, folder=folder, env=env) as running:
            yield replace(running, ready=float(line()) - running.started)


def _meshed(shape: Shape) -> list[tuple[Pod, str]]:
    pods = [(CLIENT, "client")]
    return [(SERVER, "server"), *pods] if shape.meshes_server else pods


@contextmanager
def _redirected(pod: Pod) -> Iterator[None]:
    """The rules that the init container writes; gone when the block ends. Proxies run as root here."""
    skipped = f"--inbound-ports-to-ignore={ports.CONTROL},{ports.ADMIN}"
    run(
        *pod.inside(
            sys.executable, "-m", "proxy.redirect", "--proxy-uid=0", "--ipv6=false", skipped
        )
    )
    try:
        yield
    finally:
        run(*pod.inside("iptables-nft", "-t", "nat", "-F"))
        run(*pod.inside("iptables-nft", "-t", "nat", "-X"))


@contextmanager
def _control_plane(
    pod: Pod, workload: str, shape: Shape, authority: Path, folder: Path
) -> Iterator[dict[str, str]]:
    """The environment of a proxy whose control plane runs beside it."""
    flags = []
    if shape is Shape.OPAQUE_PAIR:
        flags.append("--opaque")
    if not shape.meshes_server:
        flags.append("--unmeshed")
    if shape is Shape.CROWD:
        flags.append(f"--endpoints={ENDPOINTS}")
    command = (
        sys.executable, "-m", "bench.control_plane", "--authority", str(authority),
        "--workload", workload, *flags,
    )  # fmt: skip
    with program(pod, "control-plane", *command, core=OTHER_CORE, folder=folder) as running:
        deadline = time.monotonic() + 20
        while True:
            lines = [one for one in running.log.read_text().splitlines() if one.startswith("{")]
            if lines:
                break
            if time.monotonic() > deadline:
                raise BenchError(f"the control plane did not start: {running.log.read_text()}")
            time.sleep(0.05)
        running.log.unlink()
        environment: dict[str, str] = json.loads(lines[-1])
        yield environment
