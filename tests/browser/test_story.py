"""The voting application in a running cluster, through `mesh dashboard`, as a reader sees it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from deploy.demo import steps
from deploy.demo.terminal import MESH, ROOT
from tests.browser.axe import grave_findings
from tests.mesh import story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.tab import Tab, Theme
    from tests.mesh.cluster import Cluster

NAMESPACE = steps.NAMESPACE
PICTURES = ROOT / "docs/images"
CELLS = f"""[...document.querySelectorAll('tbody tr')].map(tr => [...tr.children].map(one => one.innerText.trim()))
  .find(cells => cells[0] === '{NAMESPACE}')"""


@pytest.fixture(scope="module")
def voting(cluster: Cluster) -> Cluster:
    """The application injected and with numbers; what runs already is left as it is."""
    story.install(cluster)
    if not steps.tells_the_story(steps.rows(cluster.terminal, "deploy")):
        story.tell(cluster)
    return cluster


@pytest.fixture(scope="module")
def dashboard(voting: Cluster) -> Iterator[str]:
    """The URL that `mesh dashboard` prints."""
    command = [*MESH, "dashboard", "--show", "url", "--port", "0"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **voting.terminal.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "Weft dashboard available at:\n"
            yield process.stdout.readline().strip()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)


def test_namespaces_say_that_something_fails(tab: Tab, dashboard: str, voting: Cluster) -> None:
    tab.go(dashboard)
    tab.wait(f"({CELLS}) && ({CELLS})[1] === '4/4'")
    tab.wait(f"({CELLS})[2].endsWith('%')")
    cells = tab.ask(CELLS)
    success = float(cells[2].removesuffix(" %"))
    assert 50 < success < 100
    stat: list[dict[str, Any]] = json.loads(voting.mesh("stat", f"ns/{NAMESPACE}", "-o", "json"))
    assert success / 100 == pytest.approx(stat[0]["success"], abs=0.05)


def test_the_topology_leads_to_who_fails(tab: Tab, dashboard: str) -> None:
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_for_the_readme(tab: Tab, dashboard: str, theme: Theme) -> None:
    tab.theme(theme)
    for name, path in (
        ("namespaces", "/namespaces"),
        ("namespace", f"/namespaces/{NAMESPACE}"),
        ("workload", f"/namespaces/{NAMESPACE}/deployments/web"),
        ("controlplane", "/controlplane"),
    ):
        tab.go(dashboard + path)
        tab.wait("document.querySelector('tbody tr .success')")
        assert grave_findings(tab) == [], path
        tab.picture(_picture(name, theme))


def _picture(name: str, theme: str) -> Path:
    return PICTURES / f"dashboard-{name}-{theme}.png"
