"""Tap, Top and live calls in the browser: started and stopped, filtered, refused, broken off, in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.checks.model import Outcome, Result
from cli.live.tests.events import DOUGHNUT, Json, call
from cli.render.check_output import to_json
from tests.browser.axe import grave_findings
from tests.browser.dashboard import NAMESPACE, cluster, served, voting
from tests.browser.live import POD, FakeTap, forwarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.tab import Tab

WATCH = "/apis/tap.linkerd.io/v1alpha1/watch/namespaces/emojivoto"
CELLS = "[...document.querySelectorAll('main tbody tr')].map(tr => [...tr.children].map(td => td.innerText.trim()))"
ON = "document.querySelector('.freshness.is-on')"


@pytest.fixture
def tap() -> FakeTap:
    return FakeTap()


@pytest.fixture
def dashboard(tap: FakeTap) -> Iterator[str]:
    with served(cluster(), voting()) as service, forwarded(service, tap) as url:
        yield url


def doughnut(identity: str) -> list[Json]:
    return call(identity, DOUGHNUT, method="POST", outbound=True, grpcStatus=2)


def fill(tab: Tab, label: str, text: str) -> None:
    """Types into the field that has this label."""
    tab.ask(f"""(() => {{
      const label = [...document.querySelectorAll('label')].find(one => one.textContent === {label!r});
      const input = document.getElementById(label.htmlFor);
      input.value = {text!r};
      input.dispatchEvent(new InputEvent('input', {{bubbles: true}}));
    }})()""")


def test_tap_shows_requests_as_they_happen(tab: Tab, dashboard: str, tap: FakeTap) -> None:
    tab.go(f"{dashboard}/tap")
    fill(tab, "Namespace", NAMESPACE)
    fill(tab, "Resource", "deploy/web")
    assert "mesh tap deploy/web -n emojivoto" in tab.text()
    tab.click(".primary")
    tab.wait(ON)
    assert "watching 1 pod" in tab.text()
    assert "No request has been seen yet" in tab.text()
    tap.tell_call(call("1:0", "/api/list"))
    tap.tell_call(doughnut("1:1"))
    tab.wait(f"{CELLS}.length === 2")
    first, second = tab.ask(CELLS)
    assert first[1:] == [
        "sent to", "deploy/voting", "POST", DOUGHNUT, "200 · Unknown", "1.2 ms", "mutual TLS",
    ]  # fmt: skip
    assert second[1:4] == ["received from", "deploy/vote-bot", "GET"]
    ((path, body),) = tap.asked
    assert path == f"{WATCH}/deployments/web/tap"
    assert body["target"] == {"kind": "deployment", "name": "web", "namespace": NAMESPACE}
    assert body["headers"] is True

    tab.click(".secondary")
    tab.wait("document.body.innerText.includes('not watching')")
    assert len(tab.ask(CELLS)) == 2
    tap.tell({})  # what stands in between notices that the reader has left
    tap.tell({})


def test_a_request_in_full(tab: Tab, dashboard: str, tap: FakeTap) -> None:
    tab.go(f"{dashboard}/tap?namespace=emojivoto&resource=deploy/web&start=1")
    tab.wait(ON)
    events = doughnut("1:1")
    events[0]["requestInit"]["headers"] = [
        {"name": "user-agent", "text": "<b>grpc</b>"},
        {"name": "authorization", "redacted": True},
    ]
    events[2]["responseEnd"]["trailers"] = [{"name": "grpc-message", "text": "ERROR"}]
    tap.tell_call(events)
    tab.click("main .open")
    tab.wait("document.activeElement.closest('.detail')")
    detail = tab.ask("document.querySelector('.detail').innerText")
    for words in (DOUGHNUT, "deploy/voting", "2 Unknown", "<b>grpc</b>", "held back", "ERROR"):
        assert words in detail
    assert grave_findings(tab) == []
    tab.click(".close")
    tab.wait("!document.querySelector('.detail')")


def test_filters_stand_in_the_address(tab: Tab, dashboard: str, tap: FakeTap) -> None:
    tab.go(f"{dashboard}/tap?namespace=emojivoto&resource=deploy/web&to=deploy/voting&path=/e")
    tab.wait("document.querySelector('details[open]')")
    assert "mesh tap deploy/web -n emojivoto --to deploy/voting --path /e" in tab.text()
    fill(tab, "Method", "post")
    fill(tab, "At most, per second", "7")
    tab.click(".primary")
    tab.wait(ON)
    assert "start=1" in tab.ask("location.search")
    ((_, body),) = tap.asked
    assert body == {
        "target": {"kind": "deployment", "name": "web", "namespace": NAMESPACE},
        "to": {"kind": "deployment", "name": "voting", "namespace": NAMESPACE},
        "method": "POST",
        "pathPrefix": "/e",
        "maxRps": 7,
        "headers": True,
    }
    fill(tab, "Resource", "web")
    tab.click(".primary")
    tab.wait("document.body.innerText.includes('Write TYPE/NAME, such as deploy/web.')")
    assert len(tap.asked) == 1


def test_resources_are_suggested(tab: Tab, dashboard: str) -> None:
    tab.go(f"{dashboard}/tap?namespace=emojivoto")
    options = "[...document.querySelectorAll('datalist option')].map(one => one.value)"
    tab.wait(f"{options}.includes('deploy/vote-bot')")
    assert NAMESPACE in tab.ask(options)


def test_what_is_lost_and_whom_it_does_not_reach(tab: Tab, dashboard: str, tap: FakeTap) -> None:
    tap.started = {
        "pods": [POD],
        "skipped": [{"pod": "emojivoto/old", "reason": "it has no proxy"}],
    }
    tab.go(f"{dashboard}/tap?namespace=emojivoto&start=1")
    tab.wait(ON)
    assert "Not watched: emojivoto/old (it has no proxy)" in tab.text()
    tap.tell({"dropped": "3"}, {"dropped": "4"})
    tap.tell({"trouble": {"pod": POD, "reason": "it went away"}})
    tab.wait("document.body.innerText.includes('7 events were lost')")
    assert f"Not watched any more: {POD} (it went away)" in tab.text()
    assert grave_findings(tab) == []


def test_who_may_not_watch_is_told_so_and_what_would_help(
    tab: Tab, dashboard: str, tap: FakeTap
) -> None:
    why = "jane may not watch deployments/tap in group tap.linkerd.io, namespace emojivoto"
    tap.refusal = (403, {"error": why, "message": why})
    tab.go(f"{dashboard}/tap?namespace=emojivoto&resource=deploy/web&start=1")
    tab.wait(f"document.body.innerText.includes({why!r})")
    assert "--clusterrole weft-weft-tap-admin --user USER" in tab.text()
    tab.go(f"{dashboard}/namespaces/{NAMESPACE}/deployments/web")
    tab.wait(f"document.querySelector('#live').innerText.includes({why!r})")
    tab.wait("document.querySelector('#outbound tbody tr')")  # the rest of the page is as ever
    assert len(tap.asked) == 2, "asking again would bring the same answer"
    tab.complaints.clear()  # the browser's own word for a 403


def test_a_tap_that_breaks_off_is_told_with_the_moment_and_comes_back(
    tab: Tab, dashboard: str, tap: FakeTap
) -> None:
    tab.go(f"{dashboard}/tap?namespace=emojivoto&resource=deploy/web&start=1")
    tab.wait(ON)
    tap.tell_call(doughnut("1:1"))
    tab.wait(f"{CELLS}.length === 1")
    tap.refusal = (503, {"kind": "Status", "message": "service unavailable"})
    tap.hang_up()
    tab.wait("/service unavailable since \\d\\d:\\d\\d:\\d\\d/.test(document.body.innerText)")
    assert len(tab.ask(CELLS)) == 1, "what was seen stays"
    tap.refusal = None
    tab.wait(ON)
    assert not tab.ask("!!document.querySelector('.notice')")
    tab.complaints.clear()  # the browser's own word for a 503


def test_top_finds_the_path_that_fails(tab: Tab, dashboard: str, tap: FakeTap) -> None:
    tab.go(f"{dashboard}/top?namespace=emojivoto&resource=deploy/web&start=1")
    tab.wait(ON)
    for number in range(3):
        tap.tell_call(call(f"1:{number}", "/api/list?x=1", seconds=0.002 + number / 1000))
    tap.tell_call(doughnut("2:0"))
    tab.wait(f"{CELLS}.length === 2")
    rows = tab.ask(CELLS)
    assert rows[0] == [
        "/api/list", "GET", "deploy/vote-bot", "deploy/web", "3", "2.0 ms", "4.0 ms", "4.0 ms", "100.00 %", "Tap",
    ]  # fmt: skip
    assert rows[1][0] == DOUGHNUT
    assert rows[1][8] == "0.00 %"
    tab.click("thead .column-success button")
    tab.click("thead .column-success button")
    tab.wait(f"{CELLS}[0][0] === {DOUGHNUT!r}")
    assert "mesh top deploy/web -n emojivoto" in tab.text()
    assert grave_findings(tab) == []
    tab.click("tbody .column-tap a")
    tab.wait("location.pathname === '/tap'")
    tab.wait(ON)
    assert tap.asked[-1][1]["pathPrefix"] == DOUGHNUT


def test_top_adds_up_otherwise(tab: Tab, dashboard: str, tap: FakeTap) -> None:
    tab.go(f"{dashboard}/top?namespace=emojivoto&resource=deploy/web&start=1")
    tab.wait(ON)
    tab.click(".choice input")
    tab.wait("document.body.innerText.includes('mesh top deploy/web -n emojivoto --hide-sources')")
    tab.wait("!document.querySelector('.column-source')")
    tab.wait(ON)
    tap.tell_call(call())
    tab.wait(f"{CELLS}.length === 1")


def test_the_workload_page_shows_live_calls_the_worst_first(
    tab: Tab, dashboard: str, tap: FakeTap
) -> None:
    tab.go(f"{dashboard}/namespaces/{NAMESPACE}/deployments/web")
    tab.wait(f"document.querySelector('#live') && {ON}")
    for number in range(3):
        tap.tell_call(call(f"1:{number}", "/api/list"))
    tap.tell_call(doughnut("2:0"))
    live = "[...document.querySelectorAll('#live tbody tr')].map(tr => tr.innerText)"
    tab.wait(f"{live}.length === 2")
    assert DOUGHNUT in tab.ask(live)[0]
    assert "0.00 %" in tab.ask(live)[0]
    assert tap.viewers == 1
    tab.click("#live .links button")
    tab.wait("document.querySelector('#live').innerText.includes('not watching')")


def test_a_busy_target_does_not_stall_the_page(tab: Tab, dashboard: str, tap: FakeTap) -> None:
    tab.go(f"{dashboard}/tap?namespace=emojivoto&resource=deploy/web&start=1")
    tab.wait(ON)
    for number in range(3000):
        tap.tell_call(call(f"1:{number}", f"/{number}"))
    tab.wait("document.body.innerText.includes('3000 requests seen')")
    assert tab.ask("document.querySelector('table').getAttribute('aria-rowcount')") == "501"
    assert tab.ask("document.querySelectorAll('tbody tr').length") < 100


@pytest.mark.parametrize("path", ["/tap", "/top"])
def test_a_phone_and_a_reader_without_eyes(
    tab: Tab, dashboard: str, tap: FakeTap, path: str
) -> None:
    tab.size(390, 844, phone=True)
    for theme in ("light", "dark"):
        tab.theme("light" if theme == "light" else "dark")
        tab.go(f"{dashboard}{path}?namespace=emojivoto&resource=deploy/web&start=1")
        tab.wait(ON)
        tap.tell_call(doughnut("1:1"))
        tab.wait(f"{CELLS}.length === 1")
        assert tab.ask("document.scrollingElement.scrollWidth") <= 390
        assert grave_findings(tab) == []


def test_without_mesh_dashboard_the_page_says_how_to_open_it(tab: Tab) -> None:
    with served(cluster(), voting()) as service:
        tab.go(f"{service.url}/tap?namespace=emojivoto&start=1")
        tab.wait("document.body.innerText.includes('Open the dashboard with mesh dashboard')")
    tab.complaints.clear()  # the browser's own word for a 403


def test_checks_are_run_when_asked_for(tab: Tab) -> None:
    link = "docs/reference/checks.md#a"
    results = [
        Result("weft-existence", "control plane pods are ready", Outcome.SUCCESS),
        Result("weft-identity", "issuer is valid for 60 days", Outcome.WARNING, "it ends tomorrow", "Run `mesh upgrade`.", link),
    ]  # fmt: skip
    with (
        served(cluster(), voting()) as service,
        forwarded(service, FakeTap(), to_json(results)) as url,
    ):
        tab.go(f"{url}/controlplane")
        tab.click("#checks button")
        tab.wait("document.querySelector('#checks').innerText.includes('1 passed, 1 warning')")
        said = tab.ask("document.querySelector('#checks').innerText")
        for words in ("issuer is valid for 60 days", "it ends tomorrow", "Run mesh upgrade."):
            assert words in said
        assert "control plane pods are ready" not in said, "what is well is folded up"
        assert grave_findings(tab) == []
        tab.go(f"{service.url}/controlplane")
        tab.click("#checks button")
        tab.wait("document.body.innerText.includes('checks are run on your own host')")
    tab.complaints.clear()  # the browser's own word for a 403
