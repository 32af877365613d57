"""etcd, API server, controller-manager and scheduler, each a process of the one program."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from tests.kubernetes.cluster.places import API_SERVER, NODE_IP, SERVICE_RANGE
from tests.kubernetes.cluster.processes import start, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kubernetes.cluster.places import Places

COMPONENTS = ("scheduler", "controller-manager", "apiserver", "etcd")
_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"


def start_control_plane(places: Places, kube: Path) -> None:
    """Returns when the API server is ready; the controllers start right after."""
    _start_etcd(places, kube)
    start_apiserver(places, kube)
    # The controller-manager ends when the API server does not answer, so it is waited for.
    wait_until("the API server is ready", lambda: api_ready(places), seconds=120)
    _start_controllers(places, kube)


def api_ready(places: Places) -> bool:
    context = ssl.create_default_context(cafile=str(places.pki / "ca.crt"))
    context.load_cert_chain(places.pki / "admin.crt", places.pki / "admin.key")
    try:
        with urllib.request.urlopen(f"{API_SERVER}/readyz", context=context, timeout=2) as answer:
            return bool(answer.read() == b"ok")
    except (OSError, urllib.error.URLError):
        return False


def _start_etcd(places: Places, kube: Path) -> None:
    start(
        places, "etcd", str(kube), "etcd", "--name=weft", f"--data-dir={places.run}/etcd",
        "--unsafe-no-fsync", "--log-level=warn",
        f"--listen-client-urls={_ETCD}", f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}", f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=weft={_ETCD_PEER}",
    )  # fmt: skip


def start_apiserver(places: Places, kube: Path) -> None:
    pki = places.pki
    start(
        places, "apiserver", str(kube), "apiserver",
        f"--etcd-servers={_ETCD}", "--secure-port=6443", "--bind-address=0.0.0.0",
        f"--advertise-address={NODE_IP}", f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
        "--enable-aggregator-routing=true", "--allow-privileged=true", "--profiling=false",
    )  # fmt: skip


def _start_controllers(places: Places, kube: Path) -> None:
    for name in ("controller-manager", "scheduler"):
        config = places.kubeconfig(name)
        flags = [
            f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}", "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ]  # fmt: skip
        if name == "controller-manager":
            flags += [
                "--use-service-account-credentials",
                f"--service-account-private-key-file={places.pki}/sa.key",
                f"--root-ca-file={places.pki}/ca.crt",
                f"--cluster-signing-cert-file={places.pki}/ca.crt",
                f"--cluster-signing-key-file={places.pki}/ca.key",
                # Its usual request rate delays the first service account by seconds.
                "--kube-api-qps=500", "--kube-api-burst=1000",
            ]  # fmt: skip
        start(places, name, str(kube), name, *flags)
