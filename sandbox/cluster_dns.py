"""The cluster DNS as the cluster sees it: Service `kube-dns` and its endpoints."""

from ipaddress import IPv4Address

from sandbox.apiserver.kinds import ENDPOINT_SLICE, ENDPOINTS, SERVICE, Kind
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.store import Store

NAMESPACE, NAME = "kube-system", "kube-dns"


def announce(store: Store, service: IPv4Address, host: IPv4Address, port: int) -> None:
    """Say that ``service`` port 53 leads to the server on ``host``:``port``, by UDP and TCP."""
    for kind, obj in _objects(service, host, port):
        if store.find(kind, NAMESPACE, NAME) is None:
            store.create(kind, obj)


def _objects(service: IPv4Address, host: IPv4Address, port: int) -> list[tuple[Kind, Obj]]:
    labels = {"k8s-app": NAME, "kubernetes.io/name": "CoreDNS"}
    meta: Obj = {"name": NAME, "namespace": NAMESPACE, "labels": labels}
    by = [("dns", "UDP"), ("dns-tcp", "TCP")]
    spec: Obj = {
        "type": "ClusterIP",
        "clusterIP": str(service),
        "clusterIPs": [str(service)],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
        "sessionAffinity": "None",
        "ports": [
            {"name": name, "protocol": protocol, "port": 53, "targetPort": port}
            for name, protocol in by
        ],
    }
    ports = [{"name": name, "protocol": protocol, "port": port} for name, protocol in by]
    marked = {**labels, "kubernetes.io/service-name": NAME}
    return [
        (SERVICE, {"metadata": meta, "spec": spec}),
        (
            ENDPOINT_SLICE,
            {
                "metadata": {**meta, "labels": marked},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [str(host)], "conditions": {"ready": True}}],
                "ports": ports,
            },
        ),
        (
            ENDPOINTS,
            {"metadata": meta, "subsets": [{"addresses": [{"ip": str(host)}], "ports": ports}]},
        ),
    ]
