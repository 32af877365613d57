"""What a target is: a Service (and its profile), one workload, or an address we know nothing of. Pure."""

from dataclasses import dataclass

from destination.index import Reader
from destination.model import Client, Endpoint, Service, Workload
from destination.policy.model import ServiceProfile
from destination.resolve import Rules, endpoints, is_opaque, workload_endpoint
from kit.kube.objects import Key
from kit.rpc.status import FailedPrecondition, NotFound
from weft.addresses import SocketAddress
from weft.authority import ServiceAuthority, service_name


@dataclass(frozen=True)
class Profile:
    """An answer to GetProfile. All defaults: nothing is known, pass the connection through."""

    name: str = ""
    """The Service's fully qualified name; empty when the target is no Service."""
    service: Key | None = None
    port: int = 0
    opaque: bool = False
    endpoint: Endpoint | None = None
    namespace: str = ""
    """The endpoint's namespace, a metric label."""
    custom: ServiceProfile | None = None


Target = SocketAddress | ServiceAuthority


def profile(
    reader: Reader, target: Target, client: Client, rules: Rules, cluster_domain: str
) -> Profile:
    """Raises NotFound for a name without a Service, FailedPrecondition for an ambiguous address."""
    if isinstance(target, ServiceAuthority):
        if target.hostname:
            return _of_pod_name(reader, target, rules)
        service = reader.get(reader.index.services, Key(target.namespace, target.name))
        if service is None:
            raise NotFound(f"there is no Service {target.namespace}/{target.name}")
        return _of_service(reader, service, target.port, client, rules, cluster_domain)
    services = reader.by(reader.index.services, "ip", target.ip)
    if len(services) > 1:
        names = ", ".join(str(one.key) for one in services)
        raise FailedPrecondition(f"{target.ip} is the cluster IP of several Services: {names}")
    if services:
        if services[0].port(target.port) is None:
            return Profile()
        return _of_service(reader, services[0], target.port, client, rules, cluster_domain)
    return _of_address(reader, target, rules)


def _of_service(
    reader: Reader, service: Service, port: int, client: Client, rules: Rules, cluster_domain: str
) -> Profile:
    name = service_name(service.key.name, service.key.namespace, cluster_domain=cluster_domain)
    custom = None
    for namespace in dict.fromkeys((client.namespace, service.key.namespace)):
        custom = custom or reader.get(reader.index.profiles, Key(namespace, name))
    opaque = service_port_is_opaque(service, port, rules) or (
        custom is not None and port in custom.opaque_ports
    )
    return Profile(name=name, service=service.key, port=port, opaque=opaque, custom=custom)


def service_port_is_opaque(service: Service, port: int, rules: Rules) -> bool:
    return port in (rules.default_opaque if service.opaque_ports is None else service.opaque_ports)


def _of_pod_name(reader: Reader, target: ServiceAuthority, rules: Rules) -> Profile:
    found = endpoints(reader, target, rules)
    first = next(iter(found.endpoints.values()), None)
    if first is None:
        raise NotFound(
            f"there is no ready pod {target.hostname} in Service {target.namespace}/{target.name}"
        )
    return Profile(
        endpoint=first, opaque=first.opaque, port=first.address.port, namespace=target.namespace
    )


def _of_address(reader: Reader, target: SocketAddress, rules: Rules) -> Profile:
    workload, address = workload_at(reader, target)
    if workload is None:
        return Profile(endpoint=Endpoint(target), opaque=target.port in rules.default_opaque)
    return Profile(
        endpoint=workload_endpoint(reader, workload, address, rules),
        opaque=is_opaque(reader, workload, address.port, rules),
        port=address.port,
        namespace=workload.key.namespace,
    )


def workload_at(reader: Reader, target: SocketAddress) -> tuple[Workload | None, SocketAddress]:
    """The pod or ExternalWorkload that answers at an address, and the address inside it (a host port
    is mapped). Raises FailedPrecondition where several ExternalWorkloads declare it."""
    pods = reader.by(reader.index.pods, "ip", target.ip)
    if pods:
        return min(pods, key=lambda pod: pod.terminating), target
    for pod in reader.by(reader.index.pods, "host_port", (target.ip, target.port)):
        ports = dict(pod.host_ports)
        ip = pod.ips[0] if pod.ips else target.ip
        return pod, SocketAddress(ip, ports[target.port])
    machines = reader.by(reader.index.external_workloads, "address", (target.ip, target.port))
    if len(machines) > 1:
        names = ", ".join(str(one.key) for one in machines)
        raise FailedPrecondition(f"{target} is the address of several ExternalWorkloads: {names}")
    return machines[0] if machines else None, target
