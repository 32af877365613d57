"""The page of a made-up run, and the model's arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kubernetes.scale.figures import (
    MEBIBYTE,
    Component,
    Cost,
    Figures,
    Step,
    Usage,
    component_per_thousand,
    proxies_per_thousand,
    share,
    spent,
    together,
)
from tests.kubernetes.scale.page import render


def usage(at: float, cpu_seconds: float, mebibytes: float, started: float = 5.0) -> Usage:
    return Usage(at, started, cpu_seconds, mebibytes * MEBIBYTE)


DESTINATION = Component(usage(0, 2, 60), usage(100, 12, 70), usage(160, 12.6, 70), 0)
IDENTITY = Component(usage(0, 1, 50), usage(100, 5, 51), usage(160, 5, 51), 3)
FIGURES = Figures(
    wanted=200,
    steps=(Step(100, 100.0), Step(200, 300.0)),
    unmeshed=Step(20, 10.0),
    components={"destination": DESTINATION, "identity": IDENTITY},
    proxies=(usage(9, 0.4, 38), usage(9, 0.6, 42), usage(9, 0.5, 40)),
    idle_proxies=(0.001, 0.004, 0.002),
)


def test_a_share_is_of_the_time_between_two_readings() -> None:
    assert share(usage(10, 3, 1), usage(30, 8, 1)) == pytest.approx(0.25)


def test_of_a_process_that_was_restarted_only_its_own_cpu_counts() -> None:
    assert spent(usage(10, 8, 1, started=1), usage(30, 9, 1, started=20)) == pytest.approx(9)
    assert spent(usage(10, 8, 1, started=1), usage(30, 9, 1, started=1)) == pytest.approx(1)


@pytest.mark.parametrize("at", [10.0, 9.0])
def test_readings_in_disorder_are_refused(at: float) -> None:
    with pytest.raises(ValueError, match="no time went by"):
        share(usage(10, 1, 1), usage(at, 2, 1))


def test_a_component_costs_in_proportion_to_pods() -> None:
    cost = component_per_thousand(DESTINATION, 200)
    assert cost.starting == pytest.approx(50)
    assert cost.memory == pytest.approx(50 * MEBIBYTE)
    assert cost.idle == pytest.approx(0.05)


def test_a_thousand_proxies_are_a_thousand_median_ones() -> None:
    cost = proxies_per_thousand(FIGURES)
    assert cost.starting == pytest.approx(500)
    assert cost.memory == pytest.approx(40_000 * MEBIBYTE)
    assert cost.idle == pytest.approx(2.0)


def test_costs_add_up() -> None:
    assert together([Cost(1, 2, 3), Cost(10, 20, 30)]) == Cost(11, 22, 33)
    assert together([]) == Cost(0, 0, 0)


@pytest.mark.parametrize(
    "line",
    [
        "200 pods that sleep, each with the mesh's proxy, on one node of a real Kubernetes v1.0: ",
        "| 100 | 100 | 1.00 |",
        "| 200 | 300 | 2.00 |",
        "20 pods without the mesh, on the same node before: 10 s, 0.50 s for each.",
        "| destination | 60.0 | 70.0 | 10.0 | 1.00 | 0 |",
        "| identity | 50.0 | 51.0 | 4.0 | 0.00 | 3 |",
        "| memory: least, median, most | 38.0, 40.0, 42.0 MiB |",
        "| CPU from the start until all pods were ready, median | 0.50 s |",
        "| CPU when nothing happens, median of 3 | 0.20 % of a core |",
        "| destination | 50 | 50 | 0.05 |",
        "| identity | 20 | 5 | 0.00 |",
        "| **control plane** | 70 | 55 | 0.05 |",
        "| **1,000 proxies** | 500 | 40,000 | 2.00 |",
    ],
)
def test_the_page_says_what_was_found(line: str) -> None:
    assert line in render(FIGURES, "v1.0", "The machine: of tests")


def test_the_page_says_when_fewer_pods_were_ready_than_wanted() -> None:
    fewer = "200 were wanted: no more were ready in the time there was."
    assert fewer in render(
        replace(FIGURES, steps=(Step(120, 900.0),)), "v1.0", "The machine: of tests"
    )
    assert fewer not in render(FIGURES, "v1.0", "The machine: of tests")
