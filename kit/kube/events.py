"""Kubernetes events about what we did: seen by `kubectl describe`, never in the caller's way.

Recording puts the event in a bounded queue; one task sends. When the API server is slow or away,
events are dropped and counted, because the work they tell of matters more.
"""

import asyncio
import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

from kit.kube import errors
from kit.kube.client import Client
from kit.kube.objects import EVENTS, Object, Resource

log = logging.getLogger(__name__)

EventType = Literal["Normal", "Warning"]


@dataclass(frozen=True, slots=True)
class Subject:
    """The object an event is about."""

    resource: Resource
    namespace: str
    name: str
    uid: str = ""

    def reference(self) -> Object:
        reference = {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "namespace": self.namespace,
            "name": self.name,
        }
        return {**reference, "uid": self.uid} if self.uid else reference


def event(
    subject: Subject,
    kind: EventType,
    reason: str,
    message: str,
    *,
    component: str,
    now: datetime,
    suffix: str,
) -> Object:
    """The Event object. `suffix` makes its name unique."""
    moment = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "metadata": {"name": f"{subject.name[:200]}.{suffix}", "namespace": subject.namespace},
        "involvedObject": subject.reference(),
        "type": kind,
        "reason": reason,
        "message": message[:1024],
        "source": {"component": component},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }


async def create_event(
    client: Client,
    subject: Subject,
    kind: EventType,
    reason: str,
    message: str,
    *,
    component: str,
    once: bool = False,
) -> None:
    """Sends one event and waits for the answer. Raises KubeError.

    `once`: not again while the API server still has an equal one about the same object, whoever sent it.
    """
    same = f"{subject.uid}/{subject.name}/{reason}/{message}"
    body = event(
        subject,
        kind,
        reason,
        message,
        component=component,
        now=datetime.now(UTC),
        suffix=(sha256(same.encode()).hexdigest() if once else uuid.uuid4().hex)[:16],
    )
    try:
        await client.create(EVENTS, body, subject.namespace)
    except errors.Conflict:
        if not once:
            raise


@dataclass(frozen=True, slots=True)
class _Queued:
    subject: Subject
    kind: EventType
    reason: str
    message: str
    once: bool


class Recorder:
    """Takes events without waiting; `run` sends them."""

    def __init__(self, client: Client, component: str, capacity: int = 256) -> None:
        self._client = client
        self._component = component
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue(capacity)
        self.dropped = 0

    def record_nowait(
        self, subject: Subject, kind: EventType, reason: str, message: str, *, once: bool = False
    ) -> None:
        """Never waits and never fails. `once` as in `create_event`."""
        try:
            self._queue.put_nowait(_Queued(subject, kind, reason, message, once))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Sends events until cancelled."""
        while True:
            one = await self._queue.get()
            try:
                await create_event(
                    self._client,
                    one.subject,
                    one.kind,
                    one.reason,
                    one.message,
                    component=self._component,
                    once=one.once,
                )
            except errors.KubeError as error:
                self.dropped += 1
                log.warning("event not recorded", extra={"reason": one.reason, "why": str(error)})
