"""Addresses, networks, durations and resource names as messages."""

import ipaddress
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from weft.addresses import IPNetwork, SocketAddress
from weftapi.proxy import meta_pb2, net_pb2

_LOW_64 = (1 << 64) - 1


def ip(text: str) -> net_pb2.IPAddress:
    address = ipaddress.ip_address(text)
    number = int(address)
    if address.version == 4:
        return net_pb2.IPAddress(ipv4=number)
    return net_pb2.IPAddress(ipv6=net_pb2.IPv6(first=number >> 64, last=number & _LOW_64))


def tcp_address(address: SocketAddress) -> net_pb2.TcpAddress:
    return net_pb2.TcpAddress(ip=ip(address.ip), port=address.port)


def network(net: IPNetwork) -> net_pb2.IPNetwork:
    return net_pb2.IPNetwork(ip=ip(str(net.network_address)), prefix_len=net.prefixlen)


def duration(seconds: float) -> Duration:
    made = Duration()
    made.FromTimedelta(timedelta(seconds=seconds))
    return made


def by_default(name: str) -> meta_pb2.Metadata:
    """Something no resource describes."""
    return meta_pb2.Metadata(default=name)


def resource(
    group: str, kind: str, name: str, namespace: str = "", port: int = 0
) -> meta_pb2.Metadata:
    return meta_pb2.Metadata(
        resource=meta_pb2.Resource(
            group=group, kind=kind, name=name, namespace=namespace, port=port
        )
    )
