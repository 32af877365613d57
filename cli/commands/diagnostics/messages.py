"""Messages of the proxy API as JSON people can read: its field names, with addresses spelt out."""

import ipaddress
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message


def as_json(message: Message) -> Any:
    """What `-o json` prints. `{"ipv4": 167772161}` becomes `"10.0.0.1"`; unset fields are left out."""
    return _readable(json_format.MessageToDict(message, preserving_proto_field_name=True))


def address(message: Any) -> str:
    """The IP address of an `io.linkerd.proxy.net.IPAddress`."""
    if message.WhichOneof("ip") == "ipv6":
        return str(ipaddress.IPv6Address((message.ipv6.first << 64) | message.ipv6.last))
    return str(ipaddress.IPv4Address(message.ipv4))


def _readable(value: Any) -> Any:
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"ipv4": int(number), **rest} if not rest:
            return str(ipaddress.IPv4Address(number))
        case {"ipv6": dict(halves), **rest} if not rest:
            first, last = int(halves.get("first", 0)), int(halves.get("last", 0))
            return str(ipaddress.IPv6Address((first << 64) | last))
    return {key: _readable(one) for key, one in value.items()}
