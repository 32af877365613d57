"""The demo's story in numbers: what the application counts, what its proxies count, what people see."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from deploy.demo.steps import DEPLOYMENTS, NAMESPACE
from tests.mesh import pods, scrape, workloads
from weft.names import TrustDomain

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster
    from tests.mesh.story import Story

VOTING = "app=voting-svc"
VOTING_METRICS = 8801
WINDOW_SECONDS = 15.0
"""The shortest that `mesh stat` takes."""
SCRAPE_SECONDS = 5.0
"""How old what it knows may be."""
INBOUND_VOTES = {"direction": "inbound", "target_port": "8080"}


class Counted(NamedTuple):
    """What a deployment's proxy has counted of requests to it."""

    at: float
    total: float
    failed: float


@pytest.fixture(scope="module")
def earlier(demo: Story, installed: Cluster) -> dict[str, Counted]:
    """The counters at the beginning, for a comparison that needs time to pass."""
    return {name: _counted(installed, name) for name in ("emoji", "voting", "web")}


def _counted(cluster: Cluster, name: str) -> Counted:
    pod = pods.only(cluster, NAMESPACE, f"app={name}-svc")
    found = scrape.proxy(cluster, NAMESPACE, pod.name)
    return Counted(
        time.monotonic(),
        found.total("response_total", direction="inbound"),
        found.total("response_total", direction="inbound", classification="failure"),
    )


@pytest.mark.usefixtures("earlier")
def test_at_first_nothing_is_meshed(demo: Story) -> None:
    assert {name: row["meshed"] for name, row in demo.unmeshed.items()} == dict.fromkeys(
        DEPLOYMENTS, "0/1"
    )
    assert demo.unmeshed_pods == "0/4"


def test_injected_all_are_meshed_and_the_doughnut_shows(demo: Story) -> None:
    rows = demo.meshed
    assert {name: row["meshed"] for name, row in rows.items()} == dict.fromkeys(DEPLOYMENTS, "1/1")
    assert demo.meshed_pods == "4/4"
    assert rows["emoji"]["success"] == 1.0
    assert 0 < rows["voting"]["success"] < rows["web"]["success"] < 1.0
    assert all(rows[name]["rps"] > 0 for name in ("emoji", "voting", "web"))
    assert rows["vote-bot"]["success"] is None, "nobody asks the bot"
    print(f"steps: {', '.join(f'{name} {took:.1f} s' for name, took in demo.seconds.items())}")


def test_every_deployment_speaks_mutual_tls_as_itself(demo: Story, installed: Cluster) -> None:
    """The names in the proxies' labels are the service accounts of who really called whom."""
    callers = {"app=web-svc": "default", "app=emoji-svc": "web", VOTING: "web"}
    load = TrustDomain().identity("default", workloads.NAMESPACE)
    for selector, caller in callers.items():
        pod = pods.only(installed, NAMESPACE, selector)
        found = scrape.proxy(installed, NAMESPACE, pod.name)
        meshed = found.total("response_total", direction="inbound", tls="true")
        by_caller, by_load = (
            found.total("response_total", direction="inbound", tls="true", client_id=identity)
            for identity in (TrustDomain().identity(caller, NAMESPACE), load)
        )
        assert by_caller > 0, selector
        assert meshed == by_caller + by_load, selector


def test_failures_counted_by_the_demo_are_those_counted_by_its_proxy(
    demo: Story, installed: Cluster
) -> None:
    """The application's counters lie between two scrapes of the proxy, and its failures are exactly
    the proxy's when none comes in between."""
    pod = pods.only(installed, NAMESPACE, VOTING)

    def proxy() -> tuple[float, float]:
        found = scrape.proxy(installed, NAMESPACE, pod.name)
        failed = found.total("response_total", **INBOUND_VOTES, classification="failure")
        return failed, found.total("response_total", **INBOUND_VOTES, classification="success")

    def application() -> tuple[float, float]:
        found = scrape.application(installed, NAMESPACE, pod.name, VOTING_METRICS)
        refused = found.total("emojivoto_votes_refused_total", emoji=":doughnut:")
        assert refused == found.total("emojivoto_votes_refused_total"), "only the doughnut fails"
        return refused, found.total("grpc_server_handled_total", grpc_code="OK")

    exact = 0
    for _ in range(30):
        before, counted, after = proxy(), application(), proxy()
        for low, here, high in zip(before, counted, after, strict=True):
            assert low <= here <= high
        exact += before[0] == counted[0] == after[0]
        if exact == 3:
            break
    print(f"votes refused {counted[0]:.0f}, counted {counted[1]:.0f}; {exact} exact comparisons")
    assert counted[0] > 0
    assert exact, "votes came between every two scrapes"


