"""Pods, who owns them, and whose address is whose. A pure table that watches fill."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kit.kube import objects
from kit.kube.objects import Key, mapping, sequence, spec, status
from weft import labels, ports
from weft.addresses import AddressError, SocketAddress, parse_socket_address

PROXY_CONTAINER = "linkerd-proxy"
RUNNING = "Running"
_LISTEN = "LINKERD2_PROXY_CONTROL_LISTEN_ADDR"
_CLIENT = "LINKERD2_PROXY_TAP_SVC_NAME"


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of an object, in the same namespace; `kind` in lower case."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, with what tap needs of it."""

    key: Key
    ip: str
    phase: str
    labels: Mapping[str, str]
    owner: Owner | None
    service_account: str
    host_network: bool
    mesh: str
    """Namespace of the control plane its proxy belongs to; empty without a proxy."""
    tap_disabled: bool
    tap_client: str
    """The identity its proxy lets watch; empty when it was started without."""
    tap_port: int

    @property
    def address(self) -> SocketAddress:
        """Of the proxy's tap server."""
        return SocketAddress(self.ip, self.tap_port)


@dataclass(frozen=True, slots=True)
class Service:
    key: Key
    selector: Mapping[str, str]


@dataclass
class Cluster:
    """Everything known."""

    pods: dict[Key, Pod] = field(default_factory=dict)
    services: dict[Key, Service] = field(default_factory=dict)
    owners: dict[tuple[str, Key], Owner | None] = field(default_factory=dict)
    """The owners of ReplicaSets and Jobs."""
    nodes: dict[str, str] = field(default_factory=dict)
    """Name by internal address."""
    _by_ip: dict[str, Key] = field(default_factory=dict)

    def put_pod(self, obj: Mapping[str, Any]) -> None:
        pod = read_pod(obj)
        self.remove_pod(pod.key)
        self.pods[pod.key] = pod
        if pod.ip and pod.phase == RUNNING and not pod.host_network:
            self._by_ip[pod.ip] = pod.key

    def remove_pod(self, key: Key) -> None:
        old = self.pods.pop(key, None)
        if old is not None and self._by_ip.get(old.ip) == key:
            del self._by_ip[old.ip]

    def put_service(self, obj: Mapping[str, Any]) -> None:
        key = objects.key(obj)
        self.services[key] = Service(key, dict(mapping(spec(obj).get("selector"))))

    def put_owned(self, kind: str, obj: Mapping[str, Any]) -> None:
        self.owners[kind, objects.key(obj)] = _owner(obj)

    def put_node(self, obj: Mapping[str, Any]) -> None:
        name = objects.key(obj).name
        self.remove_node(name)
        for address in sequence(status(obj).get("addresses")):
            if mapping(address).get("type") == "InternalIP":
                self.nodes[str(mapping(address).get("address"))] = name

    def remove_node(self, name: str) -> None:
        for ip in [ip for ip, node in self.nodes.items() if node == name]:
            del self.nodes[ip]

    # --- questions ------------------------------------------------------------------------

    def chain(self, pod: Pod) -> Iterator[Owner]:
        """The pod's controller, that one's, and so on."""
        owner = pod.owner
        seen: set[Owner] = set()
        while owner is not None and owner not in seen:
            seen.add(owner)
            yield owner
            owner = self.owners.get((owner.kind, Key(pod.key.namespace, owner.name)))

    def describe(self, ip: str) -> dict[str, str]:
        """The labels of whoever has an address: a running pod, or a node; empty for strangers."""
        key = self._by_ip.get(ip)
        if key is not None:
            return self.labels(self.pods[key])
        node = self.nodes.get(ip)
        return {"node": node} if node is not None else {}

    def labels(self, pod: Pod) -> dict[str, str]:
        """A pod as metrics and tap name it."""
        found = {"namespace": pod.key.namespace, "pod": pod.key.name}
        if pod.service_account:
            found["serviceaccount"] = pod.service_account
        for owner in self.chain(pod):
            found.setdefault(owner.kind, owner.name)
        return found


def read_pod(obj: Mapping[str, Any]) -> Pod:
    """A pod as Kubernetes writes it."""
    environment = _proxy_environment(obj)
    marks = objects.annotations(obj)
    meshed = objects.labels(obj).get(labels.CONTROL_PLANE_NS_LABEL, "")
    return Pod(
        key=objects.key(obj),
        ip=str(status(obj).get("podIP") or ""),
        phase=_phase(obj),
        labels=dict(objects.labels(obj)),
        owner=_owner(obj),
        service_account=str(spec(obj).get("serviceAccountName") or "default"),
        host_network=bool(spec(obj).get("hostNetwork")),
        mesh=meshed if environment is not None else "",
        tap_disabled=marks.get(labels.DISABLE_TAP, "").lower() in ("true", "enabled"),
        tap_client=(environment or {}).get(_CLIENT, "").lower().rstrip("."),
        tap_port=_port((environment or {}).get(_LISTEN, "")),
    )


def _phase(obj: Mapping[str, Any]) -> str:
    if objects.metadata(obj).get("deletionTimestamp"):
        return "Terminating"
    return str(status(obj).get("phase") or "Unknown")


def _proxy_environment(obj: Mapping[str, Any]) -> Mapping[str, str] | None:
    """What the proxy's container sets; None for a pod without a proxy."""
    for group in ("initContainers", "containers"):
        for container in sequence(spec(obj).get(group)):
            if mapping(container).get("name") == PROXY_CONTAINER:
                return {
                    str(mapping(one).get("name")): str(mapping(one).get("value") or "")
                    for one in sequence(container.get("env"))
                }
    return None


def _port(listen: str) -> int:
    try:
        return parse_socket_address(listen).port
    except AddressError:
        return ports.CONTROL


def _owner(obj: Mapping[str, Any]) -> Owner | None:
    for reference in sequence(objects.metadata(obj).get("ownerReferences")):
        kind = str(mapping(reference).get("kind") or "").lower()
        if mapping(reference).get("controller") and kind in labels.OWNER_KINDS:
            return Owner(kind, str(reference.get("name") or ""))
    return None
