"""Probes under a virtual clock: every time below is exact."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.node.probe_spec import HandlerError, ProbeSpec, Thresholds, port_of
from sandbox.node.probes import Answer
from sandbox.node.probing import Outcome, probe
from sandbox.node.tests.virtual_time import now, run_virtually

Script = list[tuple[float, str]]
HTTP = {"httpGet": {"port": 80}}
EXEC = {"exec": {"command": ["true"]}}


def story(
    container: dict[str, Any], good: Callable[[str, float], bool], until: float
) -> tuple[Script, dict[str, list[float]]]:
    """What probing reported and when, and when each probe asked. `good` answers by kind and time."""

    async def main() -> tuple[Script, dict[str, list[float]]]:
        told: Script = []
        asked: dict[str, list[float]] = {}

        async def ask(spec: ProbeSpec) -> Answer:
            asked.setdefault(spec.kind, []).append(round(now(), 3))
            return Answer(good(spec.kind, now()), "no")

        def tell(what: str) -> None:
            told.append((round(now(), 3), what))

        ready: list[bool] = [False]

        def on_ready(value: bool) -> None:
            if value != ready[0]:
                ready[0] = value
                tell("ready" if value else "unready")

        outcome = Outcome(
            started=lambda: tell("started"),
            ready=on_ready,
            unhealthy=lambda spec, message: tell(f"unhealthy {spec.kind}"),
            failed=lambda spec: tell(f"failed {spec.kind}"),
        )
        try:
            async with asyncio.timeout(until):
                await probe(container, ask, outcome)
        except TimeoutError:
            pass
        return told, asked

    return run_virtually(main())


def test_without_probes_it_is_ready_at_once() -> None:
    assert story({}, lambda kind, at: False, 5) == ([(0, "started"), (0, "ready")], {})


def test_readiness_comes_early_and_leaves_after_its_threshold() -> None:
    container = {"readinessProbe": {**HTTP, "periodSeconds": 10, "failureThreshold": 2}}
    told, asked = story(container, lambda kind, at: 0.5 <= at < 25, 60)
    assert told == [
        (0, "started"),
        (0, "unhealthy readiness"),
        (0.6, "ready"),
        (30, "unhealthy readiness"),
        (40, "unhealthy readiness"),
        (40, "unready"),
        (50, "unhealthy readiness"),
    ]
    assert asked["readiness"] == [0, 0.2, 0.4, 0.6, 10, 20, 30, 40, 50]


def test_commands_are_not_run_early() -> None:
    container = {"readinessProbe": {**EXEC, "periodSeconds": 5}}
    _, asked = story(container, lambda kind, at: at > 7, 21)
    assert asked["readiness"] == [0, 5, 10, 15, 20]


def test_the_initial_delay_holds() -> None:
    container = {"readinessProbe": {**HTTP, "initialDelaySeconds": 3}}
    told, _ = story(container, lambda kind, at: True, 5)
    assert told == [(0, "started"), (3, "ready")]


def test_liveness_needs_its_threshold_in_a_row() -> None:
    container = {"livenessProbe": {**HTTP, "periodSeconds": 1}}
    told, asked = story(container, lambda kind, at: at < 1 or 2.5 < at < 3.5, 60)
    assert [entry for entry in told if "failed" in entry[1]] == [(6, "failed liveness")]
    assert asked["liveness"] == [0, 1, 2, 3, 4, 5, 6]


def test_nothing_else_is_asked_before_startup_succeeds() -> None:
    container = {
        "startupProbe": {**EXEC, "periodSeconds": 2, "failureThreshold": 5},
        "livenessProbe": {**HTTP, "periodSeconds": 10},
        "readinessProbe": {**HTTP, "periodSeconds": 10},
    }
    told, asked = story(container, lambda kind, at: kind != "startup" or at >= 4, 6)
    assert told[-2:] == [(4, "started"), (4, "ready")]
    assert asked == {"startup": [0, 2, 4], "readiness": [4], "liveness": [4]}


def test_startup_gives_all_the_time_it_was_granted_and_no_more() -> None:
    container = {"startupProbe": {**HTTP, "periodSeconds": 1, "failureThreshold": 3}}
    told, _ = story(container, lambda kind, at: False, 60)
    assert told == [
        (0, "unhealthy startup"),
        (1, "unhealthy startup"),
        (2, "unhealthy startup"),
        (2, "failed startup"),
    ]


def test_early_answers_spare_a_slow_period() -> None:
    container = {"startupProbe": {**HTTP, "periodSeconds": 10}}
    told, _ = story(container, lambda kind, at: at >= 1, 20)
    assert told[-2:] == [(1, "started"), (1, "ready")]


def test_thresholds() -> None:
    one = Thresholds(2, 3, verdict=False)
    answers = [True, False, True, True, False, False, True, False, False, False, True, True]
    verdicts = [one.count(answer) for answer in answers]
    assert verdicts == [False] * 3 + [True] * 6 + [False] * 2 + [True]


def test_defaults() -> None:
    found = ProbeSpec.of({"livenessProbe": HTTP}, "liveness")
    assert found == ProbeSpec("liveness", HTTP, 0, 10, 1, 1, 3, None)
    assert ProbeSpec.of({}, "liveness") is None


@pytest.mark.parametrize(("port", "number"), [(80, 80), ("8080", 8080), ("admin", 4191)])
def test_ports_by_number_and_name(port: int | str, number: int) -> None:
    container = {"ports": [{"name": "admin", "containerPort": 4191}]}
    assert port_of({"port": port}, container) == number


def test_a_port_nobody_has() -> None:
    with pytest.raises(HandlerError, match='couldn\'t find port: "none"'):
        port_of({"port": "none"}, {})
