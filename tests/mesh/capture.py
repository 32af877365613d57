"""Bytes on a pod's interface, as its neighbours see them, put together to TCP streams."""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.mesh.network import make_socket

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ALL_PROTOCOLS = 3
_IPV4 = 0x0800
_TCP = 6
_SYN = 0x02
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_RCVBUFFORCE = 33
_BUFFER = 32 * 1024 * 1024
_LARGEST_FRAME = 256 * 1024
"""Offloads hand over many packets as one."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a connection."""

    source: tuple[str, int]
    target: tuple[str, int]

    def __str__(self) -> str:
        return "{}:{} -> {}:{}".format(*self.source, *self.target)


@dataclass(frozen=True, slots=True)
class Segment:
    flow: Flow
    sequence: int
    syn: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """What one side sent, in order."""

    flow: Flow
    data: bytes
    whole: bool
    """From the first byte on, with no gap."""


@dataclass(slots=True)
class Captured:
    """Filled while the capture lasts; `dropped` counts what the kernel could not hand over."""

    frames: list[bytes] = field(default_factory=list)
    dropped: int = 0

    def streams(self) -> list[Stream]:
        return reassemble(segment for one in self.frames if (segment := parse_frame(one)))


@contextmanager
def capture(namespace: Path, interface: str) -> Iterator[Captured]:
    """Everything that passes the interface inside the namespace, both ways. Raises OSError."""
    captured, stop = Captured(), threading.Event()
    sock = make_socket(namespace, lambda: _packet_socket(interface))

    def read() -> None:
        while not stop.is_set():
            try:
                captured.frames.append(sock.recv(_LARGEST_FRAME))
            except TimeoutError:
                continue

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield captured
    finally:
        stop.set()
        reader.join()
        statistics = sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        captured.dropped = struct.unpack("II", statistics)[1]
        sock.close()


def _packet_socket(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    sock.bind((interface, _ALL_PROTOCOLS))
    sock.settimeout(0.1)
    return sock


def parse_frame(frame: bytes) -> Segment | None:
    """The TCP segment in an Ethernet frame; None for everything else."""
    if len(frame) < 34 or int.from_bytes(frame[12:14], "big") != _IPV4 or frame[23] != _TCP:
        return None
    header, length = 14 + (frame[14] & 15) * 4, int.from_bytes(frame[16:18], "big")
    end = 14 + length if length else len(frame)  # 0: longer than the field can say
    if len(frame) < header + 20:
        return None
    source, target, sequence = struct.unpack_from(">HHI", frame, header)
    flow = Flow((_ip(frame[26:30]), source), (_ip(frame[30:34]), target))
    payload = frame[header + (frame[header + 12] >> 4) * 4 : end]
    return Segment(flow, sequence, bool(frame[header + 13] & _SYN), payload)


def _ip(address: bytes) -> str:
    return socket.inet_ntoa(address)


def reassemble(segments: Iterable[Segment]) -> list[Stream]:
    """Streams in the order in which they were first seen. A second SYN of the same addresses
    begins another stream, except when it repeats the first."""
    by_flow: dict[Flow, list[list[Segment]]] = defaultdict(list)
    for segment in segments:
        lives = by_flow[segment.flow]
        again = bool(lives) and lives[-1][0].syn and lives[-1][0].sequence == segment.sequence
        if not lives or (segment.syn and not again):
            lives.append([])
        lives[-1].append(segment)
    return [_join(life) for lives in by_flow.values() for life in lives]


def _join(life: list[Segment]) -> Stream:
    """Sequence numbers count from the first segment's, so that they may wrap around."""
    first = life[0]
    start = first.sequence + 1 if first.syn else first.sequence
    parts = sorted(
        (((one.sequence + one.syn - start + 2**31) % 2**32) - 2**31, one.payload)
        for one in life
        if one.payload
    )
    data, whole = bytearray(), first.syn
    for offset, payload in parts:
        if offset > len(data):
            whole = False
            data += bytes(offset - len(data))
        data += payload[max(0, len(data) - offset) :]
    return Stream(first.flow, bytes(data), whole)
