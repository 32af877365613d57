"""`python -m bench.collector [--pods N] [--minutes M]`: what the embedded collector costs.

Busy pods of a hundred deployments, each of which receives on one port and sends to three others, are
scraped every five seconds of a clock that does not wait. Prints the memory that their numbers
take, and the processor's time for a round and for the questions of pages and commands.
"""

from __future__ import annotations

import gc
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from web.stats.collector.memory import Identity, Memory
from web.stats.collector.target import Target
from web.stats.kinds import IN_ALL, Kind
from web.stats.links import select_neighbours
from web.stats.query import Query, Ref
from web.stats.selection import select
from web.stats.tallies import RESPONSES, TallySelection
from weft.metrics import LATENCY_MS_BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEPLOYMENTS = 100
INTERVAL = 5
HOMES = 10
USED = (1, 2, 3, 4, 5, 10, 20)
"""Bounds of the buckets, in milliseconds, into which responses fall: each gets as many."""
EACH = 7
"""Responses in each of them, between two scrapes."""

Line = tuple[bytes, int]
"""A series as spelled, and how much it grows between two scrapes."""


def labels(deployment: int, pod: int) -> dict[str, str]:
    name = f"app-{deployment}"
    return {
        "namespace": f"team-{deployment % HOMES}",
        "deployment": name,
        "replicaset": f"{name}-5d4f8c7b9",
        "pod": f"{name}-5d4f8c7b9-x{pod:04d}",
    }


def spelled(name: str, **values: str) -> bytes:
    inside = ",".join(f'{label}="{value}"' for label, value in values.items())
    return f"{name}{{{inside}}}".encode()


def exposition(deployment: int, pod: int, of_each: int) -> Iterator[Line]:
    """What the proxy of a busy pod says."""
    address = f"10.{pod // 250}.{deployment}.{pod % 250}"
    target = {"target_addr": f"{address}:8080", "target_ip": address, "target_port": "8080"}
    served = {"direction": "inbound", **target, "srv_group": "", "srv_kind": "default", "srv_name": "all-unauthenticated", "srv_port": "8080", "tls": "true", "client_id": "a.b.serviceaccount.identity.weft.cluster.local", "route_group": "", "route_kind": "default", "route_name": "default", "authz_group": "", "authz_kind": "default", "authz_name": "all-unauthenticated"}  # fmt: skip
    yield from _requests(served)
    yield spelled("inbound_http_authz_allow_total", **served), EACH * len(USED)
    yield from _connections({"direction": "inbound", "peer": "src", **target, "tls": "true"})
    yield from _connections({"direction": "inbound", "peer": "dst", **target, "tls": "no_identity"})
    for step in (1, 7, 31):
        peer = (deployment + step) % DEPLOYMENTS
        to = labels(peer, pod % of_each)
        sent = {"direction": "outbound", "authority": f"app-{peer}.{to['namespace']}.svc.cluster.local:80", **target, "tls": "true", "server_id": "c.d.serviceaccount.identity.weft.cluster.local"}  # fmt: skip
        sent |= {f"dst_{name}": value for name, value in to.items()}
        sent |= {"dst_service": f"app-{peer}", "dst_serviceaccount": "d", "dst_zone": "z"}
        yield from _requests(sent)
        yield from _connections({**sent, "peer": "dst"})
        route = {"parent_group": "core", "parent_kind": "Service", "parent_namespace": to["namespace"], "parent_name": f"app-{peer}", "parent_port": "80", "parent_section_name": "", "route_group": "", "route_kind": "default", "route_name": "http", "route_namespace": ""}  # fmt: skip
        yield spelled("outbound_http_route_request_statuses_total", **route, http_status="200", error=""), EACH * len(USED)  # fmt: skip
        yield from _buckets("outbound_http_route_request_duration_seconds", (0.05, 0.5, 1, 10), route)  # fmt: skip
        backend = {**route, "backend_kind": "Service", "backend_name": f"app-{peer}"}
        yield spelled("outbound_http_route_backend_response_statuses_total", **backend, http_status="200", error=""), EACH * len(USED)  # fmt: skip
        yield from _buckets("outbound_http_route_backend_response_duration_seconds", (0.025, 0.05, 0.1, 0.25, 0.5, 1, 10), backend)  # fmt: skip


