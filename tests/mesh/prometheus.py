"""A Prometheus of the user's own, with our files, that finds the mesh through the API server."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from deploy.prometheus.files import HERE
from testkit.ports import free_ports
from tests.mesh import monitors, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.mesh.cluster import Cluster, Json

ACCOUNT = "prometheus"
NOISE = "level=INFO"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running one."""

    url: str

    def targets(self, job: str) -> list[Json]:
        """What a job scrapes; each has `labels`, and `health`, which is `up` when that went well."""
        found = self._ask("targets", state="active")["activeTargets"]
        return [one for one in found if one["labels"]["job"] == job]

    def value(self, query: str) -> float | None:
        """Of the one series that a query finds; none when there is none."""
        result = self._ask("query", query=query)["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None

    def ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/-/ready", timeout=5) as response:
                return bool(response.status == 200)
        except URLError:
            return False

    def _ask(self, what: str, **parameters: str) -> Any:
        with urlopen(f"{self.url}/api/v1/{what}?{urlencode(parameters)}", timeout=20) as response:
            return json.load(response)["data"]


@contextmanager
def running(cluster: Cluster, program: str, folder: Path) -> Iterator[Prometheus]:
    """It has our scrape jobs and rules as they are, and the operator's jobs of our monitors. As it runs
    outside of a pod, it is told where the API server is; there it may what access.yml says, no more."""
    (port,) = free_ports(1)
    found = Prometheus(f"http://127.0.0.1:{port}")
    config = folder / "prometheus.yml"
    with _account(cluster, folder / "kubeconfig") as kubeconfig:
        config.write_text(yaml.safe_dump(_configuration(kubeconfig)))
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            cluster.terminal.wait_until("Prometheus is ready", found.ready, seconds=30, every=0.2)
            yield found
        finally:
            process.terminate()
            process.wait(20)
            print("".join(_complaints(folder / "log")))


def _complaints(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines(keepends=True) if NOISE not in line]


def _configuration(kubeconfig: Path) -> Json:
    scrape = yaml.safe_load((HERE / "scrape.yml").read_text())
    resources = yaml.safe_load_all((HERE / "podmonitor.yml").read_text())
    # A user has the one or the other: of the operator's jobs no sample is kept, so that rules count once.
    kept_not = {"metric_relabel_configs": [{"action": "drop", "regex": ".*"}]}
    found = scrape["scrape_configs"] + [
        job | kept_not for one in resources for job in monitors.jobs(one)
    ]
    for job in found:
        for discovery in job["kubernetes_sd_configs"]:
            discovery["kubeconfig_file"] = str(kubeconfig)
    rules = [str(file) for file in sorted((HERE / "rules").glob("*.yml"))]
    return {**scrape, "scrape_configs": found, "rule_files": rules}


@contextmanager
def _account(cluster: Cluster, path: Path) -> Iterator[Path]:
    """The kubeconfig of a service account that has the documented rights."""
    role = yaml.safe_load((HERE / "access.yml").read_text())
    home = {"name": ACCOUNT, "namespace": workloads.NAMESPACE}
    cluster.apply(
        role,
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": home},
        {
            "apiVersion": role["apiVersion"],
            "kind": "ClusterRoleBinding",
            "metadata": {"name": role["metadata"]["name"]},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": role["kind"],
                "name": role["metadata"]["name"],
            },
            "subjects": [{"kind": "ServiceAccount", **home}],
        },
    )
    try:
        path.write_text(json.dumps(cluster.kubeconfig_of(ACCOUNT, workloads.NAMESPACE)))
        yield path
    finally:
        cluster.kubectl("delete", "clusterrolebinding,clusterrole", role["metadata"]["name"])
        cluster.kubectl("delete", "serviceaccount", ACCOUNT, "-n", workloads.NAMESPACE)
