"""Every page as a reader meets it: full, empty, failing, crowded, stale, small, dark, by keyboard."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import click
import pytest

from cli.main import build
from tests.browser.axe import grave_findings
from tests.browser.dashboard import (
    NAMESPACE,
    Service,
    add_deployment,
    cluster,
    served,
    set_component,
    voting,
)
from tests.browser.tab import best, first_table
from web.app import MIN_PAGE_INTERVAL
from web.stats.backend import Group, Latency, Provenance, Traffic
from web.tests.proxies import FakeProxy
from weft import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.tab import Tab

SHOWN = "document.querySelector('main .table, main .empty, main .tiles, main form')"
SECOND = 1000.0
ROWS = "document.querySelectorAll('tbody th').length"
PATHS = (
    "/",
    f"/namespaces/{NAMESPACE}",
    f"/namespaces/{NAMESPACE}/pods",
    f"/namespaces/{NAMESPACE}/deployments/web",
    f"/namespaces/{NAMESPACE}/services/voting-svc",
    "/namespaces/empty",
    "/routes",
    f"/routes/{NAMESPACE}",
    "/errors",
    "/tap",
    "/top",
    "/controlplane",
)


@pytest.fixture
def service(tab: Tab) -> Iterator[Service]:
    """Without `mesh dashboard` before it, so that live requests are refused: a 403, as the browser says."""
    with served(cluster(), voting()) as found:
        yield found
    tab.complaints[:] = [one for one in tab.complaints if "/api/v1/tap/" not in one]


def row(tab: Tab, name: str, table: int = 0) -> list[str]:
    """The cells of the row that has this name."""
    found = tab.ask(
        f"""[...document.querySelectorAll('table')[{table}].querySelectorAll('tbody tr')]
        .map(tr => [...tr.children].map(cell => cell.innerText.trim()))
        .find(cells => cells[0] === {name!r})"""
    )
    assert isinstance(found, list), tab.text()
    return found


def test_the_front_page_is_there_within_a_second(tab: Tab, service: Service) -> None:
    took = best(lambda: first_table(tab, service.url, ROWS), SECOND)
    print(f"first table after {took:.0f} ms")
    assert tab.ask("document.title") == "Namespaces · Weft"
    cells = row(tab, NAMESPACE)
    assert cells[1:4] == ["4/4", "92.00 %", "23.3"]
    assert row(tab, "empty")[1:3] == ["0/0", "–"]
    assert took < SECOND


def test_the_topology_says_who_calls_whom_and_how_it_fares(tab: Tab, service: Service) -> None:
    tab.go(f"{service.url}/namespaces/{NAMESPACE}")
    tab.wait("document.querySelector('.topology .edge')")
    edges = tab.ask(
        """[...document.querySelectorAll('.edge')].map(edge =>
        [edge.dataset.from, edge.dataset.to, edge.querySelector('.edge-text').textContent])"""
    )
    assert ["vote-bot", "web", "90.00 %"] in edges
    assert ["web", "emoji", "100.00 %"] in edges
    assert ["web", "voting", "80.00 %"] in edges
    place = "Object.fromEntries([...document.querySelectorAll('a.node')].map(a => [a.getAttribute('href').split('/').pop(), a.getBoundingClientRect().x]))"
    at = tab.ask(place)
    assert at["vote-bot"] < at["web"] < min(at["emoji"], at["voting"])


def test_the_workload_page_shows_whom_it_calls_and_who_fails(tab: Tab, service: Service) -> None:
    tab.go(f"{service.url}/namespaces/{NAMESPACE}/deployments/web")
    tab.wait("document.querySelector('#outbound tbody tr')")
    calls = tab.ask(
        "[...document.querySelectorAll('#outbound tbody tr')].map(tr => tr.innerText.split(/\\s+/).slice(0, 3).join(' '))"
    )
    assert calls == ["deploy/voting 80.00 %", "deploy/emoji 100.00 %"]
    edges = tab.ask("document.querySelector('#edges').innerText")
    assert "web.emojivoto → voting.emojivoto" in edges
    assert re.search(r"not in the mesh\s+deploy/web\s+the sender has no identity", edges)
    assert "web-5d4f-x7k2p" in tab.ask("document.querySelector('#pods').innerText")
    assert "mesh stat deploy --from deploy/web -n emojivoto" in tab.text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_left_out(tab: Tab, service: Service, theme: str) -> None:
    tab.theme("light" if theme == "light" else "dark")
    for path in PATHS:
        tab.go(service.url + path)
        tab.wait(SHOWN)
        assert grave_findings(tab) == [], path


@pytest.mark.parametrize("path", PATHS)
def test_a_phone_shows_every_page_without_scrolling_sideways(
    tab: Tab, service: Service, path: str
) -> None:
    tab.size(390, 844, phone=True)
    tab.go(service.url + path)
    tab.wait(SHOWN)
    assert tab.ask("document.scrollingElement.scrollWidth") <= 390


def test_by_keyboard(tab: Tab, service: Service) -> None:
    tab.go(service.url)
    tab.wait(ROWS)
    tab.key("Tab")
    assert tab.ask("document.activeElement.textContent") == "Skip to the content"
    for _ in range(40):
        tab.key("Tab")
        if tab.ask("document.activeElement.textContent") == NAMESPACE:
            break
    tab.key("Enter")
    tab.wait(f"location.pathname === '/namespaces/{NAMESPACE}'")
    tab.wait("document.activeElement.tagName === 'H1'")
    tab.wait("document.title === 'emojivoto · Weft'")
    tab.ask("history.back()")
    tab.wait("document.title === 'Namespaces · Weft'")


def test_a_column_sorts_both_ways(tab: Tab, service: Service) -> None:
    tab.go(f"{service.url}/namespaces/{NAMESPACE}/deployments")
    tab.wait(ROWS)
    names = "[...document.querySelectorAll('tbody th')].map(one => one.innerText)"
    tab.click("thead .column-success button")
    tab.wait("document.querySelector('.column-success').getAttribute('aria-sort') === 'descending'")
    assert tab.ask(names) == ["emoji", "web", "voting", "vote-bot"]
    tab.click("thead .column-success button")
    tab.wait("document.querySelector('.column-success').getAttribute('aria-sort') === 'ascending'")
    assert tab.ask(names) == ["voting", "web", "emoji", "vote-bot"]


def test_colours_follow_the_reader(tab: Tab, service: Service) -> None:
    tab.theme("light")
    tab.go(service.url)
    tab.wait(ROWS)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.ask(ground)
    tab.theme("dark")
    dark = tab.ask(ground)
    assert dark != light
    tab.click(".theme")  # from the system's to light
    tab.wait(f"{ground} === {light!r}")
    tab.go(service.url)
    tab.wait(f"{ground} === {light!r}")
    tab.click(".theme")
    tab.wait(f"{ground} === {dark!r}")
    tab.click(".theme")
    tab.wait("localStorage.getItem('weft.theme') === 'system'")


def test_a_component_that_is_down_is_named_with_the_moment(tab: Tab, service: Service) -> None:
    tab.go(service.url)
    tab.wait(ROWS)
    assert "down" not in tab.text()
    set_component(service.inventory, "identity", ready=False)
    tab.wait("/identity is down since \\d\\d:\\d\\d:\\d\\d/.test(document.body.innerText)")
    assert "Certificates are not renewed" in tab.text()
    tab.click("nav a[href$=controlplane]")
    tab.wait("document.body.innerText.includes('3/4')")
    set_component(service.inventory, "identity", ready=True)
    tab.wait("!document.querySelector('.notice')")


def test_a_service_that_goes_away_is_told_and_its_numbers_stay(tab: Tab, service: Service) -> None:
    tab.go(service.url)
    tab.wait(ROWS)
    service.stop()
    tab.wait(
        "/The web service does not answer since \\d\\d:\\d\\d:\\d\\d/.test(document.body.innerText)"
    )
    assert row(tab, NAMESPACE)[1] == "4/4"
    assert "numbers below are of" in tab.text()
    assert grave_findings(tab) == []
    service.start()
    tab.wait("!document.querySelector('.notice')")
    tab.complaints.clear()  # the browser's own word for a refused connection


def test_a_backend_that_is_away_is_told(tab: Tab, service: Service) -> None:
    tab.go(service.url)
    tab.wait(ROWS)
    service.backend.error = "prometheus: connection refused"
    tab.wait(
        "document.body.innerText.includes('The web service says: prometheus: connection refused')"
    )
    tab.go(service.url)
    tab.wait("document.querySelector('.notice')")
    assert "prometheus: connection refused" in tab.text()
    service.backend.error = ""
    tab.wait(ROWS)
    tab.complaints.clear()  # the browser's own word for a 503


def test_what_is_not_there(tab: Tab, service: Service) -> None:
    tab.go(f"{service.url}/namespaces/nowhere")
    tab.wait("document.body.innerText.includes('there is no namespace nowhere')")
    tab.go(f"{service.url}/namespaces/empty")
    tab.wait("document.body.innerText.includes('Nothing runs in this namespace')")
    tab.go(f"{service.url}/namespaces/{NAMESPACE}/colours")
    assert "404" in tab.ask("fetch(location.href).then(one => String(one.status))") or (
        "Page not found" in tab.text()
    )
    tab.complaints.clear()  # the browser's own word for a 404


def test_routes_say_how_each_does_and_how_often_it_is_tried(tab: Tab, service: Service) -> None:
    tab.go(f"{service.url}/routes/{NAMESPACE}")
    tab.wait(ROWS)
    assert row(tab, "leaderboard HTTPRoute")[1:5] == [
        "svc/voting-svc", "voting-svc:8080", "100.00 %", "3.7",
    ]  # fmt: skip
    doughnut = row(tab, "vote-doughnut HTTPRoute")
    assert doughnut[3] == "0.00 %"
    assert doughnut[-2:] == ["0.00 %", "2.8"], "it is tried three times"
    assert row(tab, "default", table=1)[2] == "all-unauthenticated:8080"
    tab.ask("""(() => {
      const choice = document.querySelector('.choose select');
      choice.value = '';
      choice.dispatchEvent(new Event('change', {bubbles: true}));
    })()""")
    tab.wait("location.pathname === '/routes' && document.title === 'Routes · Weft'")
    tab.wait(ROWS)
    tab.go(f"{service.url}/routes/empty")
    tab.wait("document.body.innerText.includes('No meshed client has sent a request')")


def test_errors_say_what_they_mean_and_what_to_do(tab: Tab) -> None:
    found = [
        _met(2001, 3, "connect to 10.0.0.9:8080: connection refused"),
        _met(1002, 1, "<b>"),
        _met(2001, 0, ""),
    ]
    proxy = FakeProxy(errors=json.dumps(found))
    with served(cluster(), voting(), proxies={"web": proxy}) as service:
        tab.go(f"{service.url}/errors/{NAMESPACE}")
        tab.wait("document.querySelectorAll('.error-kind').length === 2")
        first, second = tab.ask(
            "[...document.querySelectorAll('.error-kind')].map(one => one.innerText)"
        )
        for words in (
            "2001",
            "connect-refused",
            "8 times at one pod",
            errors.CONNECT_REFUSED.advice,
        ):
            assert words in first
        assert errors.ROUTE_NOT_FOUND.meaning in second
        rows = tab.ask(
            "[...document.querySelectorAll('#errors tbody tr')].map(tr => [...tr.children].map(td => td.innerText.trim()))"
        )
        assert [cells[1] for cells in rows] == [
            "2001 connect-refused", "1002 route-not-found", "2001 connect-refused",
        ]  # fmt: skip
        assert rows[0][3:] == ["po/web-5d4f-x7k2p", "sent to", "voting-svc:8080", found[0]["cause"]]
        assert rows[1][6] == "<b>"
        assert "3 of 4 proxies did not answer" in tab.text()
        assert grave_findings(tab) == []
        tab.size(390, 844, phone=True)
        assert tab.ask("document.scrollingElement.scrollWidth") <= 390
        proxy.errors = "[]"
        tab.wait("document.body.innerText.includes('No proxy remembers an error')")


def _met(number: int, second: int, cause: str) -> dict[str, Any]:
    """An error as a proxy tells it."""
    return {
        "time": f"2026-01-01T00:00:0{second}Z",
        "side": "outbound",
        "peer": "voting-svc:8080",
        "route": "votes",
        "endpoint": "10.0.0.9:8080",
        "number": number,
        "cause": cause,
        "first": "2026-01-01T00:00:00Z",
        "count": 1 + 2 * second,
    }


def test_where_the_figures_come_from_is_said(tab: Tab, service: Service) -> None:
    tab.go(service.url)
    tab.wait("document.body.innerText.includes('read from the proxies')")
    service.backend.provenance = Provenance("prometheus", 1_700_000_000.0)
    tab.wait("document.body.innerText.includes('from Prometheus')")
    why = "Prometheus does not answer: connection refused"
    service.backend.provenance = Provenance("embedded", 1_700_000_000.0, why)
    tab.wait(
        "/The figures come from the embedded collector since \\d\\d:\\d\\d:\\d\\d/.test(document.body.innerText)"
    )
    assert why in tab.text()
    assert row(tab, NAMESPACE)[1] == "4/4"


def test_commands_can_be_pasted(tab: Tab, service: Service) -> None:
    said = set()
    for path in (*PATHS, f"/errors/{NAMESPACE}"):
        tab.go(service.url + path)
        tab.wait(SHOWN)
        said |= set(
            tab.ask("[...document.querySelectorAll('.command code')].map(one => one.textContent)")
        )
    said -= {"mesh tap ns/NAMESPACE", "mesh top ns/NAMESPACE"}  # before anything is chosen
    assert len(said) > 10
    for command in sorted(said):
        _parse(command)


def _parse(command: str) -> None:
    """As the program would. Raises click's UsageError."""
    program, *words = shlex.split(command)
    assert program == "mesh"
    found: click.Command = build()
    context = click.Context(found)
    name: str | None = program
    while isinstance(found, click.Group):
        name, chosen, words = found.resolve_command(context, words)
        assert chosen is not None
        found, context = chosen, click.Context(chosen, parent=context)
    found.make_context(name, words, parent=context)