def test_web_answers_500_exactly_as_often_as_votes_fail(demo: Story, installed: Cluster) -> None:
    """One refused vote is one failed call and one 500, across three proxies."""
    web = pods.only(installed, NAMESPACE, "app=web-svc")
    voting = pods.only(installed, NAMESPACE, VOTING)

    def counted() -> tuple[float, float, float]:
        """Refused votes, failed calls, answers with 500, at a moment when no vote is refused."""
        for _ in range(30):
            before = _refused(installed, voting.name)
            found = scrape.proxy(installed, NAMESPACE, web.name)
            if before == _refused(installed, voting.name):
                calls = {"direction": "outbound", "dst_pod": voting.name, "grpc_status": "2"}
                answers = {"direction": "inbound", "status_code": "500"}
                return (
                    before,
                    found.total("response_total", **calls),
                    found.total("response_total", **answers),
                )
        raise AssertionError("votes were refused between every two scrapes")

    first = counted()
    installed.terminal.wait_until(
        "three more votes are refused",
        lambda: _refused(installed, voting.name) >= first[0] + 3,
        seconds=30,
    )
    second = counted()
    refused, calls, answers = (now - then for now, then in zip(second, first, strict=True))
    print(f"{refused:.0f} votes refused, {calls:.0f} calls failed, {answers:.0f} answers with 500")
    assert refused == calls == answers


def test_stat_prints_the_same_table_as_its_json(demo: Story, installed: Cluster) -> None:
    table = installed.mesh("stat", "deploy", "-n", NAMESPACE)
    header, *lines = table.splitlines()
    assert header.split()[:3] == ["NAME", "MESHED", "SUCCESS"]
    assert [line.split()[0] for line in lines] == sorted(DEPLOYMENTS)


def test_check_of_the_proxies_is_green(demo: Story, installed: Cluster) -> None:
    said = json.loads(
        installed.mesh("check", "--proxy", "-n", NAMESPACE, "--wait", "30s", "-o", "json")
    )
    assert said["success"]
    failed = [one for one in _checks(said) if one["result"] == "error"]
    assert failed == []


def test_stat_agrees_with_the_proxies(
    demo: Story, installed: Cluster, earlier: dict[str, Counted]
) -> None:
    """The requests that `mesh stat` saw in its window are among those that the proxies counted in
    a longer time around it, and so are the failures."""
    began = min(one.at for one in earlier.values())
    time.sleep(max(0.0, began + WINDOW_SECONDS + SCRAPE_SECONDS + 1 - time.monotonic()))
    output = installed.mesh(
        "stat", "deploy", "-n", NAMESPACE, "-t", f"{WINDOW_SECONDS:.0f}s", "-o", "json"
    )
    rows = {row["name"]: row for row in json.loads(output)}
    for name, before in earlier.items():
        after = _counted(installed, name)
        total, failed = after.total - before.total, after.failed - before.failed
        seen = rows[name]["rps"] * WINDOW_SECONDS
        seen_failed = (1 - rows[name]["success"]) * seen
        print(
            f"{name}: stat saw {seen:.0f}, {seen_failed:.1f} failed; proxy {total:.0f}, {failed:.0f}"
        )
        assert 0 < seen <= total + 0.5
        assert seen >= total * WINDOW_SECONDS / (WINDOW_SECONDS + 3 * SCRAPE_SECONDS)
        assert seen_failed <= failed + 0.5
        assert failed > 0 or seen_failed == 0


def _refused(cluster: Cluster, pod: str) -> float:
    found = scrape.application(cluster, NAMESPACE, pod, VOTING_METRICS)
    return found.total("emojivoto_votes_refused_total")


def _checks(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for category in said["categories"] for one in category["checks"]]
