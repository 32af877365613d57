"""Rules, dashboards and scrape jobs, tried on a Prometheus of Debian that scrapes recorded proxies."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from deploy.prometheus.dashboards import dashboards, render
from deploy.prometheus.files import HERE, files
from deploy.prometheus.rules import alerts, recording
from proxy_injector.metrics import Metrics
from testkit.debian import program
from testkit.ports import free_ports
from weft.metrics import catalogue

TESTS = Path(__file__).parent
RECORDED = TESTS / "recorded"
MINUTES = 3
STEP = 15
NAMES = {metric.name for metric in catalogue()}


@pytest.fixture(scope="module")
def promtool() -> str:
    return program("promtool", "prometheus")


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("path", files())
def test_what_is_written_is_up_to_date(path: str) -> None:
    assert (HERE / path).read_text("utf-8") == files()[path], "run `make docs`"


@pytest.mark.slow
@pytest.mark.parametrize("path", ["rules/recording.yml", "rules/alerts.yml"])
def test_rules_are_rules(promtool: str, path: str) -> None:
    assert "SUCCESS" in run(promtool, "check", "rules", str(HERE / path))


@pytest.mark.slow
def test_alerts_fire_when_they_should_and_only_then(promtool: str) -> None:
    assert "SUCCESS" in run(promtool, "test", "rules", str(TESTS / "test_rules.yml"))


def test_every_alert_is_tried() -> None:
    tried = (TESTS / "test_rules.yml").read_text()
    for rule in alerts()["groups"][0]["rules"]:
        assert f"alertname: {rule['alert']}" in tried


def expressions() -> Iterator[tuple[str, str]]:
    """Every query of rules and dashboards, by name, with the variables of dashboards chosen."""
    for rule in recording()["groups"][0]["rules"]:
        yield rule["record"], rule["expr"]
    for rule in alerts()["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]
    chosen = {"$namespace": "demo", "$deployment": "web", "$mesh": "weft"}
    for one in dashboards():
        for panel in render(one)["panels"]:
            for target in panel["targets"]:
                text = target["expr"]
                for variable, value in chosen.items():
                    text = text.replace(variable, value)
                yield f"{one.uid}: {panel['title']} {target['refId']}", text


EXPRESSIONS = dict(expressions())
OF_SERVICES = {"WeftIssuerExpires", "WeftPodsUnmeshed"}
"""Queries of what control-plane services count, which proxies do not."""


def without_thresholds(expression: str) -> str:
    """An alert's query as a question whose answer is there, whether it is alarming or not."""
    return re.sub(r"[<>] [0-9.]+( \* [0-9]+)*", "> bool -1", expression)


def grown(page: str, began: float) -> str:
    """A recorded page as what was scraped for minutes: counters grow by as much each time."""
    gauges = set(re.findall(r"^# TYPE (\S+) gauge$", page, re.MULTILINE))
    lines = []
    for step in range(MINUTES * 60 // STEP + 1):
        at = round((began + step * STEP) * 1000)
        for line in page.splitlines():
            if line.startswith("#"):
                continue
            series, _, value = line.rpartition(" ")
            name = series.partition("{")[0]
            factor = 1 if name in gauges else step
            lines.append(f"{series} {float(value) * factor} {at}\n")
    return "".join(lines)


def pods() -> Iterator[tuple[dict[str, str], str]]:
    """Recorded proxies as an application's pods, and as the control plane's."""
    for file in sorted(RECORDED.glob("*.prom")):
        for home, deployment in (("demo", "web"), ("weft", "weft-destination")):
            name = f"{deployment}-{file.stem}"
            workload = {"namespace": home, "deployment": deployment, "pod": name}
            others = {"statefulset": "db", "daemonset": "agent"}
            yield workload | others, file.read_text()


class Asked:
    """A Prometheus that has scraped all recorded pods."""

    def __init__(self, folder: Path) -> None:
        self.ended = float(int(time.time()))
        self.folder = folder
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._pages = [(labels, grown(page, self.ended - MINUTES * 60)) for labels, page in pods()]
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Writes what was scraped as Prometheus' own files, and starts it on them."""
        text = self.folder / "scraped.om"
        text.write_text("".join(_open_metrics(self._pages)) + "# EOF\n")
        data = self.folder / "data"
        promtool = program("promtool", "prometheus")
        run(promtool, "tsdb", "create-blocks-from", "openmetrics", str(text), str(data))
        config = self.folder / "prometheus.yml"
        config.write_text("{}\n")
        self._process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
                "--log.level=error",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asyncio.run(_ready(self.url))

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)


