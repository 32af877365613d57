"""A cluster that stands: kubectl and mesh on it, and where its pods' networks are."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from deploy.demo.terminal import KUBECTL, MESH, ROOT, StepFailed, Terminal

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


class Cluster:
    """One cluster, by its kubeconfig. `StepFailed` is what a failed command raises."""

    def __init__(self, name: str, kubeconfig: Path, *, pods_are_here: bool = True) -> None:
        """`pods_are_here`: they run on this host, so their networks can be entered."""
        self.name = name
        self.pods_are_here = pods_are_here
        self.terminal = Terminal()
        self.terminal.environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        return self.terminal.run(*KUBECTL, *arguments, given=given)

    def mesh(self, *arguments: str, given: str | None = None) -> str:
        return self.terminal.run(*MESH, *arguments, given=given)

    def try_mesh(self, *arguments: str, kubeconfig: Path | None = None) -> tuple[int, str]:
        """Exit code and stdout of a command that may fail, with another kubeconfig if one is given."""
        environment = dict(self.terminal.environment)
        if kubeconfig is not None:
            environment["KUBECONFIG"] = str(kubeconfig)
        result = subprocess.run(
            [*MESH, *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment,
            check=False,
        )
        return result.returncode, result.stdout

    def read(self, *arguments: str) -> Json:
        """`kubectl get ... -o json`."""
        found = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        assert isinstance(found, dict)
        return found

    def kubeconfig_of(self, account: str, namespace: str) -> Json:
        """A kubeconfig with a token of that service account."""
        token = self.kubectl("create", "token", account, "-n", namespace).strip()
        config = self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json")
        found: Json = json.loads(config)
        found["users"][0]["user"] = {"token": token}
        return found

    def exists(self, *arguments: str) -> bool:
        return bool(self.kubectl("get", *arguments, "--ignore-not-found", "-o", "name").strip())

    def apply(self, *objects: Json) -> None:
        manifest = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "-f", "-", given=json.dumps(manifest))

    def port(self, namespace: str, pod: str, port: int, path: str) -> str:
        """GET from a pod's port, through the API server."""
        return self.kubectl(
            "get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/{path}"
        )

    def answers(self) -> bool:
        try:
            self.kubectl("get", "--raw", "/readyz")
        except StepFailed:
            return False
        return True
