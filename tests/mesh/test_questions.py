"""What `mesh edges`, `routes` and `authz` say of the demo, held against what `mesh stat` says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.demo.steps import DEPLOYMENTS, NAMESPACE

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster
    from tests.mesh.story import Story

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("demo")]

KNOWN_SECONDS = 60.0
"""Until two rounds of scraping have seen traffic."""
CALLS = {("vote-bot", "web"), ("web", "emoji"), ("web", "voting")}
SERVED = ("emoji", "voting", "web")
ACCOUNTS = {"vote-bot": "default"}
"""Service accounts that are not called as their deployment."""
WINDOW = ("-t", "15s")
STEADY = 3.0
"""Requests a second that web answers at least, once the window is full of them."""


def answer(cluster: Cluster, *question: str) -> Any:
    return json.loads(cluster.mesh(*question, *WINDOW, "-n", NAMESPACE, "-o", "json"))


def test_edges_are_the_calls_of_the_demo_and_all_are_secured(
    demo: Story, installed: Cluster
) -> None:
    installed.terminal.wait_until(
        "mesh edges knows all calls",
        lambda: {(one["src"], one["dst"]) for one in answer(installed, "edges", "deploy")} >= CALLS,
        seconds=KNOWN_SECONDS,
    )
    found = answer(installed, "edges", "deploy")
    inside = [one for one in found if one["src"] in DEPLOYMENTS and one["dst"] in DEPLOYMENTS]
    assert {(one["src"], one["dst"]) for one in inside} == CALLS
    for one in inside:
        assert one["no_tls_reason"] == ""
        account = ACCOUNTS.get(one["src"], one["src"])
        assert one["client_id"].startswith(f"{account}.{NAMESPACE}.")
        assert one["server_id"].startswith(f"{one['dst']}.{NAMESPACE}.")


def test_routes_and_what_policy_let_in_add_up_to_what_stat_says(installed: Cluster) -> None:
    """Within one scrape: what was asked between two of them is the same for all three."""
    seen: dict[str, tuple[float, float, float]] = {}

    def agree() -> bool:
        seen.update(_three(installed))
        busy = seen["web"][0] >= STEADY
        return busy and all(max(one) <= 1.1 * min(one) for one in seen.values())

    installed.terminal.wait_until(
        "stat, routes and authz agree on a steady stream of requests", agree, seconds=KNOWN_SECONDS
    )
    print(f"requests/s by stat, routes and authz: {seen}")


def _three(cluster: Cluster) -> dict[str, tuple[float, float, float]]:
    """Requests a second that each deployment answers: by stat, by its routes, by what policy let in."""
    by_stat = {one["name"]: one["rps"] or 0.0 for one in answer(cluster, "stat", "deploy")}
    routes = answer(cluster, "routes", *(f"deploy/{name}" for name in SERVED))
    let_in = answer(cluster, "authz", "deploy")
    return {
        name: (
            by_stat.get(name, 0.0),
            sum(one["effective_rps"] or 0.0 for one in routes.get(f"deploy/{name}", ())),
            sum(one["allowed"] for one in let_in if one["name"] == name),
        )
        for name in SERVED
    }