def _open_metrics(pages: list[tuple[dict[str, str], str]]) -> Iterator[str]:
    """Lines with their pod's labels, and times in seconds as OpenMetrics has them."""
    for labels, page in pages:
        more = ",".join(f'{name}="{value}"' for name, value in labels.items())
        for line in page.splitlines():
            series, value, at = line.rsplit(" ", 2)
            name, brace, inside = series.partition("{")
            inner = f"{inside.removesuffix('}')},{more}" if brace else more
            yield f"{name}{{{inner}}} {value} {int(at) / 1000:.3f}\n"


async def _ready(url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            try:
                async with session.get(f"{url}/-/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    found = Asked(tmp_path_factory.mktemp("prometheus"))
    found.open()
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EXPRESSIONS) - OF_SERVICES))
def test_every_query_finds_something_that_proxies_say(
    asked: Asked, promtool: str, name: str
) -> None:
    query = EXPRESSIONS[name]
    if name.startswith("Weft"):
        query = without_thresholds(query).replace("offset 1h", "")
    at = f"--time={asked.ended:.0f}"
    found = json.loads(run(promtool, "query", "instant", "-o", "json", at, asked.url, query))
    assert found, f"nothing for {query}"
    assert any(one["value"][1] != "NaN" for one in found)


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_queries_are_of_metrics_that_exist(name: str) -> None:
    asked_for = set(re.findall(r"\b([a-z][a-z0-9_]+)\{", EXPRESSIONS[name]))
    assert asked_for or name in OF_SERVICES
    for family in asked_for:
        assert family.removesuffix("_bucket") in NAMES


