"""kubelet and kube-proxy: what makes this machine a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tests.kubernetes.cluster.places import DNS_IP, NODE, NODE_IP, POD_SUBNET
from tests.kubernetes.cluster.processes import start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kubernetes.cluster.places import Places

COMPONENTS = ("kubelet", "proxy")


def start_node(places: Places, kube: Path) -> None:
    start_kubelet(places, kube)
    start_proxy(places, kube)


def start_proxy(places: Places, kube: Path) -> None:
    proxy = places.run / "proxy.yaml"
    proxy.write_text(yaml.safe_dump(_proxy_configuration(places)))
    start(places, "proxy", str(kube), "proxy", f"--config={proxy}")


def start_kubelet(places: Places, kube: Path) -> None:
    kubelet = places.run / "kubelet.yaml"
    kubelet.write_text(yaml.safe_dump(_kubelet_configuration(places)))
    start(
        places, "kubelet", str(kube), "kubelet", f"--config={kubelet}",
        f"--kubeconfig={places.kubeconfig('kubelet')}", f"--root-dir={places.run}/kubelet",
        f"--cert-dir={places.run}/kubelet-pki", f"--hostname-override={NODE}",
        f"--node-ip={NODE_IP}",
    )  # fmt: skip


def _kubelet_configuration(places: Places) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{places.pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{places.pki}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{places.pki}/kubelet-server.key",
        "containerRuntimeEndpoint": f"unix://{places.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "failSwapOn": False,
        "failCgroupV1": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_IP],
        "resolvConf": "/etc/resolv.conf",
        "nodeStatusUpdateFrequency": "5s",
        # Images are imported, not pulled: collecting one would lose it, whatever the disk says.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        "serializeImagePulls": False,
        "maxPods": 250,
        "podLogsDir": f"{places.run}/pod-logs",
        "volumePluginDir": f"{places.run}/volume-plugins",
    }


def _proxy_configuration(places: Places) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(places.kubeconfig("proxy"))},
        "mode": "nftables",
        "clusterCIDR": POD_SUBNET,
        "hostnameOverride": NODE,
        "bindAddress": NODE_IP,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        # The machine's own limits stay as they are.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "nftables": {"minSyncPeriod": "0s"},
    }
