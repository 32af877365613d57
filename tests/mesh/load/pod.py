"""The load's pod: its code comes from a ConfigMap, what it counted from its log."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.mesh.workloads import NAMESPACE, pod_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.mesh.cluster import Cluster

NAME = "load"
RATES = "web=100,voting=50,emoji=50"
"""Requests per second: 200 sent by the pod, 200 more between web and the services behind it."""

LEAST_PER_SECOND = 25.0
"""Fewer answers than this, and the load was no load: its zero failures would say nothing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted for one target between two moments."""

    sent: int
    answered: int
    failed: int

    def __sub__(self, before: Counts) -> Counts:
        return Counts(
            self.sent - before.sent,
            self.answered - before.answered,
            self.failed - before.failed,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything counted since the pod began, at one moment of the pod's clock."""

    at: float
    settled: float
    """What was sent before this moment has been answered or has failed."""
    targets: Mapping[str, Counts]


@dataclass(frozen=True, slots=True)
class Span:
    """What was counted between two readings, and every failure's own words."""

    seconds: float
    targets: Mapping[str, Counts]
    failures: tuple[str, ...]

    @property
    def failed(self) -> int:
        return sum(one.failed for one in self.targets.values())

    @property
    def answered(self) -> int:
        return sum(one.answered for one in self.targets.values())

    def __str__(self) -> str:
        counted = ", ".join(
            f"{name} {one.answered} answered {one.failed} failed"
            for name, one in self.targets.items()
        )
        rate = self.answered / self.seconds
        return f"{self.failed} failed of {self.failed + self.answered} in {self.seconds:.0f} s ({rate:.0f}/s): {counted}"


class Load:
    """A pod that asks. Readings are at most half a second old."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def read(self) -> Reading:
        """The first reading taken after this call."""
        called, found = time.time(), None
        deadline = time.monotonic() + 20
        while found is None or found.at < called:
            assert time.monotonic() < deadline, f"the load counts no more since {found}"
            time.sleep(0.2)
            found = _last_reading(self._log("--tail=20"))
        return found

    def since(self, before: Reading) -> Span:
        """What became of requests since a reading; those in flight are waited for."""
        now = asked = self.read()
        deadline = time.monotonic() + 15
        while now.settled < asked.at:
            assert time.monotonic() < deadline, f"requests neither answered nor failed: {now}"
            now = self.read()
        targets = {name: counts - before.targets[name] for name, counts in now.targets.items()}
        return Span(now.at - before.at, targets, self._failures(before.at))

    def require_no_failure(self, before: Reading, what: str) -> Span:
        """What became of requests since a reading. Raises AssertionError with what failed."""
        span = self.since(before)
        print(f"{what}: {span}")
        assert span.failed == 0, "\n".join((str(span), *span.failures[:20]))
        assert span.answered / span.seconds >= LEAST_PER_SECOND
        return span

    def _failures(self, since: float) -> tuple[str, ...]:
        said = (json.loads(line) for line in self._log().splitlines() if '"failure"' in line)
        return tuple(
            f"{one['at'] - since:.2f} s {one['failure']}: {one['why']}"
            for one in said
            if one["at"] >= since
        )

    def _log(self, *options: str) -> str:
        return self._cluster.kubectl("logs", "-n", NAMESPACE, NAME, "-c", NAME, *options)


@contextmanager
def running(cluster: Cluster, rates: str = "") -> Iterator[Load]:
    """The load from its first answers on, until the block ends."""
    cluster.apply(*_objects(rates or os.environ.get("WEFT_TEST_LOAD", RATES)))
    try:
        cluster.kubectl(
            "wait", f"pod/{NAME}", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=60s"
        )
        load = Load(cluster)
        cluster.terminal.wait_until(
            "the load has answers from every target",
            lambda: all(one.answered for one in load.read().targets.values()),
            seconds=30,
        )
        yield load
    finally:
        cluster.kubectl("delete", "pod", NAME, "-n", NAMESPACE, "--ignore-not-found")
        cluster.kubectl("delete", "configmap", NAME, "-n", NAMESPACE, "--ignore-not-found")


def _last_reading(log: str) -> Reading | None:
    for line in reversed(log.splitlines()):
        if line.startswith('{"at"') and line.endswith("}"):
            said = json.loads(line)
            targets = {
                name: Counts(one["sent"], one["answered"], one["failed"])
                for name, one in said["targets"].items()
            }
            return Reading(said["at"], said["settled"], targets)
    return None


def _objects(rates: str) -> list[Any]:
    program = Path(__file__).with_name("program.py").read_text()
    template = pod_template(NAME, ("/usr/bin/python3", "/load/program.py"), {})
    container = template["spec"]["containers"][0]
    container["env"] = [{"name": "LOAD_RATES", "value": rates}]
    container["volumeMounts"] = [{"name": "code", "mountPath": "/load"}]
    template["spec"]["volumes"] = [{"name": "code", "configMap": {"name": NAME}}]
    template["spec"]["restartPolicy"] = "Never"
    template["metadata"] |= {"name": NAME, "namespace": NAMESPACE}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {"program.py": program},
    }
    return [config, {"apiVersion": "v1", "kind": "Pod", **template}]
