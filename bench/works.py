"""What is asked of every peer, and how much of the other's cost each figure may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from bench.load import FixedRate, GrpcUnary, Held, Load, Saturate


class Shape(Enum):
    """What stands between client and origin, and what flows."""

    HTTP1_PAIR = "mTLS pair, HTTP/1"
    GRPC_PAIR = "mTLS pair, gRPC"
    OPAQUE_PAIR = "mTLS pair, opaque TCP"
    PLAIN = "one proxy, plain HTTP/1"
    CROWD = "one proxy that knows a crowd of endpoints"

    @property
    def meshes_server(self) -> bool:
        return self not in {Shape.PLAIN, Shape.CROWD}


@dataclass(frozen=True, slots=True)
class Work:
    """One row of the table.

    `goals` maps a figure's name to the highest ratio to Envoy wanted, `limits` to the highest value;
    None states the figure without a bound.
    """

    name: str
    title: str
    shape: Shape
    load: Load | Held
    goals: dict[str, float | None]
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def figures(self) -> tuple[str, ...]:
        rate = () if isinstance(self.load, Held) else (RATE,)
        return (*self.goals, *rate)


ENDPOINTS = 10_000
"""How many the crowd has."""

CPU = "cpu us/request"
CPU_GB = "cpu s/GB"
P50 = "p50 us"
P99 = "p99 us"
RATE = "requests/s"
WAITING = "waiting us/request"
"""Ready to run while another program, or another proxy, had the core."""
IDLE = "resident MB, idle"
HOLDING = "resident MB, 1,000 connections"
READY = "start to ready s"
GROWTH = "resident growth MB"

WORKS = (
    Work(
        "http1-50",
        "mTLS pair, HTTP/1, 50 connections",
        Shape.HTTP1_PAIR,
        Saturate(connections=50),
        {CPU: 0.5},
    ),
    Work(
        "http1-1",
        "mTLS pair, HTTP/1, one connection",
        Shape.HTTP1_PAIR,
        Saturate(connections=1),
        {CPU: 0.75, P50: 0.75},
    ),
    Work(
        "http1-1000rps",
        "mTLS pair, HTTP/1, fixed 1,000 requests/s",
        Shape.HTTP1_PAIR,
        FixedRate(per_second=1000, connections=10, longer=3),
        {CPU: 0.75, P50: 1.0, P99: 1.0, WAITING: None},
    ),
    Work(
        "http1-new",
        "mTLS pair, a new connection for every request",
        Shape.HTTP1_PAIR,
        Saturate(connections=8, new_connections=True),
        {CPU: 0.9},
    ),
    Work(
        "grpc-50",
        "mTLS pair, gRPC unary, 50 streams",
        Shape.GRPC_PAIR,
        GrpcUnary(connections=5, streams=10),
        {CPU: 0.7},
    ),
    Work(
        "plain-50",
        "one proxy, plain HTTP/1, 50 connections",
        Shape.PLAIN,
        Saturate(connections=50),
        {CPU: 0.8},
    ),
    Work(
        "opaque-bulk",
        "mTLS pair, opaque TCP, bulk",
        Shape.OPAQUE_PAIR,
        Saturate(connections=4, path="/bulk"),
        {CPU_GB: 1.0},
    ),
    Work(
        "memory",
        "mTLS pair, each proxy",
        Shape.HTTP1_PAIR,
        Held(connections=1000),
        {IDLE: 0.6, HOLDING: 0.6, READY: None},
        limits={READY: 0.7},
    ),
    Work(
        "endpoints",
        f"one proxy, {ENDPOINTS:,} endpoints known",
        Shape.CROWD,
        Held(connections=1),
        {GROWTH: None},
    ),
)
