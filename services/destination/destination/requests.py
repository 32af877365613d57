"""What callers send, understood or refused. Pure; raises InvalidArgument."""

import ipaddress
import json
import logging
from dataclasses import dataclass

from destination.model import Client
from destination.profiles import Target
from kit.kube.objects import Key
from kit.rpc.status import InvalidArgument, NotFound
from weft.addresses import AddressError, SocketAddress, parse_socket_address, split_host_port
from weft.authority import DEFAULT_PORT, AuthorityError, ServiceAuthority, parse_service
from weft.names import is_dns_label, is_dns_name
from weft.ports import MAX_PORT
from weftapi.proxy import net_pb2

log = logging.getLogger(__name__)


def authority(text: str, cluster_domain: str) -> ServiceAuthority:
    """A name; addresses are refused, because their endpoints are asked for by profile."""
    if isinstance(target(text, cluster_domain), SocketAddress):
        raise InvalidArgument(f"{text!r} is an address; allowed is a Service's name")
    return _service(text, cluster_domain)


def service_target(text: str, cluster_domain: str) -> ServiceAuthority:
    """A name that may be no Service's: then NotFound, and the proxy goes by the original address."""
    host, number = _host_port(text)
    try:
        found = parse_service(f"{host}:{number}", cluster_domain=cluster_domain)
    except AuthorityError as error:
        raise NotFound(str(error)) from error
    if found.hostname:
        raise NotFound(f"{text!r} names a pod; policies are of Services")
    return found


def target(text: str, cluster_domain: str) -> Target:
    """An address, or a Service's name; the port defaults to 80."""
    host, number = _host_port(text)
    literal = f"[{host}]" if ":" in host else host
    try:
        return parse_socket_address(f"{literal}:{number}")
    except AddressError:
        return _service(text, cluster_domain)


def _host_port(text: str) -> tuple[str, int]:
    try:
        host, port = split_host_port(text)
    except AddressError as error:
        raise InvalidArgument(str(error)) from error
    return host, DEFAULT_PORT if port is None else port


def _service(text: str, cluster_domain: str) -> ServiceAuthority:
    try:
        return parse_service(text, cluster_domain=cluster_domain)
    except AuthorityError as error:
        raise InvalidArgument(str(error)) from error


def address(message: net_pb2.TcpAddress) -> SocketAddress:
    """A target given as a message."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    match message.ip.WhichOneof("ip"):
        case "ipv4":
            ip = ipaddress.IPv4Address(message.ip.ipv4)
        case "ipv6":
            ip = ipaddress.IPv6Address((message.ip.ipv6.first << 64) | message.ip.ipv6.last)
        case _:
            raise InvalidArgument("the target address has no IP address")
    return SocketAddress(str(ip), port(message.port))


def port(number: int) -> int:
    if not 1 <= number <= MAX_PORT:
        raise InvalidArgument(f"{number} is not a port: allowed are 1 to {MAX_PORT}")
    return number


def client(token: str) -> Client:
    """Who asks: JSON with ns, nodeName, pod, or `ns:<namespace>`.

    The token only refines answers, so one that cannot be read is logged and taken as empty.
    """
    if not token:
        return Client()
    if token.startswith("ns:"):
        return Client(namespace=token.removeprefix("ns:"))
    try:
        fields = json.loads(token)
        return Client(
            namespace=str(fields.get("ns") or ""),
            node=str(fields.get("nodeName") or ""),
            pod=str(fields.get("pod") or ""),
        )
    except (ValueError, AttributeError, RecursionError):
        log.warning("a context token is not usable", extra={"token": token[:200]})
        return Client()


@dataclass(frozen=True, slots=True)
class Workload:
    """Whose proxy asks: a pod, or something outside the cluster."""

    key: Key
    external: bool = False


def workload(text: str) -> Workload:
    """`{"ns": ..., "pod": ...}`, `{"ns": ..., "external_workload": ...}` or `namespace:pod`."""
    if not text.startswith("{"):
        namespace, _, name = text.partition(":")
        return Workload(_key(namespace, name, text))
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidArgument(f"the workload {text[:200]!r} is not JSON") from None
    external = fields.get("external_workload")
    name = external or fields.get("pod")
    return Workload(_key(fields.get("ns"), name, text), bool(external))


def _key(namespace: object, name: object, text: str) -> Key:
    if not isinstance(namespace, str) or not isinstance(name, str):
        namespace = name = ""
    if not is_dns_label(namespace) or not is_dns_name(name):
        raise InvalidArgument(
            f'the workload {text[:200]!r} is not {{"ns": NAMESPACE, "pod": POD}}, '
            f'{{"ns": NAMESPACE, "external_workload": NAME}} or NAMESPACE:POD'
        )
    return Key(namespace, name)
