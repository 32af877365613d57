"""Where a redirected connection was going before the kernel sent it here."""

from __future__ import annotations

import socket
import struct

from weft.addresses import SocketAddress

SO_ORIGINAL_DST = 80
"""netfilter's; the same number for both families (`IP6T_SO_ORIGINAL_DST`)."""

_IPV4 = struct.Struct("!2xH4s8x")
_IPV6 = struct.Struct("!2xHI16sI")
_SOL_IP = socket.IPPROTO_IP
_SOL_IPV6 = socket.IPPROTO_IPV6


def original_destination(sock: socket.socket) -> SocketAddress:
    """Raises OSError when the connection was not redirected."""
    if sock.family == socket.AF_INET6:
        try:
            raw = sock.getsockopt(_SOL_IPV6, SO_ORIGINAL_DST, _IPV6.size)
        except OSError:
            # An IPv4 client of a dual-stack socket is in the IPv4 table.
            return _ipv4(sock)
        port, _flow, packed, _scope = _IPV6.unpack(raw)
        return SocketAddress(socket.inet_ntop(socket.AF_INET6, packed), port)
    return _ipv4(sock)


def _ipv4(sock: socket.socket) -> SocketAddress:
    raw = sock.getsockopt(_SOL_IP, SO_ORIGINAL_DST, _IPV4.size)
    port, packed = _IPV4.unpack(raw)
    return SocketAddress(socket.inet_ntoa(packed), port)