def test_a_thousand_rows_scroll_smoothly(tab: Tab) -> None:
    known, backend = cluster(), voting()
    for number in range(1000):
        add_deployment(known, f"load-{number:04}")
        backend.traffic[Group(NAMESPACE, f"load-{number:04}")] = Traffic(
            100 + number, number % 40, Latency(1, 2, 3)
        )
    with served(known, backend, MIN_PAGE_INTERVAL) as service:
        tab.go(f"{service.url}/namespaces/{NAMESPACE}/deployments")
        tab.wait(ROWS)
        assert tab.ask(ROWS) < 100
        assert tab.ask("document.querySelector('table').getAttribute('aria-rowcount')") == "1005"
        before = tab.worked()
        frames = tab.ask(_SCROLL)
        each = (tab.worked() - before) / frames
        assert tab.ask(ROWS) < 100
        print(f"{frames} frames, each {each * 1000:.1f} ms of processor time")
        assert each < 1 / 60
        tab.wait("[...document.querySelectorAll('tbody th')].some(one => one.innerText === 'web')")


_SCROLL = """new Promise(done => {
  const box = document.querySelector('.table-box');
  let frames = 0;
  const step = () => {
    frames += 1;
    box.scrollTop += 300;
    if (box.scrollTop + box.clientHeight >= box.scrollHeight - 1) done(frames);
    else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""
