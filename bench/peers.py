"""What stands between client and origin: nothing, Weft's proxies, or Envoys."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from bench import envoy
from bench.control_plane import save_authority
from bench.namespaces import CLIENT, SERVER, BenchError, run
from bench.processes import OTHER_CORE, PROXY_CORE, program, wait_listening
from bench.works import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bench.namespaces import Pod
    from bench.processes import Program

    Peer = Callable[[Shape, Path], AbstractContextManager[list[Program]]]

OUTBOUND, INBOUND = 4140, 4143


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
            programs.append(
                stack.enter_context(
                    program(
                        pod, "weft", sys.executable, "-m", "proxy",
                        core=PROXY_CORE, folder=folder, env=environment,
                    )
                )
            )  # fmt: skip
            wait_listening(pod, INBOUND)
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
                str(envoy.binary()),
                "-c",
                str(config),
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "-l",
                "error",
            )
            programs.append(
                stack.enter_context(program(pod, "envoy", *command, core=PROXY_CORE, folder=folder))
            )
            wait_listening(pod, OUTBOUND if workload == "client" else INBOUND)
            stack.enter_context(_redirected(pod))
        yield programs


PEERS: dict[str, Peer] = {"nothing": nothing, "weft": weft, "envoy": envoys}


def _meshed(shape: Shape) -> list[tuple[Pod, str]]:
    pods = [(CLIENT, "client")]
    return [(SERVER, "server"), *pods] if shape.meshes_server else pods


@contextmanager
def _redirected(pod: Pod) -> Iterator[None]:
    """The rules that the init container writes; gone when the block ends. Proxies run as root here."""
    run(*pod.inside(sys.executable, "-m", "proxy.redirect", "--proxy-uid=0", "--ipv6=false"))
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
