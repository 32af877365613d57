"""The voting application in a running cluster, through `mesh dashboard`, as a reader sees it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deploy.demo import dashboard as demo_dashboard
from deploy.demo import steps
from deploy.demo.terminal import ROOT
from tests.browser.axe import grave_findings
from tests.browser.tab import best, first_table
from tests.mesh import pods, story
from weft.names import CONTROL_PLANE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.tab import Tab, Theme
    from tests.mesh.cluster import Cluster

NAMESPACE = steps.NAMESPACE
DOUGHNUT = "/emojivoto.v1.VotingService/VoteDoughnut"
WEB = f"/namespaces/{NAMESPACE}/deployments/web"
PICTURES = Path(os.environ.get("WEFT_PICTURES") or ROOT / ".build/pictures")
ATTEMPTS = 10
SECOND = 1000.0
ROWS = "[...document.querySelectorAll('main table tbody tr')].map(tr => [...tr.children].map(one => one.innerText.trim()))"
SINCE = "/ since \\d\\d:\\d\\d:\\d\\d \\(.*\\); trying again/.test(document.body.innerText)"
COUNTS = "[...document.querySelectorAll('td.column-count')].map(one => Number(one.innerText))"
ENOUGH = f"!document.body.innerText.includes('watched so far') && ({COUNTS}.length === 0 || Math.max(...{COUNTS}) > 20)"
CELLS = f"{ROWS}.find(cells => cells[0] === '{NAMESPACE}')"


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Cluster:
    story.install(cluster)
    return cluster


@pytest.fixture(scope="module")
def dashboard(installed: Cluster) -> Iterator[str]:
    """The URL that `mesh dashboard` prints."""
    with demo_dashboard.serving(installed.terminal, port=0) as url:
        yield url


@pytest.fixture
def unmeshed(installed: Cluster) -> Cluster:
    """The application without the mesh."""
    installed.kubectl("delete", "deploy", "--all", "-n", NAMESPACE, "--ignore-not-found")
    pods.await_none(installed, NAMESPACE, "version=v11")
    steps.deploy_application(installed.terminal)
    return installed


@pytest.fixture(scope="module")
def voting(installed: Cluster) -> Cluster:
    """The application injected and with numbers; what is so already is left as it is."""
    if steps.meshed(installed.terminal) == len(steps.DEPLOYMENTS):
        steps.show_numbers(installed.terminal)
    else:
        story.tell(installed)
    return installed


def test_injection_shows_while_one_looks(tab: Tab, dashboard: str, unmeshed: Cluster) -> None:
    tab.go(dashboard)
    tab.wait(f"({CELLS}) && ({CELLS})[1] === '0/4'")
    assert tab.ask(CELLS)[2] == "–"
    steps.inject(unmeshed.terminal)
    tab.wait(f"({CELLS})[1] === '4/4'")
    steps.show_numbers(unmeshed.terminal)
    tab.wait(f"({CELLS})[2].endsWith('%') && parseFloat(({CELLS})[2]) < 100")
    assert float(tab.ask(CELLS)[2].removesuffix(" %")) > 50


def test_the_first_table_is_there_within_a_second(
    tab: Tab, dashboard: str, voting: Cluster
) -> None:
    took = best(lambda: first_table(tab, dashboard, f"({CELLS})"), SECOND)
    print(f"first table after {took:.0f} ms")
    assert took < SECOND


def test_browser_and_terminal_say_the_same(tab: Tab, dashboard: str, voting: Cluster) -> None:
    """Both are read one after the other; a scrape may come between, so the page may be of either side of it."""
    page, before, after = {}, {}, {}
    for _ in range(ATTEMPTS):
        before = _said(voting)
        tab.go(f"{dashboard}/namespaces/{NAMESPACE}/deployments")
        tab.wait(f"{ROWS}.length === {len(steps.DEPLOYMENTS)}")
        page = {cells[0]: tuple(cells[1:4]) for cells in tab.ask(ROWS)}
        after = _said(voting)
        if page in (before, after):
            break
    assert page in (before, after)


def _said(cluster: Cluster) -> dict[str, tuple[str, str, str]]:
    """Meshed, success rate and requests per second of every deployment, as the page would write them."""
    found: list[dict[str, Any]] = json.loads(
        cluster.mesh("stat", "deploy", "-n", NAMESPACE, "-o", "json")
    )
    return {
        row["name"]: (
            row["meshed"],
            "–" if row["success"] is None else f"{row['success'] * 100:.2f} %",
            "–" if row["rps"] is None else f"{row['rps']:.1f}",
        )
        for row in found
    }


def test_the_topology_leads_to_who_fails(tab: Tab, dashboard: str, voting: Cluster) -> None:
    tab.go(f"{dashboard}/namespaces/{NAMESPACE}")
    tab.wait("document.querySelectorAll('.edge').length >= 3")
    edges = tab.ask(
        "[...document.querySelectorAll('.edge')].map(edge => [edge.dataset.from, edge.dataset.to])"
    )
    for edge in (["vote-bot", "web"], ["web", "emoji"], ["web", "voting"]):
        assert edge in edges
    tab.click("a.node[href$='deployments/web']")
    tab.wait("document.querySelectorAll('#outbound tbody tr').length === 2")
    calls = tab.ask(
        "[...document.querySelectorAll('#outbound tbody tr')].map(tr => [...tr.children].map(td => td.innerText.trim()))"
    )
    success = {cells[0]: float(cells[1].removesuffix(" %")) for cells in calls}
    assert success["deploy/voting"] < success["deploy/emoji"] == 100
    assert calls[0][0] == "deploy/voting"
    assert "web.emojivoto → voting.emojivoto" in tab.text()


def test_live_calls_show_the_one_path_that_always_fails(
    tab: Tab, dashboard: str, voting: Cluster
) -> None:
    tab.go(dashboard + WEB)
    live = "[...document.querySelectorAll('#live tbody tr')].map(tr => [...tr.children].map(td => td.innerText.trim()))"
    tab.wait(f"{live}.some(cells => cells[0] === {DOUGHNUT!r})", 60)
    tab.wait(f"{live}.some(cells => cells[8] === '100.00 %')")
    rows = {cells[0]: cells for cells in tab.ask(live)}
    assert rows[DOUGHNUT][1:4] == ["POST", "deploy/web", "deploy/voting"]
    assert rows[DOUGHNUT][8] == "0.00 %"
    failing = {cells[0] for cells in rows.values() if cells[8] == "0.00 %"}
    assert failing <= {DOUGHNUT, "/api/vote"}

    tab.click("#live tbody .column-tap a")  # the worst is first
    tab.wait("document.querySelector('main tbody .is-bad')", 60)
    tab.click("main tbody .open")
    tab.wait("document.querySelector('.detail')")
    detail = tab.ask("document.querySelector('.detail').innerText")
    assert "deploy/web" in detail


def test_tap_shows_a_request_within_a_second_of_the_question(
    tab: Tab, dashboard: str, voting: Cluster
) -> None:
    def ask() -> float:
        tab.go(f"{dashboard}/tap?namespace={NAMESPACE}&resource=deploy/web")
        tab.wait("document.querySelector('.primary')")
        return float(tab.ask(_TAP))

    took = best(ask, SECOND)
    print(f"first request {took:.0f} ms after the question")
    assert took < SECOND
    for direction in ("received from", "sent to"):
        tab.wait(f"{ROWS}.some(cells => cells[1] === {direction!r} && cells[7] === 'mutual TLS')")


_TAP = """new Promise(done => {
  const started = performance.now();
  document.querySelector('.primary').click();
  const look = () => document.querySelector('main tbody tr') ? done(performance.now() - started) : setTimeout(look, 10);
  look();
})"""


def test_who_may_not_tap_is_told_so(tab: Tab, voting: Cluster) -> None:
    """The dashboard of somebody who may see numbers, and no requests."""
    voting.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "numbers-only", "namespace": CONTROL_PLANE_NAMESPACE},
            "rules": [{"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["get", "create"]}],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "numbers-only", "namespace": CONTROL_PLANE_NAMESPACE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "numbers-only"},
            "subjects": [{"kind": "User", "name": "jane"}],
        },
    )  # fmt: skip
    with demo_dashboard.serving(voting.terminal, 0, "--as", "jane") as url:
        tab.go(f"{url}{WEB}")
        tab.wait("document.querySelector('#live .notice')")
        said = tab.ask("document.querySelector('#live .notice').innerText")
        assert "jane" in said
        assert "deployments/tap" in said
        assert "weft-tap-admin" in said
        tab.wait("document.querySelector('#outbound tbody tr')")
    tab.complaints.clear()  # the browser's own word for a 403


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_for_the_readme(tab: Tab, dashboard: str, voting: Cluster, theme: Theme) -> None:
    """`make pictures` keeps them beside the documents."""
    tab.theme(theme)
    target = f"?namespace={NAMESPACE}&resource=deploy/web&start=1"
    for name, path in (
        ("namespaces", "/namespaces"),
        ("namespace", f"/namespaces/{NAMESPACE}"),
        ("workload", WEB),
        ("tap", f"/tap{target}"),
        ("top", f"/top{target}"),
        ("controlplane", "/controlplane"),
    ):
        tab.go(dashboard + path)
        tab.wait("document.querySelector('main tbody tr .success')")
        if "start" in path:
            tab.wait("document.querySelector('main tbody tr .is-bad')", 60)
        if "WEFT_PICTURES" in os.environ:  # which are to show more than a beginning
            tab.wait(ENOUGH, 120)
        assert grave_findings(tab) == [], path
        tab.picture(PICTURES / f"dashboard-{name}-{theme}.png")


@pytest.mark.parametrize("component", ["tap", "destination", "identity"])
def test_a_component_that_is_stopped_is_named_with_the_moment(
    tab: Tab, dashboard: str, voting: Cluster, component: str
) -> None:
    """What the proxies do meanwhile goes on being counted."""
    scale = ("scale", f"deploy/weft-{component}", "-n", CONTROL_PLANE_NAMESPACE)
    tab.go(f"{dashboard}/tap?namespace={NAMESPACE}&resource=deploy/web&start=1")
    tab.wait("document.querySelector('main tbody tr')")
    voting.kubectl(*scale, "--replicas=0")
    try:
        tab.wait(
            f"/{component} is down since \\d\\d:\\d\\d:\\d\\d/.test(document.body.innerText)", 60
        )
        if component == "tap":
            tab.wait(SINCE, 60)
        tab.go(dashboard)
        tab.wait(f"({CELLS}) && ({CELLS})[1] === '4/4' && ({CELLS})[2].endsWith('%')")
        assert f"{component} is down" in tab.text()
    finally:
        voting.kubectl(*scale, "--replicas=1")
    tab.wait("!document.querySelector('.notice')", 90)
    tab.complaints.clear()  # the browser's own word for a 503
