"""The Node object of this host. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from sandbox.node.addresses import POD_NETWORK
from sandbox.node.host import HOST_IP, NODE_NAME
from sandbox.node.objects import Object, rfc3339

KUBELET_VERSION = "v1.34.0"
MAX_PODS = 1000
"""A bridge has 1,023 ports."""
LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40

_HEALTHY = {
    "MemoryPressure": (
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}


def node_object(
    allocatable: Mapping[str, Decimal], info: Mapping[str, str], architecture: str, now: float
) -> Object:
    """`info` is the machine's part of `nodeInfo`: kernel, operating system image, runtime, ids."""
    resources = {
        "cpu": str(int(allocatable["cpu"])),
        "memory": f"{int(allocatable['memory']) // 1024}Ki",
        "pods": str(MAX_PODS),
        "ephemeral-storage": "100Gi",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NODE_NAME,
            "labels": {
                "kubernetes.io/hostname": NODE_NAME,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": architecture,
                "node-role.kubernetes.io/control-plane": "",
            },
        },
        "spec": {"podCIDR": str(POD_NETWORK), "podCIDRs": [str(POD_NETWORK)]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": HOST_IP},
                {"type": "Hostname", "address": NODE_NAME},
            ],
            "capacity": resources,
            "allocatable": resources,
            "conditions": [_condition(kind, now) for kind in _HEALTHY],
            "nodeInfo": {
                "architecture": architecture,
                "operatingSystem": "linux",
                "kubeletVersion": KUBELET_VERSION,
                "kubeProxyVersion": "",
                **info,
            },
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        },
    }


def beat(node: Object, now: float) -> None:
    """Renew the heartbeat of every condition, in place."""
    for condition in node.setdefault("status", {}).get("conditions") or ():
        if condition.get("type") in _HEALTHY:
            condition["lastHeartbeatTime"] = rfc3339(now)


def _condition(kind: str, now: float) -> Object:
    value, reason, message = _HEALTHY[kind]
    return {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": rfc3339(now),
        "lastTransitionTime": rfc3339(now),
    }
