"""The control plane that Weft's proxies talk to in a benchmark: `python -m bench.control_plane`.

One process in each pod, on loopback, both with one trust anchor. The service `web` has one endpoint,
the server pod. Its proxy's environment is printed as one line of JSON when it serves.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import click

from bench.namespaces import SERVER, SERVICE_PORT, crowd
from testkit.control_plane import (
    Authority,
    ControlPlane,
    add,
    endpoint,
    service_policy,
    service_profile,
)
from weft import ports
from weft.pki import certificate, keys
from weftapi.proxy import destination_pb2

SERVICE = "web.bench.svc.cluster.local"
AUTHORITY = f"{SERVICE}:{SERVICE_PORT}"
BATCH = 1_000
"""Endpoints in one message."""


def identity_of(workload: str) -> str:
    return f"{workload}.bench.serviceaccount.identity.weft.cluster.local"


def save_authority(path: Path) -> None:
    """A fresh trust anchor that both pods' control planes sign with."""
    made = Authority.make().anchor
    path.write_bytes(keys.to_pem(made.key) + certificate.to_pem(made.certificate))


def load_authority(path: Path) -> Authority:
    pem = path.read_bytes()
    return Authority(certificate.Signer(certificate.from_pem(pem)[0], keys.from_pem(pem)))


@click.command()
@click.option("--authority", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--workload", required=True)
@click.option("--opaque", is_flag=True, help="The service's port carries opaque bytes.")
@click.option("--unmeshed", is_flag=True, help="The endpoint has no proxy.")
@click.option(
    "--endpoints", default=1, help="How many the service has; nobody is behind the others."
)
def main(authority: Path, workload: str, endpoints: int, *, opaque: bool, unmeshed: bool) -> None:
    """Serve until SIGTERM."""
    plane = ControlPlane()
    plane.authority = plane.identity.authority = load_authority(authority)
    address = f"{SERVER.ip}:{SERVICE_PORT}"
    plane.profile(address).show(service_profile(SERVICE, opaque=opaque))
    plane.outbound(address).show(
        service_policy(AUTHORITY, name="web", namespace="bench", port=SERVICE_PORT)
    )
    server = endpoint(
        address,
        identity=None if unmeshed else identity_of("server"),
        h2=not opaque and not unmeshed,
        opaque=opaque,
        transport_port=4143 if opaque else 0,
        pod="server",
        deployment="server",
    )
    watched = f"{SERVER.ip}:{ports.CONTROL}"
    plane.profile(watched).show(
        destination_pb2.DestinationProfile(
            endpoint=endpoint(watched, identity=identity_of("server"), h2=True, pod="server")
        )
    )
    others = [
        endpoint(other, pod=f"server-{number}", deployment="server")
        for number, other in enumerate(crowd(endpoints - 1))
    ]
    known = [server, *others]
    plane.endpoints(AUTHORITY).show(
        *(
            add(*known[at : at + BATCH], namespace="bench", service="web")
            for at in range(0, len(known), BATCH)
        )
    )
    with plane:
        environment = plane.environment(
            identity_of(workload),
            INBOUND_LISTEN_ADDR="0.0.0.0:4143",
            OUTBOUND_LISTEN_ADDR="127.0.0.1:4140",
            ADMIN_LISTEN_ADDR="127.0.0.1:4191",
            CONTROL_LISTEN_ADDR=f"0.0.0.0:{ports.CONTROL}",
            TAP_SVC_NAME=identity_of("client"),
        )
        print(json.dumps(environment), flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    sys.exit(main())
