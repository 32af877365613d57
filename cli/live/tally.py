"""Completed calls added up by who asked whom for what. Pure."""

from collections import OrderedDict
from dataclasses import dataclass, field

from cli.live.event import Event, is_outbound, labels, microseconds, peer

GRPC_FAILURES = frozenset({2, 4, 13, 14, 15})
"""UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS."""
MAX_OPEN = 1000
"""Requests whose end is awaited; the oldest is forgotten beyond."""
MAX_ROWS = 500
"""Rows kept; the one that has been silent for longest is forgotten beyond."""
OWNERS = (
    "deployment", "statefulset", "daemonset", "cronjob", "job", "replicationcontroller", "replicaset",
)  # fmt: skip
_SHORT = {
    "deployment": "deploy", "statefulset": "sts", "daemonset": "ds", "cronjob": "cj", "job": "job",
    "replicationcontroller": "rc", "replicaset": "rs",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """What one row is about; empty where it is left out."""

    source: str
    destination: str
    method: str
    path: str
    """Without the query; or the route."""


@dataclass(slots=True)
class Row:
    """Latencies in microseconds, from the request's first byte to the response's last."""

    count: int = 0
    failures: int = 0
    best: int = 0
    worst: int = 0
    last: int = 0

    @property
    def success(self) -> float:
        return 1.0 - self.failures / self.count

    def add(self, latency: int, *, success: bool) -> None:
        self.best = latency if not self.count else min(self.best, latency)
        self.worst = max(self.worst, latency)
        self.last = latency
        self.count += 1
        self.failures += not success


@dataclass
class _Open:
    key: Key
    status: int = 0


@dataclass
class Tally:
    """Feed it every event; `rows` is what to show."""

    hide_sources: bool = False
    routes: bool = False
    watched: frozenset[str] = frozenset()
    """Pods that are watched, as `namespace/name`: calls between two of them count once."""
    _open: OrderedDict[str, _Open] = field(default_factory=OrderedDict)
    _rows: OrderedDict[Key, Row] = field(default_factory=OrderedDict)

    def add(self, event: Event) -> None:
        """One event of any kind."""
        request = str(event.get("id"))
        if init := event.get("requestInit"):
            if not self._counts_elsewhere(event):
                self._open[request] = _Open(self._key(event, init))
                if len(self._open) > MAX_OPEN:
                    self._open.popitem(last=False)
        elif init := event.get("responseInit"):
            if request in self._open:
                self._open[request].status = int(init.get("status") or 0)
        elif end := event.get("responseEnd"):
            found = self._open.pop(request, None)
            if found is not None:
                self._finish(found, end)

    @property
    def rows(self) -> list[tuple[Key, Row]]:
        """The most frequent first."""
        return sorted(self._rows.items(), key=lambda one: (-one[1].count, _text(one[0])))

    def _finish(self, found: _Open, end: Event) -> None:
        failed = "resetCode" in end or end.get("grpcStatus") in GRPC_FAILURES or found.status >= 500
        row = self._rows.setdefault(found.key, Row())
        row.add(microseconds(end.get("sinceRequest")), success=not failed)
        self._rows.move_to_end(found.key)
        if len(self._rows) > MAX_ROWS:
            self._rows.popitem(last=False)

    def _counts_elsewhere(self, event: Event) -> bool:
        """The proxy at the other end is watched as well and tells the same call."""
        if not is_outbound(event):
            return False
        far = labels(event, "destination")
        return f"{far.get('namespace')}/{far.get('pod')}" in self.watched

    def _key(self, event: Event, init: Event) -> Key:
        path = str(init.get("path") or "").partition("?")[0]
        if self.routes:
            path = str((event.get("route") or {}).get("route") or "[DEFAULT]")
        return Key(
            "" if self.hide_sources else who(event, "source"),
            who(event, "destination"),
            "" if self.routes else str(init.get("method") or ""),
            path,
        )


def who(event: Event, side: str) -> str:
    """The workload, the pod, the node or the address at one end."""
    known = labels(event, side)
    for kind in OWNERS:
        if kind in known:
            return f"{_SHORT[kind]}/{known[kind]}"
    if "pod" in known:
        return f"po/{known['pod']}"
    return f"no/{known['node']}" if "node" in known else str(peer(event, side).get("ip") or "?")


def _text(key: Key) -> tuple[str, str, str, str]:
    return key.source, key.destination, key.method, key.path
