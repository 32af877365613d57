"""One of several replicas at a time: leader election by a Lease, as Kubernetes' own controllers do it.

Whoever holds the Lease renews it well before it runs out. The others watch for a record that has not
changed for its whole duration, by their own clocks, since the clocks of machines differ. Writes carry
the version they were made from, so that of two that try at once one fails.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kit.kube import errors
from kit.kube.client import Client
from kit.kube.objects import LEASES, Object, resource_version, spec

log = logging.getLogger(__name__)

DURATION = 30.0
"""Seconds after which a silent holder is taken to be gone."""
RENEW = 10.0
"""Seconds between a holder's renewals, and between the others' looks."""


@dataclass(frozen=True, slots=True)
class Record:
    """A Lease as it was read, and for how many seconds it has been like that."""

    holder: str = ""
    duration: float = DURATION
    renewed: str = ""
    transitions: int = 0
    unchanged: float = 0.0


def may_take(record: Record, me: str) -> bool:
    """Whether a Lease is mine already, nobody's, or its holder's no longer."""
    return record.holder in ("", me) or record.unchanged > record.duration


def taken(record: Record, me: str, now: datetime) -> Object:
    """The spec of the Lease once I hold it."""
    moment = now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    made: Object = {
        "holderIdentity": me,
        "leaseDurationSeconds": round(DURATION),
        "renewTime": moment,
        "leaseTransitions": record.transitions + (record.holder != me),
    }
    return made if record.holder == me else {**made, "acquireTime": moment}


@dataclass
class Leadership:
    """This process's part in an election. `run` takes part; `wait_held` returns while it leads."""

    client: Client
    namespace: str
    name: str
    me: str
    renew: float = RENEW
    _held_until: float = field(default=0.0, init=False)
    _seen: tuple[str, float] = field(default=("", 0.0), init=False)
    _won: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def held(self) -> bool:
        """Whether this process leads, for certain: its last renewal has not run out."""
        return time.monotonic() < self._held_until

    async def wait_held(self) -> None:
        """Returns when this process leads."""
        while not self.held:
            self._won.clear()
            await self._won.wait()

    async def run(self) -> None:
        """Takes part until cancelled, then gives the Lease back, so that another goes on at once."""
        try:
            while True:
                await self._round()
                await asyncio.sleep(self.renew)
        finally:
            if self.held:
                self._held_until = 0.0
                await asyncio.shield(self._release())

    async def _round(self) -> None:
        started = time.monotonic()
        led = self.held
        try:
            won = await self._try()
        except errors.KubeError as error:
            about = {"lease": self.name, "why": str(error)}
            log.warning("the lease could not be renewed", extra=about)
            return
        self._held_until = started + DURATION if won else 0.0
        if won:
            self._won.set()
        if led != won:
            log.info("leadership", extra={"lease": self.name, "holder": self.me if won else "-"})

    async def _try(self) -> bool:
        """Whether the Lease is ours after this. Raises KubeError."""
        try:
            lease = await self.client.get(LEASES, self.name, self.namespace)
        except errors.NotFound:
            first = taken(Record(transitions=-1), self.me, _now())
            body = {"metadata": {"name": self.name}, "spec": first}
            try:
                await self.client.create(LEASES, body, self.namespace)
            except errors.Conflict:
                return False
            return True
        record = self._record(lease)
        if not may_take(record, self.me):
            return False
        try:
            await self._write(lease, taken(record, self.me, _now()))
        except errors.Conflict:
            return False
        return True

    def _record(self, lease: Object) -> Record:
        fields = spec(lease)
        record = _read(fields)
        content = f"{record.holder} {record.renewed}"
        now = time.monotonic()
        if self._seen[0] != content:
            self._seen = (content, now)
        return Record(
            record.holder,
            record.duration,
            record.renewed,
            record.transitions,
            now - self._seen[1],
        )

    async def _write(self, lease: Object, fields: Object) -> None:
        body = {"metadata": {"resourceVersion": resource_version(lease)}, "spec": fields}
        await self.client.patch(LEASES, self.name, body, self.namespace)

    async def _release(self) -> None:
        try:
            lease = await self.client.get(LEASES, self.name, self.namespace)
            if _read(spec(lease)).holder == self.me:
                await self._write(lease, {"holderIdentity": "", "leaseDurationSeconds": 1})
        except errors.KubeError as error:
            log.info("the lease was not given back", extra={"lease": self.name, "why": str(error)})


def _read(fields: Mapping[str, Any]) -> Record:
    return Record(
        str(fields.get("holderIdentity") or ""),
        float(fields.get("leaseDurationSeconds") or DURATION),
        str(fields.get("renewTime") or ""),
        int(fields.get("leaseTransitions") or 0),
    )


def _now() -> datetime:
    return datetime.now(UTC)
