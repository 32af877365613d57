"""What is taken from a mesh for a while, and given back."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.mesh import certify, pods, trust, workloads
from weft import labels
from weft.names import CONTROL_PLANE_NAMESPACE, TrustDomain
from weft.pki import csr, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster

SECRET = ("secret", trust.ISSUER, "-n", CONTROL_PLANE_NAMESPACE)


@contextmanager
def down(cluster: Cluster, component: str, *, ready_again: bool = True) -> Iterator[None]:
    """The component has no pod while the block runs, and is there, or even ready, again after it."""
    name = component.removeprefix("weft-")
    selector = f"{labels.CONTROL_PLANE_COMPONENT_LABEL}={name}"
    scale = ("scale", f"deploy/{component}", "-n", CONTROL_PLANE_NAMESPACE)
    try:
        cluster.kubectl(*scale, "--replicas=0")
        pods.await_none(cluster, CONTROL_PLANE_NAMESPACE, selector)
        yield
    finally:
        cluster.kubectl(*scale, "--replicas=1")
        if ready_again:
            pods.await_rollout(cluster, CONTROL_PLANE_NAMESPACE, component)


@contextmanager
def expired_issuer(cluster: Cluster) -> Iterator[None]:
    """The issuer's time is over while the block runs; identity signs again after it."""
    expired = trust.expired_issuer()
    pem = {"crt.pem": expired.chain, "key.pem": expired.key}
    before = cluster.read(*SECRET)["data"]
    data = {
        name: base64.b64encode(
            pem[name.replace("tls.crt", "crt.pem").replace("tls.key", "key.pem")]
        )
        for name in before
    }
    try:
        _patch(cluster, {name: value.decode() for name, value in data.items()})
        yield
    finally:
        _patch(cluster, before)
    await_signing(cluster)


def await_signing(cluster: Cluster) -> None:
    """A kubelet may have shown identity the bad issuer just before the good one came back, and
    may take a minute to look again. Where pods cannot be reached from here, `mesh check` must do."""
    if cluster.pods_are_here:
        cluster.terminal.wait_until("identity signs again", lambda: signs(cluster), seconds=120)


def signs(cluster: Cluster) -> bool:
    """Whether the identity service gives a certificate to who has a right to it."""
    identity = TrustDomain().identity("default", workloads.NAMESPACE)
    token = certify.make_token(cluster, workloads.NAMESPACE, "default")
    request = csr.make(keys.generate(), identity)
    return certify.certify(cluster, identity, token, request).code == "OK"


def _patch(cluster: Cluster, data: dict[str, str]) -> None:
    cluster.kubectl("patch", *SECRET, "--type=merge", "-p", json.dumps({"data": data}))
