"""A gateway as a process of its own, started by its environment, before another proxy's process."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from proxy.codec.transport_header import TransportHeader, encode
from proxy.tests.attacked import Seen
from proxy.tests.pair import AUTHORITY, CLIENT, LOCAL, application, read_message
from proxy.tests.policies import ask, status
from proxy.tests.test_app import WEB
from proxy.tests.test_cores import OWN, plane, proxies, store_of
from proxy.tests.test_gateway import GATEWAY, NAME, get, named
from testkit.control_plane import ControlPlane, add, endpoint, meshed_server, service_profile

if TYPE_CHECKING:
    import ssl

__all__ = ["plane"]

pytestmark = pytest.mark.slow


def tunnel(plane: ControlPlane, port: int, header: TransportHeader) -> ssl.SSLSocket:
    context = store_of(plane, CLIENT).transport_client_context
    sock = context.wrap_socket(
        socket.create_connection((LOCAL, port), timeout=10), server_hostname=GATEWAY
    )
    sock.sendall(encode(header))
    return sock


def test_a_gateway_leads_to_another_proxy(plane: ControlPlane) -> None:
    """Its names need no profile suffix besides; its port has a policy of its own, asked for by number."""
    seen = Seen()
    gate_is = {
        "CORES": "1",
        "IDENTITY_LOCAL_NAME": GATEWAY,
        "INBOUND_GATEWAY_SUFFIXES": "svc.cluster.local.",
        "DESTINATION_PROFILE_SUFFIXES": "example.com.",
    }
    with (
        application(seen.serve) as app,
        proxies(plane, redirected=app, CORES="1") as pod,
        proxies(plane, redirected=OWN, **gate_is) as gate,
    ):
        plane.profile(AUTHORITY).show(service_profile(NAME))
        meshed = endpoint(f"{LOCAL}:{pod.inbound}", identity=WEB, h2=True)
        plane.endpoints(AUTHORITY).show(add(meshed))
        plane.server(gate.inbound).show(meshed_server())
        pod.becomes(200, "/ready")
        gate.becomes(200, "/ready")
        with tunnel(plane, gate.inbound, named(http2=False)) as sock:
            sock.sendall(get())
            assert status(read_message(sock)[0]) == 200
        (request,) = seen.requests
        assert (
            f"forwarded: by={GATEWAY};for={CLIENT};host={AUTHORITY};proto=https".encode() in request
        )
        assert plane.server(gate.inbound).subscriptions == 1
        for name in ("nobody.demo.svc.cluster.local", "voting.example.com"):
            with tunnel(plane, gate.inbound, named(name, http2=False)) as sock:
                assert status(ask(sock, get())) == 404
        _, page = gate.get("/metrics")
        assert 'error="gateway domain invalid",number="1006"' in page