@pytest.mark.parametrize("one", dashboards(), ids=lambda one: one.uid)
def test_a_dashboard_is_one_that_grafana_imports(one: Any) -> None:
    made = render(one)
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in made["panels"]}
    assert len(places) == len(made["panels"])
    names = {variable["name"] for variable in made["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(made)))
    assert used <= names


META = {
    "__meta_kubernetes_pod_container_name": "linkerd-proxy",
    "__meta_kubernetes_pod_container_port_name": "linkerd-admin",
    "__meta_kubernetes_pod_phase": "Running",
    "__meta_kubernetes_namespace": "emojivoto",
    "__meta_kubernetes_pod_name": "web-1-a",
    "__meta_kubernetes_pod_controller_kind": "ReplicaSet",
    "__meta_kubernetes_pod_controller_name": "web-1",
    "__meta_kubernetes_pod_label_linkerd_io_control_plane_ns": "weft",
    "__meta_kubernetes_pod_label_linkerd_io_proxy_deployment": "web",
}
"""What Prometheus says of a pod in Kubernetes."""


def as_file(job: dict[str, Any], *found: dict[str, str], first_port: int = 1) -> dict[str, Any]:
    """The job with pods that were found already, each on the port after the last: Debian's Prometheus cannot
    ask Kubernetes. tests/mesh/test_prometheus.py has one that can."""
    return {
        **{key: value for key, value in job.items() if key != "kubernetes_sd_configs"},
        "static_configs": [
            {"targets": [f"127.0.0.1:{first_port + number}"], "labels": labels}
            for number, labels in enumerate(found)
        ],
    }


@pytest.mark.slow
def test_scrape_jobs_keep_proxies_and_name_them_as_linkerd_does(tmp_path: Path) -> None:
    proxies, controllers = yaml.safe_load((HERE / "scrape.yml").read_text())["scrape_configs"]
    seed = META | {"__meta_kubernetes_pod_label_linkerd_io_proxy_job": "seed"}
    del seed["__meta_kubernetes_pod_label_linkerd_io_proxy_deployment"]
    seed["__meta_kubernetes_pod_controller_kind"] = "Job"
    other = META | {"__meta_kubernetes_pod_container_name": "app"}
    done = META | {"__meta_kubernetes_pod_phase": "Succeeded"}
    component = "__meta_kubernetes_pod_label_linkerd_io_control_plane_component"
    identity = META | {
        component: "identity",
        "__meta_kubernetes_pod_container_name": "identity",
        "__meta_kubernetes_pod_container_port_name": "identity-admin",
    }
    config = tmp_path / "prometheus.yml"
    jobs = [
        as_file(proxies, META, seed, other, done),
        as_file(controllers, identity, META | {component: "identity"}, other),
    ]
    config.write_text(yaml.safe_dump({"scrape_configs": jobs}))
    found = asyncio.run(_targets(config, tmp_path))
    common = {"namespace": "emojivoto", "pod": "web-1-a"}
    assert sorted(found, key=lambda one: sorted(one.items())) == sorted(
        [
            common | {"job": "weft-proxy", "deployment": "web", "replicaset": "web-1", "control_plane_ns": "weft"},
            common | {"job": "weft-proxy", "k8s_job": "seed", "control_plane_ns": "weft"},
            common | {"job": "weft-controller", "component": "identity"},
        ],
        key=lambda one: sorted(one.items()),
    )  # fmt: skip


async def _targets(config: Path, folder: Path) -> list[dict[str, str]]:
    """Labels of the targets that a Prometheus makes of a configuration."""
    async with _running(config, folder) as ask:
        targets = await _some(ask, "activeTargets", "targets", state="active")
    return [{k: v for k, v in one["labels"].items() if k != "instance"} for one in targets]


@pytest.mark.slow
def test_the_alert_of_unmeshed_pods_names_their_namespace_and_not_the_injectors(
    tmp_path: Path,
) -> None:
    """As an injector's own page is scraped by the job of its kind."""
    registry = CollectorRegistry()
    Metrics(registry).count_unmeshed({("shop", True): 2, ("shop", False): 1})
    (alert,) = (
        rule for rule in alerts()["groups"][0]["rules"] if rule["alert"] == "WeftPodsUnmeshed"
    )
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        found = asyncio.run(_answer(alert["expr"], server.server_port, tmp_path))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert found == [({"exported_namespace": "shop"}, "3")]


async def _answer(expression: str, port: int, folder: Path) -> list[tuple[dict[str, str], str]]:
    """What the expression finds in the page at this port, scraped as the injector's."""
    _, controllers = yaml.safe_load((HERE / "scrape.yml").read_text())["scrape_configs"]
    injector = META | {
        "__meta_kubernetes_namespace": "weft",
        "__meta_kubernetes_pod_label_linkerd_io_control_plane_component": "proxy-injector",
        "__meta_kubernetes_pod_container_name": "proxy-injector",
        "__meta_kubernetes_pod_container_port_name": "proxy-inj-admin",
    }
    often = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    job = as_file(controllers, injector, first_port=port) | often
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    async with _running(config, folder) as ask:
        found = await _some(ask, "result", "query", query=expression)
    return [(one["metric"], one["value"][1]) for one in found]


Ask = Callable[..., Awaitable[Any]]


async def _some(ask: Ask, name: str, path: str, **parameters: str) -> Any:
    """That part of the API's answer, when there is something in it."""
    while True:
        answer = await ask(path, **parameters)
        if answer[name]:
            return answer[name]
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _running(config: Path, folder: Path) -> AsyncIterator[Ask]:
    """A Prometheus with this configuration; what is yielded asks its API. A minute is enough for all of it."""
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(60):
            await _ready(url)

            async def ask(path: str, **parameters: str) -> Any:
                async with session.get(f"{url}/api/v1/{path}", params=parameters) as response:
                    return (await response.json())["data"]

            yield ask
    finally:
        process.terminate()
        await process.wait()