def _requests(found: dict[str, str]) -> Iterator[Line]:
    for status, classification in (("200", "success"), ("500", "failure")):
        ended = {**found, "status_code": status}
        yield spelled("response_total", **ended, classification=classification), EACH * len(USED)
        yield from _buckets("response_latency_ms", LATENCY_MS_BUCKETS, ended)


def _connections(found: dict[str, str]) -> Iterator[Line]:
    yield spelled("tcp_open_connections", **found), 1
    for name in ("tcp_read_bytes_total", "tcp_write_bytes_total"):
        yield spelled(name, **found), 100_000


def _buckets(name: str, bounds: tuple[float, ...], found: dict[str, str]) -> Iterator[Line]:
    unit = 1000.0 if name.endswith("_seconds") else 1.0
    for bound in (*bounds, float("inf")):
        text = "+Inf" if bound == float("inf") else f"{bound:g}"
        below = sum(one <= bound * unit for one in USED)
        yield spelled(f"{name}_bucket", **found, le=text), EACH * below


def resident() -> float:
    """Megabytes of this process in memory."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096 / 1e6


@click.command()
@click.option("--pods", default=1000, show_default=True)
@click.option("--minutes", default=10, show_default=True)
def main(pods: int, minutes: int) -> None:
    """What the embedded collector costs."""
    of_each = max(1, pods // DEPLOYMENTS)
    memory = Memory()
    told = {}
    for index in range(pods):
        deployment, pod = index % DEPLOYMENTS, index // DEPLOYMENTS
        identity = Identity(f"uid-{index}", f"10.0.{index // 250}.{index % 250}", 4191)
        memory.targets[identity] = Target(labels(deployment, pod), 0.0, timeline=memory.timeline)
        told[identity] = list(exposition(deployment, pod, of_each))
    series = statistics.mean(len(lines) for lines in told.values())
    gc.collect()
    before, rounds = resident(), []
    at = 0
    for number in range(minutes * 60 // INTERVAL + 1):
        at = number * INTERVAL
        taken = 0.0
        for identity, lines in told.items():
            samples = [(line.decode(), float(number * grown)) for line, grown in lines]
            began = time.process_time()
            memory.targets[identity].apply(samples, at)
            taken += time.process_time() - began
        memory.forget(at, memory.targets)
        rounds.append(taken)
    gc.collect()
    click.echo(f"{pods} pods of {series:.0f} series, {minutes} minutes every {INTERVAL} s")
    click.echo(f"memory                      {resident() - before:8.0f} MB")
    click.echo(f"a round, without reading    {statistics.median(rounds):8.2f} s of processor time")
    for name, ask in questions(memory, float(at)):
        click.echo(f"{name:<28}{_milliseconds(ask):8.0f} ms")


def questions(memory: Memory, now: float) -> Iterator[tuple[str, Callable[[], object]]]:
    """What pages and commands ask, by name."""
    stale = now - 2 * INTERVAL
    for kind in (Kind.NAMESPACE, Kind.DEPLOYMENT, Kind.POD, Kind.SERVICE):
        chosen = select(Query(Ref(kind), tcp=True))
        yield f"stat {kind.value}", lambda one=chosen: memory.measure(one, now - 60, now, stale)  # type: ignore[misc]
    everything = [select(Query(Ref(kind, "team-1"), tcp=True)) for kind in IN_ALL]
    yield (
        "stat all in a namespace",
        lambda: [memory.measure(one, now - 60, now, stale) for one in everything],
    )
    near = select_neighbours(Ref(Kind.NAMESPACE, "", "team-1"))
    yield "edges of a namespace", lambda: memory.links(near, now - 60, now, stale)
    edges = select_neighbours(Ref(Kind.DEPLOYMENT))
    yield "edges deployment", lambda: memory.links(edges, now - 60, now, stale)
    routes = TallySelection(
        RESPONSES,
        (("direction", "inbound"),),
        ("namespace", "deployment", "srv_name", "route_name"),
    )
    yield "routes deployment", lambda: memory.tally(routes, now - 60, now)
    moments = [now - 10 * age for age in range(59, 0, -1)]
    past = select(Query(Ref(Kind.POD)))
    yield "the past of every pod", lambda: memory.history(past, moments, 10)


def _milliseconds(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        began = time.process_time()
        ask()
        times.append(time.process_time() - began)
    return statistics.median(times) * 1000


if __name__ == "__main__":
    main()
