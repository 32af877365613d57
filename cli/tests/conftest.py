"""Running `mesh` against a web API that is told what to answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.cluster import web_api
from cli.main import build

Mesh = Callable[..., Result]


@pytest.fixture
def mesh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mesh:
    """`mesh(web, line, columns)`: runs it, with a kubeconfig whose context has no namespace."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    def run(web: Any, line: str, columns: int = 80) -> Result:
        monkeypatch.setattr(web_api, "connect_web", lambda chosen: web)
        environment = {"COLUMNS": str(columns)}
        return CliRunner().invoke(build(), line.split(), env=environment)

    return run
